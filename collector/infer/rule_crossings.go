package infer

import (
	"cmp"
	"math/bits"
	"slices"

	"graphctl/collector"
	"graphctl/graph"
)

// findCrossings finds, for each span whose parent is of another service, its
// outgoing half (rules P4, P5), and tells self calls from requests recorded
// twice (rule C3).
func (v *evaluation) findCrossings() {
	for _, i := range v.order {
		s := &v.spans[i]
		var above int32 = -1 // nearest outgoing span of the same service
		if s.parent >= 0 {
			s.set(known)
			p := &v.spans[s.parent]
			if p.service == s.service {
				above = p.near
				v.sameService(s, p)
			} else if s.role != collector.Settle {
				s.set(crossing)
				s.half = p.near
				if s.half < 0 && !s.role.Consuming() {
					s.set(boundary)
				}
			}
		}
		switch {
		case s.role.Outgoing():
			s.near, s.nest = i, above
		case s.role == collector.Local:
			s.near = above
		}
	}
}

// sameService decides what a span means whose parent is of its own service.
func (v *evaluation) sameService(s, p *view) {
	switch {
	case s.role == collector.In && p.near >= 0:
		s.half = p.near
	case s.role == collector.In && s.r.flags&collector.ParentRemote != 0:
		s.set(boundary)
	case s.role == collector.In:
		s.set(repeated)
	case s.role.Consuming() && p.near >= 0 && v.spans[p.near].publishes():
		s.half = p.near
	}
}

// A member is a span that an outgoing span called: an IN span, or one that
// crosses under it. Members of one outgoing span and service are a group (C1).
type member struct {
	out     int32
	service node
	span    int32 // −1: of another trace (P7)
	stub    int32 // in evaluation.stubPairs
	in      bool
}

// findMembers lists the members of all groups and marks outgoing spans that
// crossed. Consuming spans are no members: rule_messaging.go counts them.
func (v *evaluation) findMembers() {
	for i := range v.spans {
		s := &v.spans[i]
		if s.half < 0 {
			continue
		}
		half := &v.spans[s.half]
		if s.is(crossing) || s.role == collector.In {
			half.set(resolved)
		}
		if !s.role.Consuming() {
			in := s.role == collector.In
			v.members = append(v.members, member{out: s.half, service: s.service, span: int32(i), stub: -1, in: in})
			if in {
				half.set(inPair)
			}
		}
	}
	v.adoptStubs()
	slices.SortFunc(v.members, v.compareMembers)
}

// compareMembers orders by outgoing span and service, then by rule I4.
func (v *evaluation) compareMembers(a, b member) int {
	if c := cmp.Or(cmp.Compare(a.out, b.out), cmp.Compare(a.service, b.service)); c != 0 {
		return c
	}
	return v.compareMembersI4(a, b)
}

func (v *evaluation) compareMembersI4(a, b member) int {
	if a.span >= 0 && b.span >= 0 {
		return cmp.Compare(a.span, b.span)
	}
	aStart, aID := v.memberIdentity(a)
	bStart, bID := v.memberIdentity(b)
	return v.e.compare(aStart, aID, bStart, bID)
}

func (v *evaluation) memberIdentity(m member) (int64, identity) {
	if m.span >= 0 {
		return v.spans[m.span].r.start, v.identity(int(m.span))
	}
	s := &v.stubPairs[m.stub]
	return s.start, s.from
}

// half is one side of a call, of this trace or another.
type half struct {
	side     side
	failed   bool
	weight   int64
	duration int64
}

func (v *evaluation) half(i int32) half {
	s := &v.spans[i]
	return half{side: s.side, failed: s.failed(), weight: s.r.weight, duration: s.r.duration()}
}

func (v *evaluation) memberHalf(m member) half {
	if m.span >= 0 {
		return v.half(m.span)
	}
	s := &v.stubPairs[m.stub]
	return half{side: s.side, failed: s.failed, weight: s.weight, duration: s.duration}
}

// countPairs counts the groups of each outgoing span (rules P4, P5, C1, C2, E2,
// L1, L2).
func (v *evaluation) countPairs() {
	for lo := 0; lo < len(v.members); {
		hi := lo + 1
		for hi < len(v.members) && v.members[hi].out == v.members[lo].out {
			hi++
		}
		v.countPairsOf(v.members[lo:hi])
		lo = hi
	}
}

// countPairsOf counts the groups of one outgoing span.
func (v *evaluation) countPairsOf(ms []member) {
	o, out := &v.spans[ms[0].out], ms[0].out
	push := o.role == collector.Publish && v.isNamed(out)
	v.groups = v.groups[:0]
	ins := 0
	speaker := -1 // the group that carries the client's duration
	for lo := 0; lo < len(ms); {
		hi := lo + 1
		for hi < len(ms) && ms[hi].service == ms[lo].service {
			hi++
		}
		g := v.groupOf(ms[lo:hi])
		lo = hi
		if g[0].in {
			ins += len(g)
		}
		if g[0].in && push {
			v.countPushes(out, g)
			continue
		}
		if speaker < 0 || v.speaksBefore(g[0], v.groups[speaker][0]) {
			speaker = len(v.groups)
		}
		v.groups = append(v.groups, g)
	}
	if speaker >= 0 && v.speaks(out, v.groups[speaker][0]) {
		o.set(spoken)
	} else {
		speaker = -1
	}
	for i, g := range v.groups {
		v.countGroup(o, g, ins, i == speaker)
	}
}

