package infer

import (
	"encoding/binary"

	"graphctl/collector"
)

// The record of a packed trace:
//
//	byte     1 late, 2 has an exchange
//	4 bytes  fingerprint of what it contributes
//	8 bytes  lastSeen
//	uvarint  number of spans
//	spans, in the order of rule I4 as of the last evaluation
//	of an exchange: uvarint born; links of all spans, stubs and facts received
//
// Integers of fixed size are big-endian. What a trace contributes, its own stubs
// and the facts that it told are not in it: evaluation gives them. A span is
//
//	byte     kind and role, 6 bits; how its parent is told, 2 bits
//	byte     flags, 3 bits; 8 resource of the span before; 16 no far side;
//	         32 name of the span before; 64 nothing unusual
//	byte     if something is: 1 arrival, 2 high half of the trace id, 4 weight,
//	         8 messages, 16 links; more flags
//	8 bytes  id
//	varint   start, from the span before
//	varint   end, from the start
//	         parent: uvarint how many spans before, or 8 bytes
//	uvarint  resource, far, name, as far as not left out
//	         what is unusual: varint arrival, from the span before; 8 bytes high
//	         half; uvarint weight; varint messages; uvarint number of links
//
// The first span follows one that started and arrived at lastSeen and has
// nothing else.
const (
	packedLate     = 1
	packedExchange = 2
	packedHeader   = 1 + 4 + 8

	parentNone   = 0
	parentBefore = 1 // that of the span before
	parentNear   = 2
	parentRaw    = 3

	sameResource = 8
	noFar        = 16
	sameName     = 32
	plain        = 64

	oddArrival  = 1
	oddHigh     = 2
	oddWeight   = 4
	oddMessages = 8
	oddLinks    = 16
)

// A packer makes records of traces in memory that it uses again.
type packer struct {
	buf []byte
	ids []uint64 // of the spans so far
}

// record puts the record of t in p.buf.
func (p *packer) record(e *Engine, t *trace) {
	if cap(p.buf) > maxPacked {
		*p = packer{}
	}
	var head byte
	if t.late {
		head |= packedLate
	}
	if t.ext != 0 {
		head |= packedExchange
	}
	p.buf = append(p.buf[:0], head)
	p.buf = binary.BigEndian.AppendUint32(p.buf, e.fingerprint(t))
	p.buf = binary.BigEndian.AppendUint64(p.buf, uint64(t.lastSeen))
	p.buf = binary.AppendUvarint(p.buf, uint64(t.spans))
	p.ids = p.ids[:0]
	before := &record{start: t.lastSeen, arrival: t.lastSeen}
	for k := t.first; k != 0; {
		r := e.records.at(k)
		p.span(&e.packedNames, r, before)
		before = r
		k = r.next
	}
	if t.ext != 0 {
		p.exchange(e, t)
	}
}

// span appends a span that follows another.
func (p *packer) span(names *numberings, r, before *record) {
	parent := p.parentOf(r, before)
	facts := byte(r.flags) & 7
	if r.resource == before.resource {
		facts |= sameResource
	}
	if r.far == collector.None {
		facts |= noFar
	}
	if r.name == before.name {
		facts |= sameName
	}
	odd := oddities(r, before)
	if odd == 0 {
		facts |= plain
	}
	b := append(p.buf, r.kindRole|parent.how<<6, facts)
	if odd != 0 {
		b = append(b, odd)
	}
	b = binary.BigEndian.AppendUint64(b, r.id)
	b = binary.AppendVarint(b, r.start-before.start)
	b = binary.AppendVarint(b, r.end-r.start)
	switch parent.how {
	case parentNear:
		b = append(b, parent.distance)
	case parentRaw:
		b = binary.BigEndian.AppendUint64(b, r.parent)
	}
	if facts&sameResource == 0 {
		b = binary.AppendUvarint(b, uint64(names.resources.number(r.resource)))
	}
	if facts&noFar == 0 {
		b = binary.AppendUvarint(b, uint64(names.fars.number(r.far)))
	}
	if facts&sameName == 0 {
		b = binary.AppendUvarint(b, uint64(names.texts.number(r.name)))
	}
	if odd != 0 {
		b = appendOddities(b, odd, r, before)
	}
	p.buf = b
	p.ids = append(p.ids, r.id)
}

