package infer_test

import (
	"slices"

	"graphctl/collector"
	"graphctl/graph"
)

// find returns, in the order of rule I4, the spans that a reference means and
// that ok accepts: those of the exact trace, else, where either trace id has a
// zero high half, those whose low halves agree (rule P1).
func (o *oracle) find(trace collector.TraceID, id collector.SpanID, ok func(*oracleSpan) bool) []*oracleSpan {
	var exact, low []*oracleSpan
	for _, s := range o.spans {
		switch {
		case s.ID != id || s.Trace.Low() != trace.Low() || !ok(s):
		case s.Trace == trace:
			exact = append(exact, s)
		case narrow(s.Trace) || narrow(trace):
			low = append(low, s)
		}
	}
	if exact != nil {
		return exact
	}
	return low
}

// narrow reports an id of a 64-bit tracer.
func narrow(t collector.TraceID) bool { return [8]byte(t[:8]) == [8]byte{} }

func anySpan(*oracleSpan) bool { return true }

func outgoing(s *oracleSpan) bool { return s.Role.Outgoing() }

func isIn(s *oracleSpan) bool { return s.Role == collector.In }

// first returns the first span that ok accepts, nil if none.
func first(spans []*oracleSpan, ok func(*oracleSpan) bool) *oracleSpan {
	for _, s := range spans {
		if ok(s) {
			return s
		}
	}
	return nil
}

// findParent applies rules P2, P1, P3 and P7, and P6 for a span that names
// itself.
func (o *oracle) findParent(s *oracleSpan) {
	if isIn(s) || s.Role.Consuming() {
		if shared := o.find(s.Trace, s.ID, outgoing); shared != nil {
			s.parent = shared[0]
			return
		}
	}
	if s.Parent.IsZero() {
		s.parentless = true
		if isIn(s) {
			o.findRestart(s)
		}
		return
	}
	if s.Parent == s.ID {
		return
	}
	candidates := o.find(s.Trace, s.Parent, anySpan)
	switch len(candidates) {
	case 0:
	case 1:
		s.parent = candidates[0]
	default:
		s.parent = amongTwins(s, candidates)
	}
}

// amongTwins chooses among several spans with the parent's id (rule P3).
func amongTwins(s *oracleSpan, candidates []*oracleSpan) *oracleSpan {
	if isIn(s) || s.effective() == collector.KindConsumer {
		if p := first(candidates, func(c *oracleSpan) bool {
			return c.effective() == collector.KindClient || c.effective() == collector.KindProducer
		}); p != nil {
			return p
		}
	}
	same := func(c *oracleSpan) bool {
		return s.fixedService() != graph.NodeRef{} && c.fixedService() == s.fixedService()
	}
	isServer := func(c *oracleSpan) bool { return isIn(c) || consuming(c) }
	for _, ok := range []func(*oracleSpan) bool{
		func(c *oracleSpan) bool { return same(c) && isServer(c) }, same, isServer, anySpan,
	} {
		if p := first(candidates, ok); p != nil {
			return p
		}
	}
	return nil
}

// unknownService is the node of a nameless span that takes no parent's.
func unknownService(s *oracleSpan) graph.NodeRef {
	return graph.NodeRef{Kind: graph.Service, Namespace: s.resource.Namespace, Name: "unknown_service"}
}

// fixedService is the service of a span as far as it does not depend on the
// parent, else zero.
func (s *oracleSpan) fixedService() graph.NodeRef {
	if s.own != "" {
		return ownNode(s.resource)
	}
	switch s.effective() {
	case collector.KindClient, collector.KindProducer, collector.KindInternal:
		return graph.NodeRef{}
	}
	return unknownService(s)
}

// findRestart finds the caller of a span that began a new trace (rule P7).
func (o *oracle) findRestart(s *oracleSpan) {
	var callers []*oracleSpan
	for _, l := range s.links {
		for _, t := range o.find(l.Trace, l.ID, anySpan) {
			if t.Role == collector.Out {
				callers = append(callers, t)
			}
		}
	}
	if callers != nil {
		s.restart = slices.MinFunc(callers, (*oracleSpan).compare)
	}
}

// cutRings takes the parent from the first span of each ring (rule P6).
func (o *oracle) cutRings() {
	for _, s := range o.spans { // in order: the first of a ring is met first
		t := s.parent
		for range o.spans {
			if t == nil || t == s {
				break
			}
			t = t.parent
		}
		if t == s {
			s.parent = nil
		}
	}
}

// serviceOf applies rule N3.
func (o *oracle) serviceOf(s *oracleSpan) graph.NodeRef {
	for ; ; s = s.parent {
		if f := s.fixedService(); f != (graph.NodeRef{}) {
			return f
		}
		if s.parent == nil {
			return unknownService(s)
		}
	}
}

// nearestOutgoing is the outgoing span found from the parent of s upward,
// passing only local spans of the parent's service (rule P4), nil if none.
func nearestOutgoing(s *oracleSpan) *oracleSpan {
	for t := s.parent; t != nil && t.service == s.parent.service; t = t.parent {
		if outgoing(t) {
			return t
		}
		if t.Role != collector.Local {
			return nil
		}
	}
	return nil
}

// findHalf decides whether s is the callee's side of a call and, if so, which
// outgoing span is the caller's (rules P4, P5, P7 and C3).
func (o *oracle) findHalf(s *oracleSpan) {
	switch {
	case s.restart != nil:
		s.called, s.half = true, s.restart
	case s.parent == nil || s.Role == collector.Settle:
	case s.parent.service != s.service:
		s.called, s.half = true, nearestOutgoing(s)
	case isIn(s):
		s.half = nearestOutgoing(s)
		s.called = s.half != nil || s.Is(collector.ParentRemote)
	}
}
