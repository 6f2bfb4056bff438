package infer_test

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"graphctl/collector"
	"graphctl/graph"
)

// The oracle evaluates the rules of inference over the whole set of spans at
// once, in the words of the rules and with no regard for cost: every reference
// is a scan of all spans, nothing is kept between evaluations, and nothing of
// package infer is used. What it returns is what the sum of an engine's deltas
// must be once everything has settled.
//
// It knows no horizon and no arrival: inputs start near their arrival.

// A received span is one delivery of a span, with names in place of numbers.
type received struct {
	collector.Span
	resource collector.Resource
	far      collector.Far
	links    []collector.Link
	form     string // Symbols.AppendForm of all the above
}

// An oracleSpan is a span after repeated deliveries were joined (rule I3), with
// what the rules conclude about it.
type oracleSpan struct {
	received
	own     string        // printed name by its own resource, "" if nameless
	service graph.NodeRef // rule N3

	parent     *oracleSpan // known parent, rules P1 to P3 and P6
	parentless bool        // nothing names a parent, rules I1 and P2
	restart    *oracleSpan // the OUT span that a link puts in place of the parent, rule P7

	called bool        // it is the callee's side of a crossing or of a self call
	half   *oracleSpan // the outgoing half of that call, nil if not recorded

	contexts []messageContext // of a consuming span, rule M4
	counted  []messageContext // those that rule M5 leaves
	consumed int64            // messages, rules M4 and M5
}

// A messageContext is a creation context: a known span, or the ids of an
// unknown one.
type messageContext struct {
	span *oracleSpan
	link collector.Link // if span is nil
}

type oracle struct {
	spans   []*oracleSpan                 // in the order of rule I4
	answers map[*oracleSpan][]*oracleSpan // by outgoing half
	told    map[*oracleSpan]bool          // what speaks returned
	calls   []*oracleCall
	out     *graph.Delta
}

// evaluate returns the graph of the spans by the rules.
func evaluate(in []received) *graph.Delta {
	o := &oracle{answers: map[*oracleSpan][]*oracleSpan{}, told: map[*oracleSpan]bool{}, out: new(graph.Delta)}
	o.join(in)
	for _, s := range o.spans {
		o.findParent(s)
	}
	o.cutRings()
	for _, s := range o.spans {
		s.service = o.serviceOf(s)
	}
	for _, s := range o.spans {
		o.findHalf(s)
	}
	for _, s := range o.spans {
		if s.half != nil {
			o.answers[s.half] = append(o.answers[s.half], s)
		}
	}
	o.findContexts()
	o.groups()
	o.crossingsWithoutHalf()
	o.roots()
	o.unanswered()
	o.publishes()
	o.consumptions()
	o.standIns()
	o.linkCalls()
	o.clientDurations()
	o.emit()
	return o.out
}

// join makes one span of the deliveries of one identity (rule I3) and sorts by
// rule I4.
func (o *oracle) join(in []received) {
	type identity struct {
		trace collector.TraceID
		id    collector.SpanID
		kind  collector.Kind
		node  graph.NodeRef
	}
	byIdentity := map[identity]*oracleSpan{}
	for _, r := range in {
		k := identity{r.Trace, r.ID, r.Kind, ownNode(r.resource)}
		s := byIdentity[k]
		if s == nil {
			s = &oracleSpan{received: r, own: ownNode(r.resource).Print()}
			byIdentity[k] = s
			o.spans = append(o.spans, s)
			continue
		}
		start, failed := min(s.Start, r.Start), s.Flags|r.Flags&collector.Failed
		if r.End > s.End || r.End == s.End && r.form < s.form {
			s.received = r
		}
		s.Start, s.Flags = start, s.Flags|failed&collector.Failed
	}
	slices.SortFunc(o.spans, (*oracleSpan).compare)
}

// ownNode is the node that a resource names, zero if none (rules N1 and N3).
func ownNode(r collector.Resource) graph.NodeRef {
	if r.Name == "" {
		return graph.NodeRef{}
	}
	return graph.NodeRef{Kind: graph.Service, Namespace: r.Namespace, Name: r.Name}
}

