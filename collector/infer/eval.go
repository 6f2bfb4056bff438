package infer

import (
	"cmp"
	"slices"
	"strings"

	"graphctl/collector"
)

// A view is a span while its trace is evaluated. Views are in the order of rule
// I4, so of several the first is the one with the lowest number. Numbers of
// views are −1 for none.
type view struct {
	r       *record
	own     node // as its own resource names it, 0 if nameless
	service node // rule N3
	side    side // service and facet
	final   node // the destination that it publishes to or consumes from (M2)
	ref     uint32
	parent  int32
	child   int32 // first
	sibling int32 // next child of parent
	twin    int32 // next view with the same id; in traces above scanSpans only
	near    int32 // outgoing span that stands for crossings of what hangs directly below (P4)
	half    int32 // outgoing half of its own crossing or self call (P4, C3)
	nest    int32 // next outgoing span above it in its nest (U2)
	leave   int32 // in order: position behind the last span below it
	state   state
	role    collector.Role
}

// state is what evaluation learns about a span.
type state uint32

const (
	parentless    state = 1 << iota // no parent by field, and none by a shared id (P2)
	crossing                        // the parent is of another service (P4)
	boundary                        // crosses, or is remote, without an outgoing half (P5, C3)
	repeated                        // the same request recorded twice (C3)
	processBelow                    // a process span of its service below (M5)
	resolvedBelow                   // a resolved outgoing span below it in its nest (U2)
	resolved                        // an outgoing span that crosses or publishes (U2)
	counted                         // an unanswered call that is counted (U2)
	covered                         // an outgoing span above it in its nest is resolved or counted (U2)
	inPair                          // an outgoing span with an IN span (P4)
	pushed                          // an IN span that consumes (M7)
	spoken                          // its duration is on an edge as the client's (L1)
	known                           // its parent is known
	consumed                        // a consuming span whose messages are counted at it
)

func (s *view) is(f state) bool { return s.state&f != 0 }
func (s *view) set(f state)     { s.state |= f }
func (s *view) failed() bool    { return s.r.flags&collector.Failed != 0 }

// publishes reports a span that sends or makes messages.
func (s *view) publishes() bool { return s.role == collector.Publish || s.role == collector.Create }

// An evaluation computes the contributions of one trace. Its memory is used
// again for the next.
type evaluation struct {
	e *Engine
	t *trace
	x *exchange // nil if the trace has none

	keys  []sortKey
	spans []view
	ids   []uint64 // of spans
	table []int32  // id → first view + 1, in traces above scanSpans
	order []int32  // parents before children, each subtree in one piece
	exact []int32  // result of carriers
	loose []int32
	path  []int32 // of a walk to the root
	roles uint16  // set of roles present

	members   []member
	groups    [][]member // of one outgoing span
	facets    []facet
	restarts  map[int32]restart // P7, by IN span
	stubPairs []stub            // P7, of IN spans in other traces
	stubs     []stub            // to other traces
	linkers   []int32           // spans with links, by identity
	targets   []ref             // of one span's links

	factCarriers    []carrier // what is known of one linked id
	factProcessedBy []node

	messaging messaging
	out       []contribution
	before    []uint32 // contributions of the trace until now
}

type sortKey struct {
	start int64
	id    uint64
	ref   uint32
}

// evaluate computes what trace i contributes and emits the difference from
// what it contributed before.
func (e *Engine) evaluate(i uint32) {
	t := e.traces.at(i)
	v := &e.v
	v.begin(e, t)
	v.gather()
	v.resolveParents()
	v.cutRings()
	v.nameServices()
	v.findCrossings()
	v.restartedTraces()
	v.readMessages()
	v.sendStubs()
	v.findMembers()
	v.speakForNests()

	v.countPublishes()
	v.countPairs()
	v.countBoundaries()
	v.countUnanswered()
	v.countMessages()
	v.countRoots()
	v.countLinks()
	v.sendFacts()

	v.finish(i)
	t.evaluated = e.now
	t.dueAt = e.now + int64(len(v.spans)/spansATick)*int64(Tick)
	if cap(v.spans) > maxScratch || cap(v.stubs) > maxScratch {
		e.v = evaluation{}
	}
}

