// Package keeper commits what lanes emit.
//
// A Keeper merges emitted batches by origin and, at most once a second, applies
// them to the store and then to the live window, so that the window never shows
// what a restart would take back. There is no queue: a slow store grows one
// merged delta for each origin. A batch that the store refused is offered again
// with the same sequence number, so that it counts once even if the refusal
// came after the commit.
//
// Emit, Flush and Stats may be called in parallel with Run and one another.
package keeper

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"graphctl/graph"
)

// A Window follows what is committed.
type Window interface {
	// Apply adds batches that the store holds; they are borrowed.
	Apply(batches []graph.Batch)
}

// Options of a Keeper. The zero value selects the defaults.
type Options struct {
	// Interval between two commits, at least. Default 1 s.
	Interval time.Duration
	// Drain is how long Run may go on committing after its context is done.
	// Default 5 s.
	Drain time.Duration
	// Log gets failures and recoveries of commits; nil: nothing.
	Log *slog.Logger
}

// Stats are counts since the start.
type Stats struct {
	Commits uint64        // that succeeded and were not empty
	Errors  uint64        // that failed
	Failing error         // of the last commit, nil if it succeeded
	Seconds float64       // spent in the store
	Last    time.Duration // of the last commit
	Keys    int           // that wait to be committed
}

// A Keeper is made by New.
type Keeper struct {
	store  graph.Store
	window Window
	o      Options
	wake   chan struct{} // holds a token while something may wait to be committed
	commit chan struct{} // holds a token while nobody commits

	mu      sync.Mutex
	offered map[graph.Origin]*graph.Batch // offered to the store, not known to be applied
	pending map[graph.Origin]*graph.Batch // merged since
	stats   Stats
}

// New returns a keeper of store. window may be nil.
func New(store graph.Store, window Window, o Options) *Keeper {
	o.Interval = cmp.Or(o.Interval, time.Second)
	o.Drain = cmp.Or(o.Drain, 5*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{
		store:   store,
		window:  window,
		o:       o,
		wake:    make(chan struct{}, 1),
		commit:  make(chan struct{}, 1),
		pending: map[graph.Origin]*graph.Batch{},
	}
	k.commit <- struct{}{}
	return k
}

// Emit takes a batch, which is the keeper's from then on. Batches of one origin
// come in the order of their sequence numbers.
func (k *Keeper) Emit(b *graph.Batch) {
	k.mu.Lock()
	if p := k.pending[b.Origin]; p != nil {
		p.Delta.Merge(b.Delta)
		p.Seq = b.Seq
	} else {
		k.pending[b.Origin] = b
	}
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Run commits until ctx is done, then commits what is left and returns the
// error of that last commit.
func (k *Keeper) Run(ctx context.Context) error {
	for {
		select {
		case <-k.wake:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.o.Drain)
			defer cancel()
			return k.Flush(last)
		}
		began := time.Now()
		// A commit in hand is finished when ctx ends: to give it up is no failure
		// of the store and must not be counted as one.
		if k.Flush(context.WithoutCancel(ctx)) != nil { // counted and logged there
			k.wakeAgain()
		}
		select {
		case <-time.After(k.o.Interval - time.Since(began)):
		case <-ctx.Done():
		}
	}
}

func (k *Keeper) wakeAgain() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Flush commits all that was emitted before the call. On error it is kept, to
// be offered again.
func (k *Keeper) Flush(ctx context.Context) error {
	select {
	case <-k.commit:
		defer func() { k.commit <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		batches, again := k.take()
		if len(batches) == 0 {
			return nil
		}
		began := time.Now()
		err := k.store.Apply(ctx, batches)
		k.finish(err, time.Since(began))
		if err != nil {
			return fmt.Errorf("keeper: commit: %w", err)
		}
		if k.window != nil {
			k.window.Apply(batches)
		}
		if !again { // what came since waits for the next interval
			return nil
		}
	}
}

// take returns what to offer: what was offered before and failed, else what was
// emitted since; and whether it was the former, so that the latter is left.
func (k *Keeper) take() (batches []graph.Batch, again bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	again = len(k.offered) > 0
	if !again {
		k.offered, k.pending = k.pending, map[graph.Origin]*graph.Batch{}
	}
	batches = make([]graph.Batch, 0, len(k.offered))
	for _, o := range slices.SortedFunc(maps.Keys(k.offered), compareOrigins) {
		batches = append(batches, *k.offered[o])
	}
	return batches, again
}

func (k *Keeper) finish(err error, took time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stats.Seconds += took.Seconds()
	k.stats.Last = took
	failing := k.stats.Failing != nil
	k.stats.Failing = err
	if err != nil {
		k.stats.Errors++
		if !failing {
			k.o.Log.Error("commit failed; what was to be committed is kept", "error", err)
		}
		return
	}
	k.stats.Commits++
	k.offered = nil
	if failing {
		k.o.Log.Info("commits succeed again")
	}
}

func compareOrigins(a, b graph.Origin) int {
	return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Epoch, b.Epoch))
}

// Stats returns the counts so far.
func (k *Keeper) Stats() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats
	for _, b := range k.offered {
		s.Keys += b.Delta.Len()
	}
	for _, b := range k.pending {
		s.Keys += b.Delta.Len()
	}
	return s
}
