package infer

import (
	"fmt"
	"time"

	"graphctl/collector"
	"graphctl/graph"
)

// Options of an Engine. The zero value selects the defaults.
type Options struct {
	// Settle: guesses (calls by the user, calls that nobody answered, callers
	// known by name only) stay hidden so long after the span arrived. Default
	// 5 s; negative: shown at once.
	Settle time.Duration
	// Horizon: a trace is forgotten when no span of it arrived for so long.
	// Default 1 h. Negative: none, for a replay: nothing is forgotten and
	// spans keep their own times however old.
	Horizon time.Duration
	// MaxSpans bounds the spans (and links) in memory, default 1,000,000; beside
	// long traces an eighth more. Over it the traces that were quiet longest
	// leave early: for the archive, else they are forgotten and counted.
	// Negative: no bound.
	MaxSpans int
	// Archive keeps traces that were quiet for Settle (and for minQuiet, unless
	// Settle is negative) and show all they have to show. nil: all traces stay
	// in memory up to the horizon.
	Archive Archive
	// Lane and Lanes: of Lanes engines this one has the traces whose LaneOf is
	// Lane. Zero for both: it is alone.
	Lane, Lanes int
}

// An Engine infers the call graph from spans. Use New or LoadState.
type Engine struct {
	o    Options
	syms *collector.Symbols
	names
	sum
	otherSide side // of the service "other", where edges beyond the bound go

	now      int64  // highest time seen
	advanced int64  // time of the last Advance, from which the horizon counts for packed traces
	quiet    int64  // ns after which a trace may be packed
	settled  int64  // guesses of spans that arrived until then are shown whatever Settle says
	births   uint64 // traces there ever were
	c        Counters
	held     int // spans, links and stubs in memory
	longest  int // bound of one trace, in spans: maxTraceSpans

	records       arena[record]
	contributions arena[contribution]
	traces        arena[trace]
	byLow         map[uint64]uint32
	oldest        uint32 // trace that was quiet longest
	newest        uint32
	long          []uint32 // traces of more than spansATick spans
	changed       []uint32 // traces to evaluate, those with trace.dirty
	deferred      []uint32 // of them, long ones that are due
	guessing      []guess  // of traces with hidden guesses, those with trace.waiting
	exchanges     []*exchange
	freeExchanges []uint32
	mail          []mailbox              // by lane
	posted        posted                 // mail that others read
	foreign       []numbersOf            // by lane
	spare         []uint32               // room for the next list of changed traces
	forgotten     [2]map[uint64]struct{} // low bits of traces, the newer ones first

	bucketStart  int64 // of the bucket that was asked for last: most often it is asked for again
	bucketNumber int32
	packedNames  numberings // that packed traces use
	packer       packer
	silent       bool       // evaluation sets what is shown and tells nobody
	v            evaluation // scratch of the evaluation in progress
	linkBuf      []ref      // scratch of Observe
}

// New returns an empty engine that reads names from syms.
func New(o Options, syms *collector.Symbols) *Engine {
	if o.Settle == 0 {
		o.Settle = defaultSettle
	}
	quiet := max(o.Settle, minQuiet)
	if o.Settle < 0 {
		o.Settle, quiet = 0, 0
	}
	if o.Horizon == 0 {
		o.Horizon = defaultHorizon
	}
	if o.MaxSpans == 0 {
		o.MaxSpans = defaultMaxSpans
	}
	o.Lanes = max(o.Lanes, 1)
	if o.Lane < 0 || o.Lane >= o.Lanes {
		panic(fmt.Sprintf("infer: lane %d of %d", o.Lane, o.Lanes))
	}
	e := &Engine{
		o:           o,
		syms:        syms,
		names:       newNames(),
		sum:         newSum(),
		byLow:       map[uint64]uint32{},
		exchanges:   make([]*exchange, 1),
		settled:     -1 << 63,
		quiet:       int64(quiet),
		packedNames: newNumberings(),
		longest:     maxTraceSpans,
		mail:        make([]mailbox, o.Lanes),
		posted:      posted{to: make([]mailbox, o.Lanes)},
		foreign:     make([]numbersOf, o.Lanes),
		forgotten:   [2]map[uint64]struct{}{{}, {}},
	}
	e.otherSide = e.side(e.node(graph.NodeRef{Kind: graph.Service, Name: "other"}), 0)
	return e
}