func (v *evaluation) begin(e *Engine, t *trace) {
	v.e, v.t, v.x = e, t, nil
	if t.ext != 0 {
		v.x = e.exchanges[t.ext]
		e.absorb(v.x)
	}
	v.out = v.out[:0]
	v.members = v.members[:0]
	v.stubPairs = v.stubPairs[:0]
	if len(v.restarts) > 0 {
		clear(v.restarts)
	}
}

// gather lists the spans in the order of rule I4 and makes ids findable.
func (v *evaluation) gather() {
	if v.t.unchecked {
		v.e.dropRepeats(v.t)
	}
	n := int(v.t.spans)
	v.keys, v.spans, v.ids = slices.Grow(v.keys[:0], n), slices.Grow(v.spans[:0], n), slices.Grow(v.ids[:0], n)
	v.order = slices.Grow(v.order[:0], n)
	v.roles = 0
	for k := v.t.first; k != 0; {
		r := v.e.records.at(k)
		v.keys = append(v.keys, sortKey{r.start, r.id, k})
		k = r.next
	}
	v.sortKeys()
	link := &v.t.first // the records are left in this order
	for _, k := range v.keys {
		r := v.e.records.at(k.ref)
		*link, link = k.ref, &r.next
		role := r.role()
		v.spans = append(v.spans, view{
			r: r, ref: k.ref, own: v.e.resource(r.resource).node, role: role,
			parent: -1, child: -1, sibling: -1, twin: -1, near: -1, half: -1, nest: -1,
		})
		v.ids = append(v.ids, r.id)
		v.roles |= 1 << role
	}
	*link = 0
	if len(v.spans) > scanSpans {
		v.indexIDs()
	}
}

// sortKeys sorts by rule I4. Records are listed as they were left, those that
// came since before them, the last one first.
func (v *evaluation) sortKeys() {
	keys := v.keys
	if len(keys) > scanSpans {
		slices.SortFunc(keys, v.compareKeys)
		return
	}
	if n := len(keys); n > 1 && keys[0].start > keys[n-1].start {
		slices.Reverse(keys)
	}
	for i := 1; i < len(keys); i++ {
		k := keys[i]
		j := i
		for j > 0 && (k.start < keys[j-1].start || k.start == keys[j-1].start && v.compareKeys(k, keys[j-1]) < 0) {
			keys[j] = keys[j-1]
			j--
		}
		keys[j] = k
	}
}

// compareKeys is rule I4.
func (v *evaluation) compareKeys(a, b sortKey) int {
	if a.start != b.start {
		return cmp.Compare(a.start, b.start)
	}
	if a.id != b.id {
		return cmp.Compare(a.id, b.id)
	}
	r, s := v.e.records.at(a.ref), v.e.records.at(b.ref)
	return cmp.Or(
		cmp.Compare(r.kind(), s.kind()),
		strings.Compare(v.e.printed[v.e.resource(r.resource).node], v.e.printed[v.e.resource(s.resource).node]),
		cmp.Compare(r.high, s.high))
}

func (v *evaluation) indexIDs() {
	v.table = cleared(v.table, tableLen(len(v.spans)))
	for i := len(v.spans) - 1; i >= 0; i-- {
		slot := v.slot(v.ids[i])
		v.spans[i].twin = v.table[slot] - 1
		v.table[slot] = int32(i) + 1
	}
}

// slot returns where id is in the table, or where it belongs.
func (v *evaluation) slot(id uint64) uint32 {
	mask := uint32(len(v.table) - 1)
	s := uint32(mix(mix(id))) & mask
	for v.table[s] != 0 && v.ids[v.table[s]-1] != id {
		s = (s + 1) & mask
	}
	return s
}