// speaksBefore reports whether the client's duration goes to the group of a
// rather than of b: to that of the first IN span, else of the first crossing
// (rule L1).
func (v *evaluation) speaksBefore(a, b member) bool {
	if a.in != b.in {
		return a.in
	}
	return v.compareMembersI4(a, b) < 0
}

// speaks reports whether the duration of an outgoing span goes to a group that
// begins with first: it is on no other edge, and no consuming span comes
// before a mere crossing.
func (v *evaluation) speaks(out int32, first member) bool {
	return !v.spans[out].is(spoken) && (first.in || v.beforeConsumer(first))
}

// groupOf returns the members of a group that count: its IN spans, if it has
// any.
func (v *evaluation) groupOf(ms []member) []member {
	n := 0
	for _, m := range ms {
		if m.in {
			ms[n] = m
			n++
		}
	}
	if n > 0 {
		return ms[:n]
	}
	return ms
}

// countGroup counts one group. ins is the number of IN spans of o in all.
func (v *evaluation) countGroup(o *view, g []member, ins int, speaks bool) {
	isPair := g[0].in
	c := contribution{
		calls: 1, client: absent, server: absent,
		bucket: v.e.bucket(o.r),
	}
	weight, failed := o.r.weight, int32(0)
	v.facets = v.facets[:0]
	called := v.memberHalf(g[0]).side
	for _, m := range g {
		h := v.memberHalf(m)
		if h.side != called {
			called = 0
		}
		weight = min(weight, h.weight)
		v.facets = append(v.facets, v.e.sides[h.side].facet)
		if m.in && h.failed {
			failed++
		}
	}
	kind := graph.RPC
	if isPair {
		kind = v.pairKind(o)
		c.calls = int32(len(g))
		c.server = v.memberHalf(g[0]).duration
		c.serverErrors = failed
		if o.role == collector.Out {
			v.countAlias(o, g[0].service)
		}
	}
	if o.failed() {
		c.clientErrors = 1
	}
	c.errors = max(failed, c.clientErrors)
	c.estimated = estimate(weight, c.calls)
	if speaks {
		c.client = o.r.duration()
		c.network = ins == 1 && isPair && c.client >= c.server
	}
	if called == 0 {
		called = v.groupSide(g[0].service)
	}
	c.subject = v.edge(o.side, called, kind, RulePair)
	v.out = append(v.out, c)
	for _, m := range g[1:] {
		if m.in {
			v.out = append(v.out, contribution{
				subject: c.subject, bucket: c.bucket, client: absent, server: v.memberHalf(m).duration,
			})
		}
	}
}

// groupSide returns the called side of a group whose members' facets are in
// v.facets (rule N2).
func (v *evaluation) groupSide(service node) side {
	f := v.facets[0]
	for _, g := range v.facets[1:] {
		if g != f {
			f = v.e.joinFacets(v.facets)
			break
		}
	}
	return v.e.side(service, f)
}

// pairKind returns the kind of the pairs of o (rule P4).
func (v *evaluation) pairKind(o *view) graph.EdgeKind {
	far := v.e.far(o.r.far)
	switch {
	case far.hasDatabase:
		return graph.DatabaseCall
	case o.role == collector.Publish && far.hasSystem:
		return graph.Message
	}
	return graph.RPC
}

// countAlias notes that service answered at the address of o (rule A1).
func (v *evaluation) countAlias(o *view, service node) {
	alias := v.e.far(o.r.far).alias
	if alias == 0 {
		return
	}
	k := subjectKey{of: graph.OfAlias, to: v.nodeSide(service), detail: uint32(alias)}
	v.out = append(v.out, contribution{
		subject: v.e.subject(k), bucket: hourOf(v.e.bucket(o.r)), calls: 1, client: absent, server: absent,
	})
}

// countBoundaries counts crossings without an outgoing half (rules P5, C2, C3).
func (v *evaluation) countBoundaries() {
	for i := range v.spans {
		s := &v.spans[i]
		if !s.is(boundary) {
			continue
		}
		c := contribution{
			subject: v.edge(v.spans[s.parent].side, s.side, graph.RPC, RuleBoundary),
			bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: absent,
			estimated: estimate(s.r.weight, 1),
		}
		if s.role == collector.In {
			c.server = s.r.duration()
			if s.failed() {
				c.errors, c.serverErrors = 1, 1
			}
		}
		v.out = append(v.out, c)
	}
}

// edge returns the subject of an edge.
func (v *evaluation) edge(from, to side, kind graph.EdgeKind, rule Rule) subject {
	return v.e.subject(subjectKey{of: graph.OfEdge, from: from, to: to, kind: kind, rule: rule})
}

// nodeSide is the side of a node that has no facets.
func (v *evaluation) nodeSide(n node) side {
	e := v.e
	e.plainSides = grown(e.plainSides, int(n))
	if e.plainSides[n] == 0 {
		e.plainSides[n] = e.side(n, 0)
	}
	return e.plainSides[n]
}

// estimate returns weight × calls, bounded (rule W1).
func estimate(weight int64, calls int32) int64 {
	hi, lo := bits.Mul64(uint64(max(weight, 0)), uint64(max(calls, 0)))
	if hi != 0 || lo > maxEstimate {
		return maxEstimate
	}
	return int64(lo)
}

// hourOf returns the first fine bucket of the hour of a bucket.
func hourOf(bucket int32) int32 {
	const perHour = int32(graph.Coarse / graph.Fine)
	h := bucket % perHour
	if h < 0 {
		h += perHour
	}
	return bucket - h
}