// oddities says what of r is not as usual.
func oddities(r, before *record) (odd byte) {
	if r.arrival != before.arrival {
		odd |= oddArrival
	}
	if r.high != before.high {
		odd |= oddHigh
	}
	if r.weight != collector.WeightOne {
		odd |= oddWeight
	}
	if r.messages != collector.NoCount {
		odd |= oddMessages
	}
	if r.links > 0 {
		odd |= oddLinks
	}
	return odd | byte(r.flags)>>3<<5
}

func appendOddities(b []byte, odd byte, r, before *record) []byte {
	if odd&oddArrival != 0 {
		b = binary.AppendVarint(b, r.arrival-before.arrival)
	}
	if odd&oddHigh != 0 {
		b = binary.BigEndian.AppendUint64(b, r.high)
	}
	if odd&oddWeight != 0 {
		b = binary.AppendUvarint(b, uint64(r.weight))
	}
	if odd&oddMessages != 0 {
		b = binary.AppendVarint(b, int64(r.messages))
	}
	if odd&oddLinks != 0 {
		b = binary.AppendUvarint(b, uint64(r.links))
	}
	return b
}

// A toldParent is how the parent of a span is told.
type toldParent struct{ how, distance byte }

// parentOf looks for the parent of r among the spans shortly before.
func (p *packer) parentOf(r, before *record) toldParent {
	switch r.parent {
	case 0:
		return toldParent{how: parentNone}
	case before.parent:
		return toldParent{how: parentBefore}
	}
	n := len(p.ids)
	for d := 1; d <= min(n, maxDistance); d++ {
		if p.ids[n-d] == r.parent {
			return toldParent{parentNear, byte(d)}
		}
	}
	return toldParent{how: parentRaw}
}

// exchange appends the links of all spans, and the stubs and facts that came.
func (p *packer) exchange(e *Engine, t *trace) {
	x := e.exchanges[t.ext]
	s := stateCodec{e: e, codec: codec{buf: p.buf}}
	s.uint64(&t.born)
	for k := t.first; k != 0; {
		r := e.records.at(k)
		for _, l := range e.linksOf(t, r) {
			s.ref(&l)
		}
		k = r.next
	}
	list(&s.codec, &x.stubs, s.stub)
	list(&s.codec, &x.facts, s.fact)
	p.buf = s.buf
}

// An unpacker reads a record. After the first error reading yields zeros.
type unpacker struct {
	e      *Engine
	rest   []byte
	failed bool
}

// trace reads a record into t, which is empty, and returns the fingerprint. It
// reports whether the record could be read.
func (u *unpacker) trace(t *trace) (fingerprint uint32, ok bool) {
	e := u.e
	if len(u.rest) < packedHeader {
		return 0, false
	}
	head := u.rest[0]
	fingerprint = binary.BigEndian.Uint32(u.rest[1:])
	t.lastSeen = int64(binary.BigEndian.Uint64(u.rest[5:]))
	t.late = head&packedLate != 0
	u.rest = u.rest[packedHeader:]
	n := u.uvarint()
	if n > uint64(len(u.rest)) {
		return 0, false
	}
	before, last, links := &record{start: t.lastSeen, arrival: t.lastSeen}, uint32(0), 0
	e.packer.ids = e.packer.ids[:0]
	for range n {
		k := e.records.take()
		r := e.records.at(k)
		if last == 0 {
			t.first = k
		} else {
			before.next = k
		}
		t.spans++
		u.span(r, before)
		t.ids |= idBit(r.id)
		if u.failed {
			return 0, false
		}
		r.firstLink = uint32(links)
		links += int(r.links)
		e.packer.ids = append(e.packer.ids, r.id)
		before, last = r, k
	}
	if head&packedExchange != 0 {
		u.exchange(t, links)
	} else {
		e.births++
		t.born = e.births
		u.failed = u.failed || links > 0
	}
	return fingerprint, !u.failed && len(u.rest) == 0
}