// Observe takes in a span and its links, which are borrowed for the call. now
// is Unix time in ns; a step back is held at the highest time seen.
func (e *Engine) Observe(now int64, s *collector.Span, links []collector.Link) {
	e.now = max(e.now, now)
	e.c.Observed++
	if len(links) > collector.MaxLinks {
		e.c.LinksDropped += uint64(len(links) - collector.MaxLinks)
		links = links[:collector.MaxLinks]
	}
	e.linkBuf = e.linkBuf[:0]
	for _, l := range links {
		e.linkBuf = append(e.linkBuf, refOf(l))
	}
	low := s.Trace.Low()
	n := newRecord(e.now, s)
	i := e.lookUp(low)
	if i != 0 && e.repeats(i, &n) {
		return
	}
	if i != 0 && !e.roomInTrace(i) || !e.makeRoom(i, 1+len(links)) {
		e.c.Refused++
		return
	}
	if i == 0 {
		i = e.newTrace(low)
	}
	if e.traces.at(i).late {
		e.c.Late++
	}
	e.insert(i, &n)
}

// insert adds a span that is not in memory yet.
func (e *Engine) insert(i uint32, n *record) {
	t := e.traces.at(i)
	k := e.records.take()
	r := e.records.at(k)
	*r = *n
	r.next = t.first
	t.first = k
	t.ids |= idBit(n.id)
	t.spans++
	t.unchecked = t.unchecked || t.spans > scanSpans
	if t.spans == spansATick+1 {
		e.noteLong(i)
	}
	e.replaceLinks(t, r, e.linkBuf)
	e.c.Accepted++
	e.c.Spans[Pending]++
	if e.misdated(r) {
		e.c.Repaired++
	}
	e.c.LiveSpans++
	e.held++
	e.touch(i, t)
	e.mark(i, t)
}

// repeats reports whether n is a copy of a span of trace i, and joins it (rule
// I3). Traces too long for scanning are looked through on evaluation.
func (e *Engine) repeats(i uint32, n *record) bool {
	t := e.traces.at(i)
	if t.spans > scanSpans || t.ids&idBit(n.id) == 0 {
		return false
	}
	for k := t.first; k != 0; {
		r := e.records.at(k)
		if r.id == n.id && e.sameSpan(r, n) {
			e.c.Duplicates++
			e.touch(i, t)
			if e.merge(t, r, n, e.linkBuf) {
				e.mark(i, t)
			}
			return true
		}
		k = r.next
	}
	return false
}

// roomInTrace reports whether trace i may grow.
func (e *Engine) roomInTrace(i uint32) bool {
	t := e.traces.at(i)
	if int(t.spans) >= e.longest && t.unchecked {
		e.dropRepeats(t)
	}
	return int(t.spans) < e.longest
}

// Advance is AdvanceAll and EvaluateLong of an engine that is alone.
func (e *Engine) Advance(now int64) {
	AdvanceAll([]*Engine{e}, now, alone)
	e.evaluateDeferred()
}

// finishTick shows guesses that have settled, packs what is quiet and forgets
// what is beyond the horizon.
func (e *Engine) finishTick() {
	e.dropPosted()
	e.showSettled()
	if e.o.Archive != nil {
		e.packQuiet(e.now - e.quiet)
	}
	e.whole = e.whole || e.now == e.advanced // a driver that ends
	e.advanced = e.now
	if e.o.Horizon < 0 {
		return
	}
	for e.oldest != 0 && e.traces.at(e.oldest).lastSeen <= e.now-int64(e.o.Horizon) {
		e.forget(e.oldest)
	}
}

// SettleAll is SettleAllOf an engine that is alone.
func (e *Engine) SettleAll() { SettleAllOf([]*Engine{e}, alone) }

// evaluateChanged evaluates the traces that changed and are due, or all.
func (e *Engine) evaluateChanged(all bool) {
	list := e.changed
	e.changed = e.spare[:0]
	e.deferred = e.deferred[:0]
	for _, i := range list {
		t := e.traces.at(i)
		due := all || t.dirty && e.isDue(t)
		switch {
		case !t.dirty:
		case due && t.spans > spansATick && !all && e.now != e.advanced:
			e.deferred = append(e.deferred, i)
			e.changed = append(e.changed, i)
		case due:
			t.dirty, t.mailed = false, false
			e.evaluate(i)
		default:
			e.changed = append(e.changed, i)
		}
	}
	e.spare = list
}

