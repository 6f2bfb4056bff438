package infer

import (
	"cmp"
	"slices"
	"strings"

	"graphctl/collector"
)

// Links cross traces. Two kinds of record travel between the trace that links
// and the trace that is linked, addressed by the low bits of the trace id: a
// stub from each linking span, and a fact back about what it links to. Facts
// are made of own spans and stubs, never of facts, so an exchange ends. A
// trace's contributions are a function of its spans, stubs and facts.

// An identity is what tells a span from all others (rule I3), in an order of
// its own.
type identity struct {
	low, high, id uint64
	node          node // as its own resource names it, 0 if nameless
	kind          collector.Kind
}

// A carrier is what a linked trace tells of a span that carries a linked id.
type carrier struct {
	identity
	start, weight, duration int64
	first                   identity // the consuming span that puts its duration on a direct edge (M3, L1); zero if none
	side                    side     // service and facet
	destination, broker     node     // its own (M2)
	final                   node     // where it publishes (M2)
	role                    collector.Role
	failed                  bool
	spoken                  bool // its duration is on an edge of its own
}

// A stub tells a linked trace of a span that links to target. A span has one
// for each target.
type stub struct {
	target              ref
	from                identity
	start               int64
	weight, duration    int64
	chosen              identity // the OUT span that the link stands for (P7); zero if none
	side                side
	destination, broker node // its own (M2)
	role                collector.Role
	failed              bool
	below               bool // a receive span with a process span below (M5)
	gone                bool // the span no longer links there
	answered            bool // of a stub received: its trace knows the fact
}

// compareSent orders the stubs of one trace.
func (s *stub) compareSent(o *stub) int {
	return cmp.Or(s.from.compare(o.from), s.target.compare(o.target))
}

// compareReceived orders the stubs that came to one trace.
func (s *stub) compareReceived(o *stub) int {
	return cmp.Or(s.target.compare(o.target), s.from.compare(o.from))
}

// A fact answers the stubs of one trace that link to target.
type fact struct {
	to          uint64 // low bits of the linking trace
	born        uint64 // tells the answering trace from one that was forgotten before it
	target      ref
	carriers    []carrier // known spans with the id, by rule I4; shared, not to be changed
	processedBy []node    // services that process the message of this context (M5), sorted; shared
}

func (f *fact) says(carriers []carrier, processedBy []node) bool {
	return slices.Equal(f.carriers, carriers) && slices.Equal(f.processedBy, processedBy)
}

// An exchange is the part of a trace that has to do with links. What arrives
// waits in its own lists until the trace is evaluated, so that taking in many
// stubs or facts is linear.
type exchange struct {
	links []ref // of own spans, at record.firstLink
	live  int   // links in use; the others were replaced

	sent  []stub // own stubs as last sent, by stub.compareSent
	facts []fact // about what own spans link to, by target

	stubs []stub // of spans in other traces that link here, by stub.compareReceived
	told  []fact // as last sent, by target; those that say nothing are left out

	newStubs []stub // as they came
	newFacts []fact
}

// held is how many records the exchange keeps, for the bound on memory.
func (x *exchange) held() int { return len(x.links) + len(x.stubs) + len(x.newStubs) }

// fact returns the fact about target, nil if there is none.
func (x *exchange) fact(target ref) *fact {
	i, ok := slices.BinarySearchFunc(x.facts, target, func(f fact, l ref) int { return f.target.compare(l) })
	if !ok {
		return nil
	}
	return &x.facts[i]
}

// carriersOf returns the known spans of other traces that a link leads to.
func (x *exchange) carriersOf(target ref) []carrier {
	if f := x.fact(target); f != nil {
		return f.carriers
	}
	return nil
}

// absorb puts what arrived in its place.
func (e *Engine) absorb(x *exchange) {
	if len(x.newStubs) > 0 {
		e.held -= x.held()
		slices.SortStableFunc(x.newStubs, func(a, b stub) int { return a.compareReceived(&b) })
		x.stubs = mergeStubs(x.stubs, x.newStubs)
		x.newStubs = nil
		e.held += x.held()
	}
	if len(x.newFacts) > 0 {
		slices.SortStableFunc(x.newFacts, func(a, b fact) int { return a.target.compare(b.target) })
		x.facts = mergeFacts(x.facts, x.newFacts)
		x.newFacts = nil
	}
}

