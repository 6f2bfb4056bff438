package infer

import (
	"slices"

	"graphctl/collector"
)

// A trace is all spans whose trace ids share the low 64 bits (rule P1).
type trace struct {
	low          uint64
	born         uint64 // number among all traces there ever were
	lastSeen     int64  // arrival of the last span or stub
	dueAt        int64  // not evaluated before
	evaluated    int64  // when it was last, 0: never, or not since it was brought back
	ids          uint64 // set of its span ids, by idBit: an id whose bit is missing is new
	showAt       int64  // when the first hidden guess may be shown; 0: none is hidden
	first        uint32 // record
	spans        uint32
	shown        uint32 // contribution
	older, newer uint32 // traces by lastSeen
	ext          uint32 // exchange, 0 if it has none
	dirty        bool   // in Engine.changed
	waiting      bool   // in Engine.guessing
	unchecked    bool   // may hold repeated spans: too long to look on arrival
	late         bool   // of a trace that was forgotten before
	mailed       bool   // dirty for what a linked trace told
}

// idBit returns the bit of a span id in trace.ids.
func idBit(id uint64) uint64 { return 1 << (id * 0x9e3779b97f4a7c15 >> 58) }

func (e *Engine) newTrace(low uint64) uint32 {
	i := e.traces.take()
	t := e.traces.at(i)
	e.births++
	t.low, t.born, t.late = low, e.births, e.wasForgotten(low)
	e.byLow[low] = i
	e.c.LiveTraces++
	return i
}

// exchangeOf returns the exchange of t, made if there is none.
func (e *Engine) exchangeOf(t *trace) *exchange {
	if t.ext == 0 {
		if n := len(e.freeExchanges); n > 0 {
			t.ext = e.freeExchanges[n-1]
			e.freeExchanges = e.freeExchanges[:n-1]
			e.exchanges[t.ext] = new(exchange)
		} else {
			t.ext = uint32(len(e.exchanges))
			e.exchanges = append(e.exchanges, new(exchange))
		}
	}
	return e.exchanges[t.ext]
}

// linksOf returns the links of a span of t.
func (e *Engine) linksOf(t *trace, r *record) []ref {
	if r.links == 0 {
		return nil
	}
	return e.exchanges[t.ext].links[r.firstLink : r.firstLink+uint32(r.links)]
}

// replaceLinks gives r new links in place of those it has.
func (e *Engine) replaceLinks(t *trace, r *record, links []ref) {
	if r.links == 0 && len(links) == 0 {
		return
	}
	x := e.exchangeOf(t)
	e.held -= len(x.links)
	x.live += len(links) - int(r.links)
	r.links, r.firstLink = uint16(len(links)), uint32(len(x.links))
	x.links = append(x.links, links...)
	if len(x.links) > 2*x.live+collector.MaxLinks {
		e.packLinks(t, x)
	}
	e.held += len(x.links)
}

// packLinks drops links that no span has any more.
func (e *Engine) packLinks(t *trace, x *exchange) {
	packed := make([]ref, 0, x.live)
	for i := t.first; i != 0; i = e.records.at(i).next {
		r := e.records.at(i)
		if r.links > 0 {
			links := x.links[r.firstLink : r.firstLink+uint32(r.links)]
			r.firstLink = uint32(len(packed))
			packed = append(packed, links...)
		}
	}
	x.links = packed
}

// touch makes t the most recently seen trace.
func (e *Engine) touch(i uint32, t *trace) {
	t.lastSeen = e.now
	if e.newest == i {
		return
	}
	e.unlink(i, t)
	t.older = e.newest
	if e.newest != 0 {
		e.traces.at(e.newest).newer = i
	} else {
		e.oldest = i
	}
	e.newest = i
}

// putOldest puts t, which is in no order yet, before all others. It may have
// been seen later than they: traces that are brought back do not stay for long.
func (e *Engine) putOldest(i uint32, t *trace) {
	t.newer = e.oldest
	if e.oldest != 0 {
		e.traces.at(e.oldest).older = i
	} else {
		e.newest = i
	}
	e.oldest = i
}

// unlink takes t out of the order of lastSeen, if it is there.
func (e *Engine) unlink(i uint32, t *trace) {
	switch {
	case t.newer != 0:
		e.traces.at(t.newer).older = t.older
	case e.newest == i:
		e.newest = t.older
	}
	switch {
	case t.older != 0:
		e.traces.at(t.older).newer = t.newer
	case e.oldest == i:
		e.oldest = t.newer
	}
	t.newer, t.older = 0, 0
}

// mark notes that t has to be evaluated again.
func (e *Engine) mark(i uint32, t *trace) {
	if !t.dirty {
		t.dirty = true
		e.changed = append(e.changed, i)
	}
}

// makeRoom packs the traces that were quiet longest, other than keep, or
// forgets them, until n more records fit. It reports whether they do.
func (e *Engine) makeRoom(keep uint32, n int) bool {
	if e.o.MaxSpans < 0 {
		return true
	}
	for e.held+n > e.room() {
		i := e.leaver(keep)
		if i == 0 {
			return false
		}
		if !e.packEarly(i) {
			e.complete(i)
			e.c.Evicted += uint64(e.traces.at(i).spans)
			e.forget(i)
		}
	}
	return true
}

