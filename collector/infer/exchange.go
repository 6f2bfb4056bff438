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

// A stub tells a linked trace of a span that links to target.
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
}

// A fact answers the stubs of one trace that link to target.
type fact struct {
	to          uint64 // low bits of the linking trace
	born        uint64 // tells the answering trace from one that was forgotten before it
	target      ref
	carriers    []carrier // known spans with the id, by rule I4; shared, not to be changed
	processedBy []node    // services that process the message of this context (M5), sorted; shared
}

// A stubKey names a stub: a span links to each target once.
type stubKey struct {
	from   identity
	target ref
}

// An exchange is the part of a trace that has to do with links.
type exchange struct {
	links []ref // of own spans, at record.firstLink
	live  int   // links in use; the others were replaced

	sent  map[stubKey]stub // own stubs as last sent
	facts map[ref]fact     // about what own spans link to

	stubs  map[stubKey]stub        // of spans in other traces that link here
	told   map[ref]fact            // facts as last sent
	toldTo map[ref]map[uint64]bool // to whom
}

func newExchange() *exchange {
	return &exchange{
		sent:   map[stubKey]stub{},
		facts:  map[ref]fact{},
		stubs:  map[stubKey]stub{},
		told:   map[ref]fact{},
		toldTo: map[ref]map[uint64]bool{},
	}
}

// held is how many records the exchange keeps, for the bound on memory.
func (x *exchange) held() int { return len(x.links) + len(x.stubs) }

// A mailbox holds what traces have to tell each other.
type mailbox struct {
	stubs []stub // to trace target.low
	facts []fact // to trace to
}

func (m *mailbox) empty() bool { return len(m.stubs) == 0 && len(m.facts) == 0 }

// send hands over a stub to the trace that it links to, or a fact to the trace
// that asked.
func (m *mailbox) sendStub(s stub) { m.stubs = append(m.stubs, s) }
func (m *mailbox) sendFact(f fact) { m.facts = append(m.facts, f) }

// receive delivers what was sent; the traces concerned are due for evaluation.
func (e *Engine) receive() {
	stubs, facts := e.mail.stubs, e.mail.facts
	e.mail.stubs, e.mail.facts = nil, nil
	for _, s := range stubs {
		e.receiveStub(s)
	}
	for _, f := range facts {
		e.receiveFact(f)
	}
}

func (e *Engine) receiveStub(s stub) {
	i, ok := e.byLow[s.target.low]
	if !ok && s.gone {
		return
	}
	if !e.makeRoom(i, 1) {
		e.c.LinksDropped++
		return
	}
	i, t := e.traceOf(s.target.low)
	x := e.exchangeOf(t)
	k := stubKey{s.from, s.target}
	delete(x.toldTo[s.target], s.from.low) // it may have been forgotten in between: answer again
	if s.gone {
		if _, ok := x.stubs[k]; ok {
			delete(x.stubs, k)
			e.held--
		}
	} else {
		if _, ok := x.stubs[k]; !ok {
			e.held++
		}
		x.stubs[k] = s
	}
	e.touch(i, t)
	e.mark(i, t)
}

// receiveFact stores a fact. If an earlier one came from a trace that was
// forgotten in between, what that one knew stays: forgetting revises nothing.
func (e *Engine) receiveFact(f fact) {
	i, ok := e.byLow[f.to]
	if !ok {
		return
	}
	t := e.traces.at(i)
	x := e.exchangeOf(t)
	if old, ok := x.facts[f.target]; ok && old.born != f.born {
		if len(old.carriers) > 0 {
			f.carriers = old.carriers
		}
		f.processedBy = slices.Concat(f.processedBy, old.processedBy)
		slices.Sort(f.processedBy)
		f.processedBy = slices.Compact(f.processedBy)
	}
	x.facts[f.target] = f
	e.mark(i, t)
}

// sendStubs tells linked traces what changed about own links.
func (v *evaluation) sendStubs() {
	x := v.x
	if x == nil || len(x.links) == 0 && len(x.sent) == 0 {
		return
	}
	stubs := map[stubKey]stub{}
	for i := range v.spans {
		v.stubsOf(i, stubs)
	}
	for k, s := range stubs {
		if x.sent[k] != s {
			v.e.mail.sendStub(s)
		}
	}
	for k := range x.sent {
		if _, ok := stubs[k]; !ok {
			v.e.mail.sendStub(stub{target: k.target, from: k.from, gone: true})
		}
	}
	x.sent = stubs
}

// stubsOf adds the stubs of span i's links to other traces.
func (v *evaluation) stubsOf(i int, stubs map[stubKey]stub) {
	s := &v.spans[i]
	if s.role == collector.Create || s.role == collector.Settle {
		return // their links count for nothing (K2)
	}
	from := v.identity(i)
	for _, l := range v.linksOf(i) {
		if l.low == v.t.low {
			continue
		}
		far := v.e.far(s.r.far)
		n := stub{
			target: l, from: from, start: s.r.start, weight: s.r.weight, duration: s.r.duration(),
			side: s.side, destination: far.destination, broker: far.broker,
			role: s.role, failed: s.failed(), below: s.role == collector.Receive && s.is(processBelow),
		}
		if c := v.restarts[int32(i)]; c.link == l {
			n.chosen = c.carrier.identity
		}
		stubs[stubKey{from, l}] = n
	}
}

// sendFacts answers the stubs whose answer changed.
func (v *evaluation) sendFacts() {
	x := v.x
	if x == nil || len(x.stubs) == 0 {
		return
	}
	asked := map[ref][]uint64{}
	for k := range x.stubs {
		asked[k.target] = append(asked[k.target], k.from.low)
	}
	for target, lows := range asked {
		f := v.factAbout(target)
		same := slices.Equal(f.carriers, x.told[target].carriers) && slices.Equal(f.processedBy, x.told[target].processedBy)
		if x.toldTo[target] == nil || !same {
			x.toldTo[target] = map[uint64]bool{}
		}
		x.told[target] = f
		for _, low := range lows {
			if !x.toldTo[target][low] {
				x.toldTo[target][low] = true
				f.to = low
				v.e.mail.sendFact(f)
			}
		}
	}
}

// factAbout gathers what own spans and stubs say about a linked id.
func (v *evaluation) factAbout(target ref) fact {
	f := fact{target: target, born: v.t.born}
	for _, c := range v.carriers(target.high, target.id) {
		f.carriers = append(f.carriers, v.carrier(int(c)))
	}
	key := v.localContext(target)
	for p := range v.messaging.processed {
		if p.context == key {
			f.processedBy = append(f.processedBy, p.service)
		}
	}
	slices.Sort(f.processedBy)
	if len(f.processedBy) > maxProcessedBy {
		f.processedBy = f.processedBy[:maxProcessedBy]
	}
	return f
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

// compareCarriers orders spans of any trace by rule I4.
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
