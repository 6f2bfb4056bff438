package live

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"graphctl/graph"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Run publishes within Patience of a batch, and within Period without one; a
// follower waits without polling.
func TestRunPublishes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		w := NewWindow(graph.InstantOf(time.Now()), Options{})
		done := make(chan error)
		go func() { done <- w.Run(ctx) }()
		f := w.Follow()
		for {
			if e, err := f.Next(ctx); err != nil {
				t.Fatal(err)
			} else if e.Update != nil {
				break
			}
		}
		start := time.Now()
		e, err := f.Next(ctx)
		if err != nil || e.Update == nil {
			t.Fatalf("event %+v, error %v", e, err)
		}
		if d := time.Since(start); d > Period || d < Patience {
			t.Errorf("idle publication after %v, want at most %v", d, Period)
		}
		r := &recorder{w: w}
		start = time.Now()
		r.put(graph.InstantOf(start), rpc(service_("web"), service_("cart")), 1)
		if e, err = f.Next(ctx); err != nil || e.Update == nil || len(e.Update.NewCalls) != 1 {
			t.Fatalf("event %+v, error %v, want one new call", e, err)
		}
		if d := time.Since(start); d > Patience {
			t.Errorf("a batch was published after %v, want at most %v", d, Patience)
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if _, err := f.Next(ctx); err != context.Canceled {
			t.Errorf("Next after the end: %v, want %v", err, context.Canceled)
		}
	})
}

func BenchmarkWindow(b *testing.B) {
	const services, edges = 10_000, 60_000
	w := NewWindow(t0, Options{})
	refs := make([]graph.NodeRef, services)
	for i := range refs {
		refs[i] = service_("team/" + string(rune('a'+i%26)) + time.Duration(i).String())
	}
	subs := make([]graph.Subject, edges)
	for i := range subs {
		subs[i] = rpc(refs[i%services], refs[(i*7+i/services)%services])
	}
	now, seq := t0, uint64(0)
	for b.Loop() {
		d := new(graph.Delta)
		for i := range 19_000 { // edges active in a second at 100,000 spans/s
			n := (int(seq)*19_000 + i) % edges
			put(d, now, subs[n], 2, 0, time.Duration(1+n%1000)*time.Millisecond)
		}
		seq++
		w.Apply([]graph.Batch{{Seq: seq, Delta: d}})
		now += second
		w.Advance(now)
	}
}
