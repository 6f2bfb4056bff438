package infer

import (
	"graphctl/collector"
	"graphctl/graph"
)

// dispose says what became of span i.
func (v *evaluation) dispose(i int32) Disposition {
	s := &v.spans[i]
	switch s.role {
	case collector.Publish:
		switch {
		case s.final != 0 || s.is(inPair|resolved):
			return Publisher
		}
		return v.disposeUnanswered(s)
	case collector.Create:
		return Creator
	case collector.Out:
		if s.is(resolved) {
			return Paired
		}
		return v.disposeUnanswered(s)
	case collector.In:
		return v.disposeIn(i)
	case collector.Receive, collector.Process:
		if s.is(consumed) {
			return Consumer
		}
		return Fetched
	case collector.Settle:
		return Settler
	}
	switch {
	case s.is(boundary):
		return Boundary
	case s.is(crossing):
		return Paired
	}
	return Internal
}

func (v *evaluation) disposeUnanswered(s *view) Disposition {
	switch {
	case s.is(counted):
		return Unanswered
	case s.is(covered | resolvedBelow):
		return Nested
	}
	return Unresolved
}

func (v *evaluation) disposeIn(i int32) Disposition {
	s := &v.spans[i]
	switch {
	case s.half >= 0 || v.isRestarted(i):
		return Paired
	case s.is(boundary):
		return Boundary
	case s.is(repeated):
		return Repeated
	case v.e.far(s.r.far).caller != 0:
		return ByPeer
	case s.is(parentless):
		return Root
	}
	return Orphan
}

// showSpan counts span i among the spans and operations of its service.
func (v *evaluation) showSpan(i int32) {
	e, s := v.e, &v.spans[i]
	d := v.dispose(i)
	sub := e.spansOf(s.side, d)
	if s.r.shown == uint32(sub) {
		return
	}
	if e.silent {
		s.r.shown = uint32(sub)
		return
	}
	e.unshowSpan(s.r)
	e.c.Spans[Pending]--
	e.c.Spans[d]++
	s.r.shown = uint32(sub)
	e.countSpan(s.r, s.side, 1)
}

// spansOf returns the subject that counts spans of a disposition.
func (e *Engine) spansOf(s side, d Disposition) subject {
	if i := e.sides[s].spans[d]; i != 0 {
		return i
	}
	i := e.subject(subjectKey{of: graph.OfSpans, from: s, detail: uint32(d)})
	e.sides[s].spans[d] = i
	return i
}

// unshowSpan takes back that r was counted, before it changes.
func (e *Engine) unshowSpan(r *record) {
	if r.shown == 0 {
		return
	}
	sub := &e.subjects[r.shown]
	e.countSpan(r, sub.from, -1)
	e.c.Spans[sub.detail]--
	e.c.Spans[Pending]++
	r.shown = 0
}

// countSpan adds n to the counts that a shown span of a service is part of.
func (e *Engine) countSpan(r *record, s side, n int64) {
	b := e.bucket(r)
	e.count(subject(r.shown), b, n)
	e.countHour(e.operation(s, r.name), hourOf(b), n)
}

// operation returns the subject that counts spans of one name.
func (e *Engine) operation(s side, name collector.Sym) subject {
	return e.subject(subjectKey{of: graph.OfOperation, from: s, detail: uint32(name)})
}
