package keeper

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"graphctl/graph"
	"graphctl/graph/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var origin = graph.Origin{Lane: 1, Epoch: 7}

func batch(seq uint64, calls int64) *graph.Batch {
	d := new(graph.Delta)
	d.At(graph.Key{
		Subject: graph.Subject{
			Of: graph.OfEdge, Kind: graph.RPC,
			From: graph.NodeRef{Kind: graph.Service, Name: "a"},
			To:   graph.NodeRef{Kind: graph.Service, Name: "b"},
		}.ID(),
		Facets: graph.Facets{}.ID(),
	}).Calls = calls
	return &graph.Batch{Origin: origin, Seq: seq, Delta: d}
}

// faulty is a store whose Apply fails on demand, before or after applying.
type faulty struct {
	*memstore.Store

	mu            sync.Mutex
	before, after error
	applied       int // calls of Apply
}

func (f *faulty) commits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.applied
}

func (f *faulty) Apply(ctx context.Context, b []graph.Batch) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied++
	if f.before != nil {
		return f.before
	}
	if err := f.Store.Apply(ctx, b); err != nil {
		return err
	}
	return f.after
}

// heal makes Apply succeed from now on.
func (f *faulty) heal() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before, f.after = nil, nil
}

type window struct{ batches []graph.Batch }

func (w *window) Apply(b []graph.Batch) { w.batches = append(w.batches, b...) }

func calls(t *testing.T, s graph.Store) int64 {
	t.Helper()
	g, err := s.Read(t.Context(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Edges) == 0 {
		return 0
	}
	return g.Edges[0].Stats.Calls
}

// run runs k for the length of f, which sees fake time.
func run(t *testing.T, k *Keeper, f func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- k.Run(ctx) }()
	f()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
}

// The first batch is committed at once, what follows within a second is one
// more commit, and what is left when the keeper stops is committed too.
func TestCommitsOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &faulty{Store: memstore.New()}
		w := new(window)
		k := New(s, w, Options{})
		run(t, k, func() {
			k.Emit(batch(1, 1))
			synctest.Wait()
			if got := calls(t, s); got != 1 || s.commits() != 1 {
				t.Errorf("at once: %d calls in %d commits", got, s.commits())
			}
			for i := range uint64(5) {
				k.Emit(batch(2+i, 10))
			}
			time.Sleep(999 * time.Millisecond)
			synctest.Wait()
			if s.commits() != 1 {
				t.Errorf("committed %d times within a second", s.commits())
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if got := calls(t, s); got != 51 || s.commits() != 2 {
				t.Errorf("after a second: %d calls in %d commits", got, s.commits())
			}
			k.Emit(batch(7, 100))
		})
		if got := calls(t, s); got != 151 {
			t.Errorf("after the end: %d calls, want 151", got)
		}
		if len(w.batches) != 3 || w.batches[1].Seq != 6 {
			t.Errorf("the window saw %d batches", len(w.batches))
		}
		if p, _ := s.Progress(t.Context(), origin); p != 7 {
			t.Errorf("progress %d, want 7", p)
		}
	})
}

// A failed commit loses nothing and counts nothing twice, whether it failed
// before or after the store had applied it, and the window sees it afterwards.
func TestFailedCommitIsOfferedAgain(t *testing.T) {
	broken := errors.New("broken")
	for name, s := range map[string]*faulty{
		"before": {Store: memstore.New(), before: broken},
		"after":  {Store: memstore.New(), after: broken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(window)
				k := New(s, w, Options{})
				run(t, k, func() {
					k.Emit(batch(1, 1))
					synctest.Wait()
					k.Emit(batch(2, 10))
					time.Sleep(3 * time.Second)
					synctest.Wait()
					if st := k.Stats(); st.Errors < 3 || !errors.Is(st.Failing, broken) || st.Keys != 2 {
						t.Errorf("while failing: %+v", st)
					}
					if len(w.batches) != 0 {
						t.Error("the window saw what is not committed")
					}
					s.heal()
					time.Sleep(2 * time.Second)
				})
				if got := calls(t, s); got != 11 {
					t.Errorf("%d calls, want 11", got)
				}
				if st := k.Stats(); st.Failing != nil || st.Keys != 0 {
					t.Errorf("after recovery: %+v", st)
				}
				if len(w.batches) != 2 {
					t.Errorf("the window saw %d batches, want 2", len(w.batches))
				}
			})
		})
	}
}

// A keeper that cannot commit what is left says so when it stops.
func TestStopReportsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		k := New(&faulty{Store: memstore.New(), before: broken}, nil, Options{})
		ctx, cancel := context.WithCancel(t.Context())
		k.Emit(batch(1, 1))
		cancel()
		if err := k.Run(ctx); !errors.Is(err, broken) {
			t.Errorf("got %v, want %v", err, broken)
		}
	})
}

// emitting is a store during whose commits more is emitted.
type emitting struct {
	*faulty
	emit func()
}

func (e *emitting) Apply(ctx context.Context, b []graph.Batch) error {
	err := e.faulty.Apply(ctx, b)
	e.emit()
	return err
}

// What is emitted during a commit waits for the next second.
func TestEmitDuringCommitWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &emitting{faulty: &faulty{Store: memstore.New()}}
		k := New(s, nil, Options{})
		seq := uint64(1)
		s.emit = func() {
			if seq++; seq < 10 {
				k.Emit(batch(seq, 1))
			}
		}
		run(t, k, func() {
			k.Emit(batch(1, 1))
			synctest.Wait()
			if got := s.commits(); got != 1 {
				t.Errorf("%d commits at once, want 1", got)
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
			if got := s.commits(); got != 4 {
				t.Errorf("%d commits after 3 s, want 4", got)
			}
		})
	})
}