// mergeStubs returns old with the changes in arrived; of several changes to one
// stub the last one holds. Both are sorted.
func mergeStubs(old, arrived []stub) []stub {
	merged := make([]stub, 0, len(old)+len(arrived))
	for i := range arrived {
		s := &arrived[i]
		if i+1 < len(arrived) && s.compareReceived(&arrived[i+1]) == 0 {
			continue
		}
		for len(old) > 0 && old[0].compareReceived(s) < 0 {
			merged, old = append(merged, old[0]), old[1:]
		}
		if len(old) > 0 && old[0].compareReceived(s) == 0 {
			old = old[1:]
		}
		if !s.gone {
			merged = append(merged, *s)
		}
	}
	return append(merged, old...)
}

// mergeFacts returns old with the facts that arrived in place of those about the
// same targets. Both are sorted.
func mergeFacts(old, arrived []fact) []fact {
	merged := make([]fact, 0, len(old)+len(arrived))
	for _, f := range arrived {
		for len(old) > 0 && old[0].target.compare(f.target) <= 0 {
			merged, old = append(merged, old[0]), old[1:]
		}
		if n := len(merged); n > 0 && merged[n-1].target == f.target {
			merged[n-1] = joinFacts(&merged[n-1], f)
		} else {
			merged = append(merged, f)
		}
	}
	return append(merged, old...)
}

// joinFacts returns f as it follows old. If old came from a trace that was
// forgotten in between, what that one knew stays: forgetting revises nothing.
func joinFacts(old *fact, f fact) fact {
	if old.born == f.born {
		return f
	}
	if len(old.carriers) > 0 {
		f.carriers = old.carriers
	}
	f.processedBy = slices.Concat(f.processedBy, old.processedBy)
	slices.Sort(f.processedBy)
	f.processedBy = slices.Compact(f.processedBy)
	return f
}

// receiveStub takes in a stub; the trace that it links to is made if new.
func (e *Engine) receiveStub(s *stub) {
	i := e.lookUp(s.target.low)
	if i == 0 && s.gone {
		return
	}
	if !e.makeRoom(i, 1) {
		e.c.LinksDropped++
		return
	}
	if i == 0 {
		i = e.newTrace(s.target.low)
	}
	t := e.traces.at(i)
	x := e.exchangeOf(t)
	x.newStubs = append(x.newStubs, *s)
	e.held++
	e.touch(i, t)
	t.mailed = true
	e.mark(i, t)
}

func (e *Engine) receiveFact(f fact) {
	i := e.lookUp(f.to)
	if i == 0 {
		return
	}
	e.makeRoom(i, 0)
	t := e.traces.at(i)
	x := e.exchangeOf(t)
	x.newFacts = append(x.newFacts, f)
	t.mailed = true
	e.mark(i, t)
}

// sendStubs tells linked traces what changed about own links.
func (v *evaluation) sendStubs() {
	x := v.x
	if x == nil || len(x.links) == 0 && len(x.sent) == 0 {
		return
	}
	v.listStubs()
	old, changed := x.sent, false
	withdraw := func() {
		v.e.sendStub(&stub{target: old[0].target, from: old[0].from, gone: true})
		old, changed = old[1:], true
	}
	for i := range v.stubs {
		s := &v.stubs[i]
		for len(old) > 0 && old[0].compareSent(s) < 0 {
			withdraw()
		}
		known := len(old) > 0 && old[0].compareSent(s) == 0
		if !known || old[0] != *s {
			v.e.sendStub(s)
			changed = true
		}
		if known {
			old = old[1:]
		}
	}
	for len(old) > 0 {
		withdraw()
	}
	if changed {
		x.sent = slices.Clone(v.stubs)
	}
}

// listStubs lists the stubs of all links to other traces, sorted, in v.stubs.
func (v *evaluation) listStubs() {
	v.stubs, v.linkers = v.stubs[:0], v.linkers[:0]
	for i := range v.spans {
		s := &v.spans[i]
		if s.r.links > 0 && s.role != collector.Create && s.role != collector.Settle { // their links count for nothing (K2)
			v.linkers = append(v.linkers, int32(i))
		}
	}
	slices.SortFunc(v.linkers, func(a, b int32) int { return v.identity(int(a)).compare(v.identity(int(b))) })
	for _, i := range v.linkers {
		v.stubsOf(int(i))
	}
}