// compare is the order of rule I4.
func (s *oracleSpan) compare(t *oracleSpan) int {
	return cmp.Or(cmp.Compare(s.Start, t.Start), slices.Compare(s.ID[:], t.ID[:]), cmp.Compare(s.Kind, t.Kind),
		strings.Compare(s.own, t.own), slices.Compare(s.Trace[:], t.Trace[:]))
}

func (s *oracleSpan) failed() bool { return s.Is(collector.Failed) }

// duration is end − start; negative is 0 (rule L1).
func (s *oracleSpan) duration() int64 { return max(s.End-s.Start, 0) }

// effective is the kind with unspecified resolved (rule K1).
func (s *oracleSpan) effective() collector.Kind {
	switch {
	case s.Kind != collector.KindUnspecified:
		return s.Kind
	case s.Role == collector.Local:
		return collector.KindInternal
	}
	return collector.KindClient
}

func (s *oracleSpan) facet() graph.Facet {
	return graph.Facet{Environments: s.resource.Environment, Version: s.resource.Version, Team: s.resource.Team}
}

// An oracleCall is one entry of the graph before client durations are placed.
type oracleCall struct {
	from, to       graph.NodeRef
	kind           graph.EdgeKind
	start          int64 // picks the bucket
	fromF, toF     graph.Facet
	stats          graph.Stats
	half           *oracleSpan // outgoing span whose duration may be its client side, nil for none
	publish        bool        // it is the edge of half as a publisher
	in, crossing   *oracleSpan // first IN span, first span of the callee
	weight         int64
	serverDuration []int64
}

// emit writes calls and spans as cells.
func (o *oracle) emit() {
	for _, c := range o.calls {
		c.stats.Estimated = c.stats.Calls * c.weight
		for _, d := range c.serverDuration {
			c.stats.ServerSum += d
			c.stats.Server.Add(time.Duration(d), 1)
		}
		sub := graph.Subject{Of: graph.OfEdge, Kind: c.kind, From: c.from, To: c.to}
		o.add(c.start, graph.Fine, sub, graph.Facets{From: c.fromF, To: c.toF}, &c.stats)
	}
	for _, s := range o.spans {
		sub := graph.Subject{Of: graph.OfSpans, From: s.service}
		o.add(s.Start, graph.Fine, sub, graph.Facets{From: s.facet()}, &graph.Stats{Calls: 1})
	}
	o.out.Prune()
}

func (o *oracle) add(start int64, width time.Duration, sub graph.Subject, f graph.Facets, s *graph.Stats) {
	o.out.At(graph.Key{
		Bucket:  graph.Instant(start).Floor(width),
		Subject: sub.ID(),
		Facets:  f.ID(),
	}).Add(s)
}

// clientDurations places the duration of each outgoing span once (rule L1): on
// the edge it publishes to, else on the edge whose IN span is first, else on the
// edge whose first span of the callee is first.
func (o *oracle) clientDurations() {
	best := map[*oracleSpan]*oracleCall{}
	for _, c := range o.calls {
		if c.half != nil && (best[c.half] == nil || c.before(best[c.half])) {
			best[c.half] = c
		}
	}
	for s, c := range best {
		c.stats.ClientSum += s.duration()
		c.stats.Client.Add(time.Duration(s.duration()), 1)
	}
}

func (c *oracleCall) before(d *oracleCall) bool {
	switch {
	case c.publish != d.publish:
		return c.publish
	case (c.in != nil) != (d.in != nil):
		return c.in != nil
	case c.in != nil:
		return c.in.compare(d.in) < 0
	case c.crossing != nil && d.crossing != nil:
		return c.crossing.compare(d.crossing) < 0
	}
	return false
}

// smallest returns the smallest weight (rule W1).
func smallest(spans ...*oracleSpan) int64 {
	w := int64(math.MaxInt64)
	for _, s := range spans {
		w = min(w, s.Weight)
	}
	return w
}

func boolCount(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
