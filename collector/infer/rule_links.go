package infer

import (
	"cmp"
	"slices"

	"graphctl/collector"
	"graphctl/graph"
)

// linkRoles are the roles whose links rule K3 counts.
const linkRoles = 1<<collector.Out | 1<<collector.In | 1<<collector.Local

// A restart is the link that stands for the parent of an IN span (rule P7).
type restart struct {
	link    ref
	carrier carrier
	local   int32 // the OUT span, −1 if it is in another trace
}

// linked returns the known spans that a link leads to, by rule I4, wherever
// they are, and appends them to buf.
func (v *evaluation) linked(l ref, buf []carrier) []carrier {
	if l.low != v.t.low {
		return append(buf, v.x.carriersOf(l)...)
	}
	for _, c := range v.carriers(l.high, l.id) {
		buf = append(buf, v.carrier(int(c)))
	}
	return buf
}

// restartedTraces pairs parentless IN spans with the OUT span that they link
// to, as if it were the parent (rule P7).
func (v *evaluation) restartedTraces() {
	if v.x == nil || len(v.x.links) == 0 {
		return
	}
	var buf []carrier
	for i := range v.spans {
		s := &v.spans[i]
		if s.role != collector.In || !s.is(parentless) || s.r.links == 0 {
			continue
		}
		var best restart
		found := false
		for _, l := range v.linksOf(i) {
			buf = v.linked(l, buf[:0])
			for _, c := range buf {
				if c.role == collector.Out && (!found || v.e.compare(c.start, c.identity, best.carrier.start, best.carrier.identity) < 0) {
					best, found = restart{link: l, carrier: c, local: -1}, true
				}
			}
		}
		if !found {
			continue
		}
		if best.link.low == v.t.low {
			best.local = v.find(best.carrier.identity)
			s.half = best.local
		}
		if v.restarts == nil {
			v.restarts = map[int32]restart{}
		}
		v.restarts[int32(i)] = best
	}
}

// find returns the view of an identity of this trace, −1 if there is none.
func (v *evaluation) find(id identity) int32 {
	for c := v.withID(id.id, 0); c >= 0; c = v.withID(id.id, c+1) {
		if v.identity(int(c)) == id {
			return c
		}
	}
	return -1
}

// isRestarted reports an IN span that rule P7 pairs.
func (v *evaluation) isRestarted(i int32) bool {
	if len(v.restarts) == 0 {
		return false
	}
	_, ok := v.restarts[i]
	return ok
}

// adoptStubs makes the IN spans of other traces that chose an OUT span of this
// one members of its group (rule P7).
func (v *evaluation) adoptStubs() {
	if v.x == nil {
		return
	}
	for i := range v.x.stubs {
		s := &v.x.stubs[i]
		if s.chosen == (identity{}) {
			continue
		}
		out := v.find(s.chosen)
		if out < 0 || v.spans[out].role != collector.Out {
			continue // a later copy made it another role; the stub will be withdrawn
		}
		v.members = append(v.members, member{
			out: out, service: v.e.sides[s.side].node, span: -1, stub: int32(len(v.stubPairs)), in: true,
		})
		v.stubPairs = append(v.stubPairs, *s)
		v.spans[out].set(resolved | inPair)
	}
}

// countLinks counts links between services outside messaging (rule K3).
func (v *evaluation) countLinks() {
	if v.x == nil || len(v.x.links) == 0 || v.roles&linkRoles == 0 {
		return
	}
	var found []carrier
	for i := range v.spans {
		s := &v.spans[i]
		if s.r.links == 0 || 1<<s.role&linkRoles == 0 {
			continue
		}
		found = found[:0]
		for _, l := range v.linksOf(i) {
			if c, ok := v.linkedService(int32(i), l); ok {
				found = append(found, c)
			}
		}
		slices.SortFunc(found, compareIdentities)
		found = slices.CompactFunc(found, func(a, b carrier) bool { return a.identity == b.identity })
		for _, c := range found {
			v.countLink(s, &c)
		}
	}
}

// linkedService returns the span of another service that a link of span i leads
// to, unless the link repeats the parent or the outgoing half.
func (v *evaluation) linkedService(i int32, l ref) (carrier, bool) {
	s := &v.spans[i]
	if v.isRestarted(i) && v.restarts[i].link == l {
		return carrier{}, false
	}
	if l.low != v.t.low {
		cs := v.x.carriersOf(l)
		if len(cs) == 0 || v.e.sides[cs[0].side].node == s.service {
			return carrier{}, false
		}
		if r, ok := v.restarts[i]; ok && slices.ContainsFunc(cs, func(c carrier) bool { return c.identity == r.carrier.identity }) {
			return carrier{}, false
		}
		return cs[0], true
	}
	found := v.carriers(l.high, l.id)
	if len(found) == 0 || s.parent >= 0 && slices.Contains(found, s.parent) || s.half >= 0 && slices.Contains(found, s.half) {
		return carrier{}, false
	}
	return v.carrier(int(found[0])), v.spans[found[0]].service != s.service
}

func (v *evaluation) countLink(s *view, c *carrier) {
	n := contribution{
		subject: v.edge(c.side, s.side, graph.Link, RuleLink),
		bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: absent,
		estimated: estimate(min(s.r.weight, c.weight), 1),
	}
	if s.failed() {
		n.errors, n.serverErrors = 1, 1
	}
	v.out = append(v.out, n)
}

func compareIdentities(a, b carrier) int { return a.identity.compare(b.identity) }

// compare is an arbitrary order, for finding repeats.
func (a identity) compare(b identity) int {
	return cmp.Or(cmp.Compare(a.low, b.low), cmp.Compare(a.high, b.high), cmp.Compare(a.id, b.id),
		cmp.Compare(a.node, b.node), cmp.Compare(a.kind, b.kind))
}
