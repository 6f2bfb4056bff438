package lane

import (
	"sync/atomic"
	"time"

	"graphctl/collector/infer"
	"graphctl/collector/spanlog"
)

// shared is what other goroutines read of the one that ticks.
type shared struct {
	counters    atomic.Pointer[infer.Counters]
	ticked      atomic.Int64 // time of the last tick
	idle        atomic.Bool  // nothing was in memory then that will be emitted
	cut         atomic.Int64 // archived traces last seen by then are forgotten
	replayed    atomic.Uint64
	checkpoints atomic.Uint64
	saveErrors  atomic.Uint64
	savedAt     atomic.Int64
}

// Stats tell what a router does, beside the engines' Counters.
type Stats struct {
	Lanes        int
	Queued       int           // spans that wait for the engines
	Horizon      time.Duration // in force: how late a span may come
	Replayed     uint64        // spans read from the log at the start
	LogBytes     int64
	ArchiveBytes int64
	Forgotten    uint64 // archived traces given up early
	KeepErrors   uint64 // traces that could not be archived
	RecallErrors uint64 // archived traces that could not be read
	Checkpoints  uint64
	SaveErrors   uint64    // checkpoints that could not be written
	SavedAt      time.Time // of the newest checkpoint, zero: none yet
	Log          spanlog.Stats
}

// publish makes the engines' counters readable.
func (r *Router) publish(now int64) {
	var sum infer.Counters
	for _, e := range r.engines {
		addCounters(&sum, e.Counters())
	}
	r.shared.counters.Store(&sum)
	r.shared.idle.Store(sum.LiveTraces == 0 && sum.Waiting == 0)
	r.shared.ticked.Store(now)
}

// Counters returns the sum of the engines' counters as of the last tick.
func (r *Router) Counters() infer.Counters { return *r.shared.counters.Load() }

// Queued returns how many spans wait for the engines.
func (r *Router) Queued() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queued
}

// Stats returns what the router did so far. It may be called in parallel with
// all else.
func (r *Router) Stats() Stats {
	s := Stats{
		Lanes:       len(r.lanes),
		Queued:      r.Queued(),
		Horizon:     r.horizon(),
		Replayed:    r.shared.replayed.Load(),
		Checkpoints: r.shared.checkpoints.Load(),
		SaveErrors:  r.shared.saveErrors.Load(),
	}
	if at := r.shared.savedAt.Load(); at != 0 {
		s.SavedAt = time.Unix(0, at)
	}
	if r.log != nil {
		s.Log = r.log.Stats()
		s.LogBytes = s.Log.Bytes
	}
	for _, l := range r.lanes {
		s.KeepErrors += l.keepErrors.Load()
		s.RecallErrors += l.recallErrors.Load()
		if l.archive != nil {
			a := l.archive.Stats()
			s.ArchiveBytes += a.Bytes
			s.Forgotten += a.Forgotten
		}
	}
	return s
}

// horizon returns how late a span may come and still join its trace.
func (r *Router) horizon() time.Duration {
	h := r.o.Engine.Horizon
	if cut := r.shared.cut.Load(); cut > 0 {
		h = min(h, time.Duration(r.shared.ticked.Load()-cut))
	}
	return h
}

// addCounters adds the counters of an engine to sum.
func addCounters(sum *infer.Counters, c infer.Counters) {
	for _, p := range []struct {
		to *uint64
		n  uint64
	}{
		{&sum.Observed, c.Observed}, {&sum.Accepted, c.Accepted}, {&sum.Duplicates, c.Duplicates},
		{&sum.Refused, c.Refused}, {&sum.Evicted, c.Evicted}, {&sum.Late, c.Late},
		{&sum.LinksDropped, c.LinksDropped}, {&sum.Repaired, c.Repaired}, {&sum.Folded, c.Folded},
		{&sum.Packed, c.Packed}, {&sum.PackedSpans, c.PackedSpans}, {&sum.Recalled, c.Recalled},
	} {
		*p.to += p.n
	}
	for i, n := range c.Spans {
		sum.Spans[i] += n
	}
	sum.LiveTraces += c.LiveTraces
	sum.LiveSpans += c.LiveSpans
	sum.Hidden += c.Hidden
}
