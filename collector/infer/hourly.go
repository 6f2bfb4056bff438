package infer

import (
	"cmp"
	"maps"
	"slices"

	"graphctl/graph"
)

// Operations, and the rules that prove edges, are counted by the hour, and there
// are more of them than of edges. So their counts wait and are emitted in turn, a
// part of the subjects at each flush: nobody sees by the hour what came some
// seconds ago, and a busy fleet changes most of them in every tick.

// hourParts is into how many parts the subjects fall: a count waits for so many
// ticks, 10 s.
const hourParts = 20

// hourly is the counts by the hour that wait. The count of the hour that a
// subject was counted in first is in its record.
type hourly struct {
	waiting [hourParts][]subject // by number modulo hourParts, those with waits
	others  map[uint64]int64     // (subject, hour) → calls in other hours
	part    uint32               // that is emitted next
	whole   bool                 // all are emitted at the next flush
}

// countHour adds n to the calls of a subject in an hour: of what proved it, for
// an edge. Subject 0 is one that a bound dropped.
func (e *Engine) countHour(s subject, hour int32, n int64) {
	if s == 0 {
		return
	}
	r := &e.subjects[s]
	if !r.waits {
		r.waits, r.hour = true, hour
		e.waiting[s%hourParts] = append(e.waiting[s%hourParts], s)
		e.c.Waiting++
	}
	if r.hour != hour {
		e.others[cellAt(s, hour)] += n
		return
	}
	r.hourCalls += n
}

// emitHours adds the counts to d whose turn it is, or all.
func (e *Engine) emitHours(d *graph.Delta) {
	first, parts := e.part, uint32(1)
	if e.whole {
		first, parts = 0, hourParts
	}
	for part := first; part < first+parts; part++ {
		for _, s := range e.waiting[part] {
			r := &e.subjects[s]
			e.emitHour(d, s, r.hour, r.hourCalls)
			r.hourCalls, r.waits = 0, false
		}
		e.c.Waiting -= len(e.waiting[part])
		e.waiting[part] = e.waiting[part][:0]
	}
	if first == 0 {
		for k, n := range e.others {
			e.emitHour(d, subject(k>>32), int32(uint32(k)), n)
		}
		clear(e.others)
	}
	e.part = (first + parts) % hourParts
	e.whole = false
}

func (e *Engine) emitHour(d *graph.Delta, s subject, hour int32, n int64) {
	if n == 0 {
		return
	}
	e.describe(s)
	r := &e.subjects[s]
	k := r.main
	if r.of == graph.OfEdge {
		k.subject = r.byRule
	}
	d.Count(k.in(hour, true), n)
}

// An hourCount is one of the counts that wait.
type hourCount struct {
	subject subject
	hour    int32
	calls   int64
}

// hours codes the counts that wait.
func (s *stateCodec) hours() {
	e := s.e
	var all []hourCount
	for _, part := range e.waiting {
		for _, i := range part {
			all = append(all, hourCount{i, e.subjects[i].hour, e.subjects[i].hourCalls})
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(e.others), cmp.Compare) {
		all = append(all, hourCount{subject(k >> 32), int32(uint32(k)), e.others[k]})
	}
	list(&s.codec, &all, func(c *hourCount) {
		number(&s.codec, &c.subject, len(e.subjects))
		s.int32(&c.hour)
		s.int64(&c.calls)
	})
	number(&s.codec, &e.part, hourParts)
	s.bool(&e.whole)
	if s.reading && !s.failed {
		for _, c := range all {
			e.countHour(c.subject, c.hour, c.calls)
		}
	}
}
