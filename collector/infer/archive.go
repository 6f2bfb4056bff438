package infer

// An Archive keeps traces that leave memory. Its methods are called by the
// engine's driver goroutine, inside Observe and Advance.
//
// Records hold the engine's own numbers of names, which its state carries: an
// archive belongs to one engine and to those that were loaded from its states,
// and must not hold what was kept after the state that is loaded.
type Archive interface {
	// Keep keeps the record of the trace with these low bits, in place of an
	// earlier one, and reports whether it did; if not, the trace stays in
	// memory. lastSeen is when the trace last changed, in Unix ns. The record is
	// borrowed for the call.
	Keep(low uint64, lastSeen int64, record []byte) bool
	// Recall returns the record that was kept last for a trace, if its lastSeen
	// is later than oldest, else nil. The result is good until the next call of
	// either method.
	Recall(low uint64, oldest int64) []byte
}

// packQuiet packs the traces that nothing has come for since before, and that
// show all they have to show. Once the archive refuses one the rest waits for
// the next tick.
func (e *Engine) packQuiet(before int64) {
	for i := e.oldest; i != 0; {
		t := e.traces.at(i)
		if t.lastSeen > before {
			return
		}
		next := t.newer
		if !t.dirty && !t.waiting && !e.pack(i) {
			return
		}
		i = next
	}
}

// packEarly packs a trace that has to leave for want of room, its guesses
// shown, and reports whether it could.
func (e *Engine) packEarly(i uint32) bool {
	if e.o.Archive == nil {
		return false
	}
	e.complete(i)
	return e.pack(i)
}

// pack gives a trace to the archive and drops it from memory, unless the archive
// refuses. All that the trace contributes is shown.
func (e *Engine) pack(i uint32) bool {
	t := e.traces.at(i)
	e.packer.record(e, t)
	if !e.o.Archive.Keep(t.low, t.lastSeen, e.packer.buf) {
		return false
	}
	if t.late { // now its record knows that
		delete(e.forgotten[0], t.low)
		delete(e.forgotten[1], t.low)
	}
	e.c.Packed++
	e.c.PackedSpans += uint64(t.spans)
	e.drop(i)
	return true
}

// lookUp returns the number of the trace with the low bits, brought back if it
// was packed, 0 if it is not known.
func (e *Engine) lookUp(low uint64) uint32 {
	if i := e.byLow[low]; i != 0 || e.o.Archive == nil || e.wasForgotten(low) {
		return i
	}
	oldest := int64(-1 << 63)
	if e.o.Horizon >= 0 {
		oldest = e.advanced - int64(e.o.Horizon)
	}
	record := e.o.Archive.Recall(low, oldest)
	if record == nil {
		return 0
	}
	return e.unpack(low, record)
}

// unpack brings a packed trace back: it is evaluated without a word, which gives
// what it contributed before, and goes on as if it had never left. A record that
// means something else by now (other rules, another horizon) cannot be amended:
// its trace counts as forgotten.
func (e *Engine) unpack(low uint64, record []byte) uint32 {
	i := e.traces.take()
	t := e.traces.at(i)
	t.low = low
	u := unpacker{e: e, rest: record}
	fingerprint, ok := u.trace(t)
	e.held += int(t.spans)
	e.c.LiveTraces++
	e.c.LiveSpans += int(t.spans)
	e.byLow[low] = i
	e.putOldest(i, t)
	e.noteLong(i)
	if ok {
		e.evaluateSilently(i)
		ok = e.fingerprint(t) == fingerprint
	}
	if !ok {
		e.remember(low)
		e.drop(i)
		return 0
	}
	e.c.Recalled++
	return i
}

// evaluateSilently sets what trace i contributes and has told, without emitting
// or telling it.
func (e *Engine) evaluateSilently(i uint32) {
	folded := e.c.Folded
	e.silent = true
	e.evaluate(i)
	e.silent = false
	e.c.Folded = folded
	t := e.traces.at(i)
	t.dueAt, t.evaluated = 0, 0
}

// fingerprint tells apart what a trace may contribute, whatever the order of its
// contributions.
func (e *Engine) fingerprint(t *trace) uint32 {
	var sum uint64
	for i := t.shown; i != 0; {
		c := e.contributions.at(i)
		h := mix(uint64(c.subject)<<32 | uint64(uint32(c.bucket)))
		h = mix(h ^ uint64(uint32(c.calls))<<32 ^ uint64(uint32(c.errors)))
		h = mix(h ^ uint64(uint32(c.clientErrors))<<32 ^ uint64(uint32(c.serverErrors)))
		h = mix(h ^ uint64(c.client))
		h = mix(h ^ uint64(c.server))
		h ^= uint64(c.estimated)
		if c.network {
			h = ^h
		}
		sum += mix(h)
		i = c.next
	}
	for k := t.first; k != 0; {
		r := e.records.at(k)
		sum += mix(r.id ^ uint64(r.shown)<<32 ^ uint64(uint32(e.bucket(r))))
		k = r.next
	}
	return uint32(sum ^ sum>>32)
}