// stubsOf adds the stubs of span i's links to other traces.
func (v *evaluation) stubsOf(i int) {
	s := &v.spans[i]
	v.targets = append(v.targets[:0], v.linksOf(i)...)
	slices.SortFunc(v.targets, ref.compare)
	far := v.e.far(s.r.far)
	n := stub{
		from: v.identity(i), start: s.r.start, weight: s.r.weight, duration: s.r.duration(),
		side: s.side, destination: far.destination, broker: far.broker,
		role: s.role, failed: s.failed(), below: s.role == collector.Receive && s.is(processBelow),
	}
	chosen := v.restarts[int32(i)]
	for k, l := range v.targets {
		if l.low == v.t.low || k > 0 && l == v.targets[k-1] {
			continue
		}
		n.target, n.chosen = l, identity{}
		if chosen.link == l {
			n.chosen = chosen.carrier.identity
		}
		v.stubs = append(v.stubs, n)
	}
}

// sendFacts answers the stubs whose answer changed, and those that are new.
func (v *evaluation) sendFacts() {
	x := v.x
	if x == nil || len(x.stubs) == 0 && len(x.told) == 0 {
		return
	}
	var told []fact
	old := x.told
	for rest := x.stubs; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].target == rest[0].target {
			n++
		}
		asking := rest[:n]
		rest = rest[n:]
		f := fact{target: asking[0].target}
		for len(old) > 0 && old[0].target.compare(f.target) < 0 {
			old = old[1:]
		}
		if len(old) > 0 && old[0].target == f.target {
			f = old[0]
		}
		v.readFact(f.target)
		same := f.says(v.factCarriers, v.factProcessedBy)
		if !same {
			f.carriers, f.processedBy = slices.Clone(v.factCarriers), slices.Clone(v.factProcessedBy)
		}
		f.born = v.t.born
		v.answer(asking, f, same)
		if len(f.carriers)+len(f.processedBy) > 0 {
			told = append(told, f)
		}
	}
	x.told = told
}

// answer sends a fact to the traces whose stubs ask for it: to all, or to those
// that do not know it if it is the same as before. A fact that says nothing is
// no news for them.
func (v *evaluation) answer(asking []stub, f fact, same bool) {
	says := len(f.carriers)+len(f.processedBy) > 0
	for len(asking) > 0 {
		f.to = asking[0].from.low
		knows := same
		for len(asking) > 0 && asking[0].from.low == f.to {
			knows = knows && (asking[0].answered || !says)
			asking[0].answered = true
			asking = asking[1:]
		}
		if !knows {
			v.e.sendFact(&f)
		}
	}
}

// readFact gathers what own spans and stubs say about a linked id, in
// v.factCarriers and v.factProcessedBy.
func (v *evaluation) readFact(target ref) {
	v.factCarriers, v.factProcessedBy = v.factCarriers[:0], v.factProcessedBy[:0]
	for _, c := range v.carriers(target.high, target.id) {
		v.factCarriers = append(v.factCarriers, v.carrier(int(c)))
	}
	for _, p := range v.messaging.processorsOf(v.localContext(target)) {
		if len(v.factProcessedBy) == maxProcessedBy {
			break
		}
		v.factProcessedBy = append(v.factProcessedBy, p.service)
	}
}

// carrier tells of own span i.
func (v *evaluation) carrier(i int) carrier {
	s := &v.spans[i]
	far := v.e.far(s.r.far)
	return carrier{
		identity: v.identity(i), start: s.r.start, weight: s.r.weight, duration: s.r.duration(),
		first: v.messaging.firsts[int32(i)].identity, side: s.side, destination: far.destination, broker: far.broker,
		final: s.final, role: s.role, failed: s.failed(), spoken: s.is(spoken),
	}
}

// compare orders spans of any trace by rule I4.
func (e *Engine) compare(aStart int64, a identity, bStart int64, b identity) int {
	return cmp.Or(
		cmp.Compare(aStart, bStart),
		cmp.Compare(a.id, b.id),
		cmp.Compare(a.kind, b.kind),
		strings.Compare(e.printed[a.node], e.printed[b.node]),
		cmp.Compare(a.high, b.high),
		cmp.Compare(a.low, b.low),
	)
}
