package archive

import "sync/atomic"

// Stats say how an Archive is doing. Gauges are those of the last time a segment
// was sealed or released.
type Stats struct {
	Segments    int64 // gauge: sealed, not expired
	Traces      int64 // gauge: records in them; a trace kept twice may count twice
	Bytes       int64 // gauge: of all files
	FilterBytes int64 // gauge: memory of the filters
	Oldest      int64 // gauge: lastSeen of the oldest record, 0 if there is none

	Kept      uint64 // records that Keep took
	Recalled  uint64 // records that Recall returned
	Misled    uint64 // searches that a filter led to and that found nothing
	Forgotten uint64 // traces that left before they expired, for the filters were full
	Damaged   uint64 // questions that met damage
	Lost      uint64 // segments that a checkpoint named and Open could not use
	Failed    uint64 // calls that failed for another reason: a full disk, a failed read
}

type counters struct {
	segments, traces, bytes, filterBytes, oldest             atomic.Int64
	kept, recalled, misled, forgotten, damaged, lost, failed atomic.Uint64
}

// Stats may be called from any goroutine.
func (a *Archive) Stats() Stats {
	c := &a.stats
	return Stats{
		Segments: c.segments.Load(), Traces: c.traces.Load(), Bytes: c.bytes.Load(),
		FilterBytes: c.filterBytes.Load(), Oldest: c.oldest.Load(),
		Kept: c.kept.Load(), Recalled: c.recalled.Load(), Misled: c.misled.Load(),
		Forgotten: c.forgotten.Load(), Damaged: c.damaged.Load(), Lost: c.lost.Load(),
		Failed: c.failed.Load(),
	}
}

// publish sets the gauges.
func (a *Archive) publish() {
	var filters int64
	for _, g := range a.groups {
		filters += g.filter.bytes()
	}
	for _, s := range a.sealed {
		filters += s.hints.bytes()
	}
	oldest, ok := a.Oldest()
	if !ok {
		oldest = 0
	}
	a.stats.segments.Store(int64(len(a.sealed)))
	a.stats.traces.Store(int64(a.traces))
	a.stats.bytes.Store(a.Bytes())
	a.stats.filterBytes.Store(filters)
	a.stats.oldest.Store(oldest)
}
