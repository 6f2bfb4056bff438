package infer

import (
	"fmt"
	"math/bits"
	"slices"

	"graphctl/graph"
)

// Several engines share the traces of one graph: each has those whose LaneOf is
// its own. Links join traces of different lanes, so the engines are advanced
// together, in rounds of two phases. In the first each engine evaluates and
// fills its outboxes, one for each lane; in the second each engine reads the
// outboxes that all others have for it, which rest meanwhile, as do the lists of
// names that their numbers mean. Within a phase an engine writes to nothing but
// itself, so a phase may run on all engines at once. Mail is taken in the order
// of the lanes and, within one, in the order in which it was sent; so nothing
// hangs on who was faster, and the sum of what the engines emit in a tick is
// what one engine alone would emit, but for counts by the hour, which have other
// turns.

// LaneOf returns the lane, below lanes, of the trace with these low bits.
func LaneOf(low uint64, lanes int) int {
	if lanes <= 1 {
		return 0
	}
	h := (low ^ low>>32) * 0x9e3779b97f4a7c15
	h = (h ^ h>>29) * 0xbf58476d1ce4e5b9
	lane, _ := bits.Mul64(h, uint64(lanes))
	return int(lane)
}

// AdvanceAll evaluates the engines of all lanes in step: what changed, then what
// they have to tell each other, until nothing is left; then it shows guesses
// that have settled and lets go of what is beyond the horizon or may be packed.
// engines are in the order of their lanes. each runs f(i) for every i, at once
// if it likes, and returns when all are done. Call it each Tick. Traces that
// grow bit by bit are left for a later tick, and long ones for EvaluateLong,
// unless now is that of the call before: so a driver that ends calls it twice.
func AdvanceAll(engines []*Engine, now int64, each func(f func(i int))) {
	meet(engines, now)
	converge(engines, false, each)
	each(func(i int) { engines[i].finishTick() })
}

// EvaluateLong evaluates what AdvanceAll left because it is long. Call it after
// each AdvanceAll, when what that changed was flushed: nobody waits for a long
// trace then.
func EvaluateLong(engines []*Engine, each func(f func(i int))) {
	each(func(i int) { engines[i].evaluateDeferred() })
}

// SettleAllOf evaluates all that changed in the engines and shows every guess:
// the end of a replay. Its arguments are those of AdvanceAll.
func SettleAllOf(engines []*Engine, each func(f func(i int))) {
	meet(engines, 0)
	converge(engines, true, each)
	each(func(i int) {
		e := engines[i]
		e.whole = true
		e.settled = e.now
		e.showSettled()
	})
}

// meet checks that the engines belong together and gives them one time.
func meet(engines []*Engine, now int64) {
	for i, e := range engines {
		if e.o.Lane != i || e.o.Lanes != len(engines) {
			panic(fmt.Sprintf("infer: engine %d of %d is lane %d of %d", i, len(engines), e.o.Lane, e.o.Lanes))
		}
		now = max(now, e.now)
	}
	for _, e := range engines {
		e.now = now
	}
}

// converge evaluates what changed and is due, or all, and lets linked traces
// exchange what they know until nothing is left to tell.
func converge(engines []*Engine, all bool, each func(f func(i int))) {
	for range maxRounds {
		each(func(i int) { engines[i].evaluateChanged(all) })
		if !slices.ContainsFunc(engines, (*Engine).hasMail) {
			return
		}
		for _, e := range engines {
			e.post()
		}
		each(func(i int) { engines[i].receive(engines) })
	}
}

// alone is how an engine without others runs its phases.
func alone(f func(i int)) { f(0) }

// A mailbox holds what the traces of one lane have to tell those of another.
type mailbox struct {
	stubs []stub // to trace target.low
	facts []fact // to trace to
}

func (m *mailbox) empty() bool { return len(m.stubs) == 0 && len(m.facts) == 0 }

// reset empties m. The memory of much mail is given back.
func (m *mailbox) reset() {
	clear(m.facts)
	m.stubs, m.facts = m.stubs[:0], m.facts[:0]
	if cap(m.stubs) > maxMail || cap(m.facts) > maxMail {
		*m = mailbox{}
	}
}