// evaluateDeferred evaluates the traces that evaluateChanged left because they
// are long. They stay in changed, where they are skipped.
func (e *Engine) evaluateDeferred() {
	for _, i := range e.deferred {
		if t := e.traces.at(i); t.dirty {
			t.dirty, t.mailed = false, false
			e.evaluate(i)
		}
	}
	e.deferred = e.deferred[:0]
}

// isDue reports whether a changed trace is evaluated now. One whose spans come
// bit by bit rests for two ticks after an evaluation and until nothing came for
// it in a tick, but not longer than three ticks: a call that waits to be seen is
// seen after 1.5 s. What linked traces tell does not wait, and nothing does when
// time stands still.
func (e *Engine) isDue(t *trace) bool {
	if e.now == e.advanced {
		return true
	}
	rested := e.now - t.evaluated + int64(Tick)/2 // ticks do not come to the nanosecond
	quiet := t.lastSeen <= e.advanced
	return t.dueAt <= e.now && (t.mailed || rested >= 3*int64(Tick) || rested >= 2*int64(Tick) && quiet)
}

// isSettled reports whether a guess from a span that arrived then is shown.
func (e *Engine) isSettled(showAt int64) bool {
	return showAt <= e.now || showAt-int64(e.o.Settle) <= e.settled
}

// A guess says when a trace has a guess to show. It holds as long as the trace
// has the same showAt.
type guess struct {
	showAt int64
	trace  uint32
}

// showSettled shows the guesses that were hidden long enough.
func (e *Engine) showSettled() {
	kept := e.guessing[:0]
	for _, g := range e.guessing {
		if !e.isSettled(g.showAt) {
			kept = append(kept, g)
			continue
		}
		t := e.traces.at(g.trace)
		if !t.waiting || t.showAt != g.showAt {
			continue
		}
		if e.show(t); t.waiting {
			kept = append(kept, guess{t.showAt, g.trace})
		}
	}
	e.guessing = kept
}

// show shows the guesses of t that have settled and notes when the next will.
func (e *Engine) show(t *trace) {
	t.showAt = 0
	for i := t.shown; i != 0; {
		c := e.contributions.at(i)
		switch {
		case !c.hidden:
		case e.isSettled(c.showAt):
			c.hidden = false
			e.c.Hidden--
			e.add(c, 1)
		case t.showAt == 0 || c.showAt < t.showAt:
			t.showAt = c.showAt
		}
		i = c.next
	}
	t.waiting = t.showAt != 0
}

// showAll shows all guesses of t, settled or not: it is about to be forgotten.
func (e *Engine) showAll(t *trace) {
	for i := t.shown; i != 0; {
		c := e.contributions.at(i)
		if c.hidden {
			c.hidden = false
			e.c.Hidden--
			e.add(c, 1)
		}
		i = c.next
	}
	t.showAt, t.waiting = 0, false
}

// dropContributions gives back the memory of what t contributed.
func (e *Engine) dropContributions(t *trace) {
	for i := t.shown; i != 0; {
		next := e.contributions.at(i).next
		e.contributions.release(i)
		i = next
	}
	t.shown = 0
}

// Flush returns the change of the shown graph since the last Flush, without
// zeros; nil if there is none. What is counted by the hour may wait for up to 20
// calls, but not when two calls of Advance were of one time, nor after SettleAll.
// The delta is the caller's.
func (e *Engine) Flush() *graph.Delta { return e.delta() }

// misdated reports a start that is not believed (rule W1): outside the horizon,
// or too far ahead of the arrival.
func (e *Engine) misdated(r *record) bool {
	return e.o.Horizon >= 0 &&
		(r.start < r.arrival-int64(e.o.Horizon) || r.start > r.arrival+int64(futureSlack))
}

// bucket returns the time bucket of what is dated by r.
func (e *Engine) bucket(r *record) int32 {
	at := r.start
	if e.misdated(r) {
		at = r.arrival
	}
	if at < e.bucketStart || at-e.bucketStart >= int64(graph.Fine) {
		e.bucketNumber = bucketOf(at)
		e.bucketStart = int64(e.bucketNumber) * int64(graph.Fine)
	}
	return e.bucketNumber
}