// withID returns the first view with the id from view i on; i is 0 or one more
// than the last result.
func (v *evaluation) withID(id uint64, i int32) int32 {
	if len(v.spans) <= scanSpans {
		for ; int(i) < len(v.ids); i++ {
			if v.ids[i] == id {
				return i
			}
		}
		return -1
	}
	if i > 0 {
		return v.spans[i-1].twin
	}
	return v.table[v.slot(id)] - 1
}

// carriers returns the spans that a reference to (high, id) may mean (rule P1):
// those of the trace id itself, else those where either high half is zero. The
// result is good until the next call.
func (v *evaluation) carriers(high, id uint64) []int32 {
	v.exact, v.loose = v.exact[:0], v.loose[:0]
	for i := v.withID(id, 0); i >= 0 && len(v.exact)+len(v.loose) < maxCarriers; i = v.withID(id, i+1) {
		switch h := v.spans[i].r.high; {
		case h == high:
			v.exact = append(v.exact, i)
		case h == 0 || high == 0:
			v.loose = append(v.loose, i)
		}
	}
	if len(v.exact) > 0 {
		return v.exact
	}
	return v.loose
}

// linksOf returns the links of span i.
func (v *evaluation) linksOf(i int) []ref {
	return v.e.linksOf(v.t, v.spans[i].r)
}

func (v *evaluation) identity(i int) identity {
	s := &v.spans[i]
	return identity{low: v.t.low, high: s.r.high, id: s.r.id, node: s.own, kind: s.r.kind()}
}

// finish replaces what the trace contributed before by what it does now. What
// stays the same is left alone: most of a trace that grows does.
func (v *evaluation) finish(i uint32) {
	e, t := v.e, v.t
	v.before = v.before[:0]
	for k := t.shown; k != 0; k = e.contributions.at(k).next {
		v.before = append(v.before, k)
	}
	old := v.before
	showAt := t.showAt
	t.showAt = 0
	link := &t.shown
	for n := range v.out {
		c := &v.out[n]
		same := e.findContribution(old, c)
		k := uint32(0)
		if same >= 0 {
			e.takeBack(old[:same])
			k, old = old[same], old[same+1:]
		} else {
			k = v.keep(c)
		}
		kept := e.contributions.at(k)
		if kept.hidden && (t.showAt == 0 || kept.showAt < t.showAt) {
			t.showAt = kept.showAt
		}
		*link, link = k, &kept.next
	}
	*link = 0
	e.takeBack(old)
	t.waiting = t.showAt != 0
	if t.waiting && t.showAt != showAt {
		e.guessing = append(e.guessing, guess{t.showAt, i})
	}
	for n := range v.spans {
		v.showSpan(int32(n))
	}
}

// findContribution returns which of the first few of old equals c, -1 if none
// does.
func (e *Engine) findContribution(old []uint32, c *contribution) int {
	for n, k := range old[:min(len(old), lookAhead)] {
		o := e.contributions.at(k)
		if o.subject == c.subject && o.bucket == c.bucket {
			same := *o
			same.next, same.hidden = 0, false
			if same == *c {
				return n
			}
		}
	}
	return -1
}

// takeBack drops contributions, of those that were shown also from the graph.
func (e *Engine) takeBack(old []uint32) {
	for _, k := range old {
		c := e.contributions.at(k)
		if c.hidden {
			e.c.Hidden--
		} else {
			e.add(c, -1)
		}
		e.contributions.release(k)
	}
}

// keep stores a new contribution, and shows it unless it is a guess that has not
// settled.
func (v *evaluation) keep(c *contribution) uint32 {
	e := v.e
	k := e.contributions.take()
	kept := e.contributions.at(k)
	*kept = *c
	switch {
	case e.silent: // it is shown already
	case c.showAt != 0 && !e.isSettled(c.showAt):
		kept.hidden = true
		e.c.Hidden++
	default:
		e.add(c, 1)
	}
	return k
}
