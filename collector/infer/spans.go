package infer

import (
	"bytes"
	"cmp"
	"encoding/binary"

	"graphctl/collector"
)

// A record is a span in memory: 88 bytes without pointers, in a list by trace.
type record struct {
	id, parent, high    uint64 // parent 0: none; high is the upper half of the trace id
	start, end, arrival int64  // Unix ns; arrival of the first copy
	weight              int64
	resource, far, name collector.Sym
	messages            int32
	firstLink           uint32 // in the exchange's links
	shown               uint32 // what the span is counted as: a subject of OfSpans, 0 if not yet
	next                uint32 // of the same trace
	links               uint16
	kindRole            uint8
	flags               collector.Flags
}

func (r *record) kind() collector.Kind { return collector.Kind(r.kindRole & 7) }
func (r *record) role() collector.Role { return collector.Role(r.kindRole >> 3) }

// duration is the length of the span in ns; a span that ends before it starts
// has none (rule L1).
func (r *record) duration() int64 { return max(r.end-r.start, 0) }

func newRecord(now int64, s *collector.Span) record {
	return record{
		id:       binary.BigEndian.Uint64(s.ID[:]),
		parent:   binary.BigEndian.Uint64(s.Parent[:]),
		high:     binary.BigEndian.Uint64(s.Trace[:8]),
		start:    s.Start,
		end:      s.End,
		arrival:  now,
		weight:   s.Weight,
		resource: s.Resource,
		far:      s.Far,
		name:     s.Name,
		messages: s.Messages,
		kindRole: uint8(s.Kind) | uint8(s.Role)<<3,
		flags:    s.Flags,
	}
}

// span is the inverse of newRecord, as far as a form needs it.
func (r *record) span() *collector.Span {
	s := &collector.Span{
		Weight:   r.weight,
		Resource: r.resource,
		Far:      r.far,
		Name:     r.name,
		Messages: r.messages,
		Role:     r.role(),
		Flags:    r.flags,
	}
	binary.BigEndian.PutUint64(s.Parent[:], r.parent)
	return s
}

// sameSpan reports whether two records of one trace are copies of one span
// (rule I3).
func (e *Engine) sameSpan(a, b *record) bool {
	return a.id == b.id && a.high == b.high && a.kind() == b.kind() &&
		(a.resource == b.resource || e.resource(a.resource).node == e.resource(b.resource).node)
}

// merge joins a repeated delivery into r, which is in memory (rule I3): failed
// if either copy failed, the earlier start, all else from the copy that ends
// later. It reports whether anything changed that the rules read.
func (e *Engine) merge(t *trace, r, o *record, oLinks []ref) bool {
	wins := o.end > r.end || o.end == r.end && e.smallerForm(t, r, o, oLinks)
	start, arrival := min(r.start, o.start), min(r.arrival, o.arrival)
	failed := (r.flags | o.flags) & collector.Failed
	if !wins && start == r.start && failed == r.flags&collector.Failed && arrival == r.arrival {
		return false
	}
	e.unshowSpan(r)
	r.start, r.arrival = start, arrival
	r.flags |= failed
	if wins {
		r.end, r.parent, r.weight = o.end, o.parent, o.weight
		r.resource, r.far, r.name = o.resource, o.far, o.name
		r.messages, r.kindRole = o.messages, o.kindRole
		r.flags = o.flags&^collector.Failed | failed
		e.replaceLinks(t, r, oLinks)
	}
	return true
}

// smallerForm reports whether o's reduced form is smaller than r's.
func (e *Engine) smallerForm(t *trace, r, o *record, oLinks []ref) bool {
	same := r.parent == o.parent && r.weight == o.weight && r.resource == o.resource && r.far == o.far &&
		r.name == o.name && r.messages == o.messages && r.kindRole == o.kindRole &&
		(r.flags^o.flags)&^collector.Failed == 0 && int(r.links) == 0 && len(oLinks) == 0
	if same {
		return false
	}
	rForm := e.syms.AppendForm(nil, r.span(), linksOf(e.linksOf(t, r)))
	oForm := e.syms.AppendForm(nil, o.span(), linksOf(oLinks))
	return bytes.Compare(oForm, rForm) < 0
}

func linksOf(refs []ref) []collector.Link {
	links := make([]collector.Link, len(refs))
	for i, l := range refs {
		binary.BigEndian.PutUint64(links[i].Trace[:8], l.high)
		binary.BigEndian.PutUint64(links[i].Trace[8:], l.low)
		binary.BigEndian.PutUint64(links[i].ID[:], l.id)
	}
	return links
}

// A ref names a span, of whatever kind and node, by its ids.
type ref struct{ low, high, id uint64 }

// compare is an arbitrary order, for finding repeats.
func (l ref) compare(o ref) int {
	return cmp.Or(cmp.Compare(l.low, o.low), cmp.Compare(l.high, o.high), cmp.Compare(l.id, o.id))
}

func refOf(l collector.Link) ref {
	return ref{
		low:  l.Trace.Low(),
		high: binary.BigEndian.Uint64(l.Trace[:8]),
		id:   binary.BigEndian.Uint64(l.ID[:]),
	}
}