// room returns how many records may be in memory: MaxSpans, and beside long
// traces some more, so that others are not packed before they are complete.
func (e *Engine) room() int {
	long := 0
	for _, i := range e.long {
		long += int(e.traces.at(i).spans)
	}
	return max(e.o.MaxSpans, min(long, e.o.MaxSpans)+e.o.MaxSpans/besideLong)
}

// leaver returns the trace that was quiet longest, other than keep; 0 if there is
// none. A long trace for which spans still come is the last to leave: it would be
// brought back for the next of them, and all others would leave for it.
func (e *Engine) leaver(keep uint32) uint32 {
	long := uint32(0)
	for i := e.oldest; i != 0; i = e.traces.at(i).newer {
		t := e.traces.at(i)
		switch {
		case i == keep:
		case t.spans <= spansATick || t.lastSeen <= e.now-e.quiet:
			return i
		case long == 0:
			long = i
		}
	}
	return long
}

// noteLong notes that trace i is long, if it is.
func (e *Engine) noteLong(i uint32) {
	if e.traces.at(i).spans > spansATick && !slices.Contains(e.long, i) {
		e.long = append(e.long, i)
	}
}

// forget drops a trace from memory. What it contributed stays, its guesses
// shown, and can no longer be amended.
func (e *Engine) forget(i uint32) {
	e.complete(i)
	if t := e.traces.at(i); t.spans > 0 {
		e.remember(t.low)
	}
	e.drop(i)
}

// complete shows all that a trace contributes by now.
func (e *Engine) complete(i uint32) {
	t := e.traces.at(i)
	if t.dirty {
		e.evaluate(i)
		t.dirty = false // stays in changed, where it is skipped
	}
	e.showAll(t)
}

// drop gives back the memory of a trace.
func (e *Engine) drop(i uint32) {
	t := e.traces.at(i)
	e.unlink(i, t)
	delete(e.byLow, t.low)
	e.held -= int(t.spans)
	e.c.LiveTraces--
	e.c.LiveSpans -= int(t.spans)
	for r := t.first; r != 0; {
		next := e.records.at(r).next
		e.records.release(r)
		r = next
	}
	e.dropContributions(t)
	if t.ext != 0 {
		e.held -= e.exchanges[t.ext].held()
		e.exchanges[t.ext] = nil
		e.freeExchanges = append(e.freeExchanges, t.ext)
	}
	e.long = slices.DeleteFunc(e.long, func(l uint32) bool { return l == i })
	e.traces.release(i)
}

// remember notes a forgotten trace, so that what comes for it later is known to
// be late. The older half of what is remembered goes when the bound is reached.
func (e *Engine) remember(low uint64) {
	if len(e.forgotten[0]) >= maxForgotten {
		e.forgotten[0], e.forgotten[1] = map[uint64]struct{}{}, e.forgotten[0]
	}
	e.forgotten[0][low] = struct{}{}
}

func (e *Engine) wasForgotten(low uint64) bool {
	_, a := e.forgotten[0][low]
	_, b := e.forgotten[1][low]
	return a || b
}

// dropRepeats joins repeated spans of a trace that is too long to look through
// on every arrival (rule I3).
func (e *Engine) dropRepeats(t *trace) {
	t.unchecked = false
	table := cleared(e.v.table, tableLen(int(t.spans)))
	e.v.table = table
	mask := uint32(len(table) - 1)
	var kept, next uint32
	for k := t.first; k != 0; k = next {
		r := e.records.at(k)
		next = r.next
		slot := e.identityHash(r) & mask
		for table[slot] != 0 && !e.sameSpan(e.records.at(uint32(table[slot])), r) {
			slot = (slot + 1) & mask
		}
		if table[slot] == 0 {
			table[slot] = int32(k)
			r.next, kept = kept, k
			continue
		}
		e.joinRecords(t, e.records.at(uint32(table[slot])), r)
		e.records.release(k)
	}
	t.first = kept
}

// joinRecords merges r, a copy of the span in, into in. At most one of both is
// counted yet.
func (e *Engine) joinRecords(t *trace, in, r *record) {
	e.c.Duplicates++
	e.c.Accepted--
	e.c.LiveSpans--
	e.held--
	t.spans--
	e.unshowSpan(r)
	e.c.Spans[Pending]--
	links := e.linksOf(t, r)
	e.merge(t, in, r, links)
	if r.links > 0 {
		e.exchanges[t.ext].live -= int(r.links)
	}
}

func (e *Engine) identityHash(r *record) uint32 {
	h := r.id ^ r.high*0x9e3779b97f4a7c15 ^ uint64(e.resource(r.resource).node)<<3 ^ uint64(r.kind())
	return uint32(mix(mix(h)))
}

// mix spreads the bits of h; twice makes a hash of ids that were counted as good
// as one of random ids.
func mix(h uint64) uint64 {
	h *= 0x9e3779b97f4a7c15
	return h ^ h>>32
}

// tableLen returns the size of a hash table for n entries: a power of two, at
// most half full.
func tableLen(n int) int {
	size := 64
	for size < 2*n {
		size *= 2
	}
	return size
}

// cleared returns a slice of n zeros, in the memory of s if that suffices.
func cleared[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}