// posted is mail on its way, with the names that its numbers mean: elements of
// these lists never change, though their owner may append to them meanwhile.
type posted struct {
	to     []mailbox // by lane
	nodes  []graph.NodeRef
	facets []graph.Facet
	sides  []sideRecord
}

func (e *Engine) sendStub(s *stub) {
	if !e.silent {
		m := &e.mail[LaneOf(s.target.low, e.o.Lanes)]
		m.stubs = append(m.stubs, *s)
	}
}

func (e *Engine) sendFact(f *fact) {
	if !e.silent {
		m := &e.mail[LaneOf(f.to, e.o.Lanes)]
		m.facts = append(m.facts, *f)
	}
}

func (e *Engine) hasMail() bool {
	return slices.ContainsFunc(e.mail, func(m mailbox) bool { return !m.empty() })
}

// post closes the outboxes for delivery and opens empty ones.
func (e *Engine) post() {
	e.dropPosted()
	e.mail, e.posted.to = e.posted.to, e.mail
	e.posted.nodes, e.posted.facets, e.posted.sides = e.nodes, e.facets, e.sides
}

// dropPosted drops mail that was delivered.
func (e *Engine) dropPosted() {
	for i := range e.posted.to {
		e.posted.to[i].reset()
	}
}

// receive takes what all engines sent here; the traces concerned are due for
// evaluation.
func (e *Engine) receive(engines []*Engine) {
	for lane, from := range engines {
		m := &from.posted.to[e.o.Lane]
		r := reader{e: e, from: &from.posted, foreign: lane != e.o.Lane}
		if r.foreign {
			r.known = &e.foreign[lane]
		}
		for i := range m.stubs {
			s := m.stubs[i]
			r.stub(&s)
			e.receiveStub(&s)
		}
		for i := range m.facts {
			e.receiveFact(r.fact(m.facts[i]))
		}
	}
}

// numbersOf is what an engine knows of another's numbers: its own for the same
// names, 0 for not known yet.
type numbersOf struct {
	nodes []node
	sides []side
}

// A reader gives mail of one sender the numbers of e.
type reader struct {
	e       *Engine
	from    *posted
	foreign bool // the sender is another engine
	known   *numbersOf

	// The last lists that were read, and what they became: facts to several
	// traces share them.
	carriers, ownCarriers   []carrier
	processors, ownServices []node
}

func (r *reader) node(n node) node {
	if n == 0 {
		return 0
	}
	r.known.nodes = grown(r.known.nodes, int(n))
	own := &r.known.nodes[n]
	if *own == 0 {
		*own = r.e.node(r.from.nodes[n])
	}
	return *own
}

func (r *reader) side(s side) side {
	if s == 0 {
		return 0
	}
	r.known.sides = grown(r.known.sides, int(s))
	own := &r.known.sides[s]
	if *own == 0 {
		theirs := &r.from.sides[s]
		*own = r.e.side(r.node(theirs.node), r.e.facet(r.from.facets[theirs.facet]))
	}
	return *own
}

func (r *reader) stub(s *stub) {
	if !r.foreign {
		return
	}
	s.from.node, s.chosen.node = r.node(s.from.node), r.node(s.chosen.node)
	s.side = r.side(s.side)
	s.destination, s.broker = r.node(s.destination), r.node(s.broker)
}

func (r *reader) fact(f fact) fact {
	if !r.foreign {
		return f
	}
	if !sameList(f.carriers, r.carriers) {
		r.carriers, r.ownCarriers = f.carriers, slices.Clone(f.carriers)
		for i := range r.ownCarriers {
			c := &r.ownCarriers[i]
			c.node, c.first.node = r.node(c.node), r.node(c.first.node)
			c.side = r.side(c.side)
			c.destination, c.broker, c.final = r.node(c.destination), r.node(c.broker), r.node(c.final)
		}
	}
	if !sameList(f.processedBy, r.processors) {
		r.processors, r.ownServices = f.processedBy, slices.Clone(f.processedBy)
		for i, n := range r.ownServices {
			r.ownServices[i] = r.node(n)
		}
		slices.Sort(r.ownServices)
	}
	f.carriers, f.processedBy = r.ownCarriers, r.ownServices
	return f
}

// sameList reports whether a and b are one list in memory.
func sameList[T any](a, b []T) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}