// span reads a span that follows another.
func (u *unpacker) span(r, before *record) {
	names := &u.e.packedNames
	head, facts, odd := u.byte(), u.byte(), byte(0)
	if facts&plain == 0 {
		odd = u.byte()
	}
	r.kindRole = head & 63
	r.flags = collector.Flags(facts&7 | odd>>5<<3)
	r.id = u.fixed64()
	r.start = before.start + u.varint()
	r.end = r.start + u.varint()
	r.parent = u.parent(head>>6, before)
	r.resource, r.name = before.resource, before.name
	if facts&sameResource == 0 {
		r.resource = u.sym(&names.resources)
	}
	if facts&noFar == 0 {
		r.far = u.sym(&names.fars)
	}
	if facts&sameName == 0 {
		r.name = u.sym(&names.texts)
	}
	r.arrival, r.high, r.weight, r.messages = before.arrival, before.high, collector.WeightOne, collector.NoCount
	if odd != 0 {
		u.oddities(odd, r)
	}
}

func (u *unpacker) oddities(odd byte, r *record) {
	if odd&oddArrival != 0 {
		r.arrival += u.varint()
	}
	if odd&oddHigh != 0 {
		r.high = u.fixed64()
	}
	if odd&oddWeight != 0 {
		r.weight = int64(u.uvarint())
	}
	if odd&oddMessages != 0 {
		r.messages = int32(u.varint())
	}
	if odd&oddLinks != 0 {
		n := u.uvarint()
		if n > collector.MaxLinks {
			u.fail()
			n = 0
		}
		r.links = uint16(n)
	}
}

func (u *unpacker) parent(how byte, before *record) uint64 {
	switch how {
	case parentBefore:
		return before.parent
	case parentNear:
		ids := u.e.packer.ids
		d := int(u.byte())
		if d == 0 || d > len(ids) {
			u.fail()
			return 0
		}
		return ids[len(ids)-d]
	case parentRaw:
		return u.fixed64()
	}
	return 0
}

// exchange reads the exchange of t, whose spans have so many links.
func (u *unpacker) exchange(t *trace, links int) {
	e := u.e
	s := stateCodec{e: e, codec: codec{buf: u.rest, reading: true}}
	s.uint64(&t.born)
	x := e.exchangeOf(t)
	if links > len(s.buf) {
		u.fail()
		return
	}
	x.links, x.live = make([]ref, links), links
	for i := range x.links {
		s.ref(&x.links[i])
	}
	list(&s.codec, &x.stubs, s.stub)
	list(&s.codec, &x.facts, s.fact)
	e.held += x.held()
	u.rest, u.failed = s.buf, u.failed || s.failed
}

func (u *unpacker) fail() { u.failed, u.rest = true, nil }

func (u *unpacker) sym(n *numbering) collector.Sym {
	i := u.uvarint()
	if i >= uint64(len(n.syms)) {
		u.fail()
		return collector.None
	}
	return n.syms[i]
}

func (u *unpacker) byte() byte {
	if len(u.rest) == 0 {
		u.fail()
		return 0
	}
	b := u.rest[0]
	u.rest = u.rest[1:]
	return b
}

func (u *unpacker) fixed64() uint64 {
	if len(u.rest) < 8 {
		u.fail()
		return 0
	}
	n := binary.BigEndian.Uint64(u.rest)
	u.rest = u.rest[8:]
	return n
}

func (u *unpacker) uvarint() uint64 {
	n, size := binary.Uvarint(u.rest)
	if size <= 0 {
		u.fail()
		return 0
	}
	u.rest = u.rest[size:]
	return n
}

func (u *unpacker) varint() int64 {
	n := u.uvarint()
	return int64(n>>1) ^ -int64(n&1)
}
