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

// Links count against the bound in bytes: a few spans with many links fill the
// queue as many spans do.
func TestFullQueueIsBusyByBytes(t *testing.T) {
	r, err := New(Options{MaxBytes: 10 * linkBytes * collector.MaxLinks}, collector.NewSymbols(), nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &collector.Batch{
		Spans: []collector.Span{{Links: collector.MaxLinks}},
		Links: make([]collector.Link, collector.MaxLinks),
	}
	taken := 0
	for taken < 100 && r.Consume(t.Context(), b) == nil {
		taken++
	}
	if taken != 9 { // ten times the links would fit, not the spans beside them
		t.Errorf("%d spans with %d links each were taken, want 9", taken, collector.MaxLinks)
	}
	r.work()
	if err := r.Consume(t.Context(), b); err != nil {
		t.Errorf("after the queue was worked off: %v", err)
	}
}

// A batch belongs to its sender again as soon as Consume returns.
func TestConsumeCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Epoch: 1}, memstore.New())
		b := r.half(1, 1)
		r.consume(t, b)
		b.Spans[0] = r.half(1, 2).Spans[0]
		r.consume(t, b)
		b.Spans[0] = collector.Span{}
		r.stop()
		if got := r.calls(t); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
	})
}

// A guess that was hidden when the lane stopped is shown by the next one, when
// its time has come.
func TestStateCarriesGuesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Epoch: 1}, store)
		b := r.half(1, 2)
		b.Spans[0].Parent = collector.SpanID{} // a root
		r.consume(t, b)
		time.Sleep(time.Second)
		r.stop()
		if got := userCalls(t, store); got != 0 {
			t.Errorf("%d calls by the user a second after arrival, want 0", got)
		}
		r = start(t, Options{Epoch: 2, State: r.State()}, store)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := userCalls(t, store); got != 0 {
			t.Errorf("%d calls by the user three seconds after arrival, want 0", got)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := userCalls(t, store); got != 1 {
			t.Errorf("%d calls by the user six seconds after arrival, want 1", got)
		}
		r.stop()
	})
}

func userCalls(t *testing.T, store *memstore.Store) (n int64) {
	t.Helper()
	g, err := store.Read(context.Background(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range g.Edges {
		if e.From == "user" {
			n += e.Stats.Calls
		}
	}
	return n
}

// Sequence numbers rise by one from 1, over a restart too, and an origin keeps
// its epoch as long as its state is carried on.
func TestSequence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []graph.Batch
		next := uint64(1)
		var state []byte
		for epoch := range uint64(3) {
			r, err := New(Options{Epoch: 7 + epoch, State: state}, collector.NewSymbols(), func(b *graph.Batch) { got = append(got, *b) })
			if err != nil {
				t.Fatal(err)
			}
			l := &rig{Router: r, syms: r.syms}
			for n := range byte(3) {
				l.consume(t, l.half(byte(epoch)*3+n+1, 1))
				l.consume(t, l.half(byte(epoch)*3+n+1, 2))
				r.work()
				r.tick()
			}
			r.tick() // nothing changed: no batch
			state = r.State()
		}
		if len(got) != 9 {
			t.Errorf("%d batches, want 9", len(got))
		}
		for _, b := range got {
			if b.Seq != next || b.Origin != (graph.Origin{Epoch: 7}) {
				t.Errorf("batch %d of %+v, want %d of epoch 7", b.Seq, b.Origin, next)
			}
			next++
		}
	})
}

// Whatever is offered in parallel is counted once: observed or refused.
func TestParallelConsume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Epoch: 1, MaxQueued: 8}, memstore.New())
		var wg sync.WaitGroup
		var taken, refused [8]int
		for w := range byte(8) {
			wg.Go(func() {
				for n := range byte(31) {
					switch err := r.Consume(t.Context(), r.half(w*31+n+1, 1+n%2)); {
					case err == nil:
						taken[w]++
					case errors.Is(err, collector.ErrBusy):
						refused[w]++
					default:
						t.Error(err)
					}
					r.Counters()
					r.Queued()
				}
			})
		}
		wg.Wait()
		r.stop()
		sum := 0
		for w := range taken {
			sum += taken[w]
			if taken[w]+refused[w] != 31 {
				t.Errorf("sender %d: %d taken and %d refused of 31", w, taken[w], refused[w])
			}
		}
		if c := r.Counters(); int(c.Observed) != sum || r.Queued() != 0 {
			t.Errorf("%d observed and %d queued, %d taken", c.Observed, r.Queued(), sum)
		}
	})
}

// Time that steps back is held.
func TestClockIsHeld(t *testing.T) {
	r, err := New(Options{}, collector.NewSymbols(), nil)
	if err != nil {
		t.Fatal(err)
	}
	future := time.Now().Add(time.Hour).UnixNano()
	r.now = future
	if got := r.clock(); got != future {
		t.Errorf("clock %d after %d", got, future)
	}
}

// Every cut and every changed byte of a state is found.
func TestStateRefusesDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{Epoch: 1}, memstore.New())
		r.consume(t, r.half(1, 1))
		r.stop()
		state := r.State()
		for n := range len(state) {
			if _, err := New(Options{State: state[:n]}, collector.NewSymbols(), nil); err == nil {
				t.Errorf("a state cut at %d of %d bytes was taken", n, len(state))
			}
			damaged := append([]byte(nil), state...)
			damaged[n] ^= 0x10
			if _, err := New(Options{State: damaged}, collector.NewSymbols(), nil); err == nil {
				t.Errorf("a state with byte %d of %d changed was taken", n, len(state))
			}
		}
	})
}
