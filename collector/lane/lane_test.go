package lane

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"graphctl/collector"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig runs a router whose batches go straight into a store.
type rig struct {
	*Router
	store *memstore.Store
	syms  *collector.Symbols
	stop  func() // and wait
}

func start(t *testing.T, o Options, store *memstore.Store) *rig {
	t.Helper()
	r := &rig{store: store, syms: collector.NewSymbols()}
	var err error
	r.Router, err = New(o, r.syms, func(b *graph.Batch) {
		if err := store.Apply(context.Background(), []graph.Batch{*b}); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	r.stop = func() { cancel(); wg.Wait() }
	return r
}

// half is the client (1) or server (2) half of call n.
func (r *rig) half(n, side byte) *collector.Batch {
	now := time.Now().UnixNano()
	s := collector.Span{Start: now, End: now + 1e6, Weight: collector.WeightOne, Messages: collector.NoCount}
	s.Trace[15], s.ID[7] = n, side
	name := "web"
	s.Kind, s.Role = collector.KindClient, collector.Out
	if side == 2 {
		name = "api"
		s.Parent[7] = 1
		s.Kind, s.Role = collector.KindServer, collector.In
	}
	s.Resource = r.syms.InternResource(collector.Resource{Name: name})
	return &collector.Batch{Spans: []collector.Span{s}}
}

func (r *rig) calls(t *testing.T) int64 {
	t.Helper()
	g, err := r.store.Read(context.Background(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for _, e := range g.Edges {
		if e.From == "web" && e.To == "api" {
			n += e.Stats.Calls
		}
	}
	return n
}

func (r *rig) consume(t *testing.T, b *collector.Batch) {
	t.Helper()
	if err := r.Consume(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// A call is in the graph a tick after its second half.
func TestTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Epoch: 1}, memstore.New())
		r.consume(t, r.half(1, 1))
		r.consume(t, r.half(1, 2))
		time.Sleep(time.Second)
		synctest.Wait()
		if got := r.calls(t); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
		if c := r.Counters(); c.Observed != 2 || c.Accepted != 2 {
			t.Errorf("counters %+v", c)
		}
		r.stop()
	})
}

// What is queued when the lane stops is worked off, and nothing is taken after.
func TestStopDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Epoch: 1}, memstore.New())
		for n := range byte(100) {
			r.consume(t, r.half(n+1, 1))
			r.consume(t, r.half(n+1, 2))
		}
		r.stop()
		if got := r.calls(t); got != 100 {
			t.Errorf("%d calls, want 100", got)
		}
		if err := r.Consume(t.Context(), r.half(1, 1)); !errors.Is(err, collector.ErrBusy) {
			t.Errorf("after the end: %v, want busy", err)
		}
	})
}

// Halves parted by a restart meet, and nothing shown before is shown again.
func TestStateCarriesOpenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Epoch: 1}, store)
		r.consume(t, r.half(1, 1))
		r.consume(t, r.half(2, 1))
		r.consume(t, r.half(2, 2))
		r.stop()
		h, err := ReadHeader(r.State())
		if p, _ := store.Progress(t.Context(), h.Origin); err != nil || p != h.Seq {
			t.Errorf("state of sequence %d, store at %d, error %v", h.Seq, p, err)
		}
		time.Sleep(time.Minute)
		r = start(t, Options{Epoch: 2, State: r.State()}, store)
		r.consume(t, r.half(1, 2))
		r.stop()
		if got := r.calls(t); got != 2 {
			t.Errorf("%d calls, want 2", got)
		}
	})
}

func TestStateRefusesOtherBytes(t *testing.T) {
	for _, state := range []string{"", "x", stateMagic, stateMagic + "aaaabbbbbbbbcccccccc", "gclane\x00\x02aaaabbbbbbbbcccccccc"} {
		if _, err := New(Options{State: []byte(state)}, collector.NewSymbols(), nil); err == nil {
			t.Errorf("%q was taken for a state", state)
		}
	}
}

// A full queue refuses a batch whole and says when to come back; an empty one
// takes a batch of any size.
func TestFullQueueIsBusy(t *testing.T) {
	r, err := New(Options{MaxQueued: 3}, collector.NewSymbols(), nil)
	if err != nil {
		t.Fatal(err)
	}
	spans := func(n int) *collector.Batch { return &collector.Batch{Spans: make([]collector.Span, n)} }
	for i, c := range []struct {
		n    int
		busy bool
	}{{2, false}, {2, true}, {1, false}, {1, true}, {0, false}} {
		err := r.Consume(t.Context(), spans(c.n))
		var busy *collector.BusyError
		if errors.As(err, &busy) != c.busy || c.busy && (busy.Why != collector.ThrottleLane || busy.After <= 0) {
			t.Errorf("batch %d of %d spans: %v", i, c.n, err)
		}
	}
	if got := r.Queued(); got != 3 {
		t.Errorf("%d spans queued, want 3", got)
	}
	r, err = New(Options{MaxQueued: 3}, collector.NewSymbols(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Consume(t.Context(), spans(9)); err != nil {
		t.Errorf("a batch larger than the empty queue: %v", err)
	}
}
