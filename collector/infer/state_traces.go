package infer

import (
	"math"

	"graphctl/collector"
)

// traces codes all traces, the one that was quiet longest first.
func (s *stateCodec) traces() {
	e := s.e
	var numbers []uint32
	for i := e.oldest; i != 0; i = e.traces.at(i).newer {
		numbers = append(numbers, i)
	}
	for range s.count(len(numbers)) {
		var i uint32
		if s.reading {
			i = e.traces.take()
		} else {
			i, numbers = numbers[0], numbers[1:]
		}
		t := e.traces.at(i)
		s.trace(t)
		if s.failed {
			return
		}
		if s.reading {
			s.adopt(i, t)
		}
		s.part()
	}
	s.changed()
}

// changed codes which traces are due for evaluation, in that order: mail is sent
// in it.
func (s *stateCodec) changed() {
	e := s.e
	var lows []uint64
	listed := map[uint64]bool{}
	for _, i := range e.changed {
		if t := e.traces.at(i); t.dirty && !listed[t.low] {
			listed[t.low] = true
			lows = append(lows, t.low)
		}
	}
	list(&s.codec, &lows, s.fixed64)
	if !s.reading {
		return
	}
	for _, low := range lows {
		i, ok := e.byLow[low]
		if !ok {
			s.fail()
			return
		}
		t := e.traces.at(i)
		t.dirty = false
		e.mark(i, t)
	}
}

// adopt puts a trace that was read into the tables.
func (s *stateCodec) adopt(i uint32, t *trace) {
	e := s.e
	if e.byLow[t.low] != 0 {
		s.fail()
		return
	}
	e.byLow[t.low] = i
	t.older, e.newest = e.newest, i
	if t.older != 0 {
		e.traces.at(t.older).newer = i
	} else {
		e.oldest = i
	}
	if t.waiting {
		e.guessing = append(e.guessing, guess{t.showAt, i})
	}
	e.c.LiveTraces++
	e.c.LiveSpans += int(t.spans)
	e.held += int(t.spans)
	e.noteLong(i)
	if t.ext != 0 {
		e.held += e.exchanges[t.ext].held()
	}
}

func (s *stateCodec) trace(t *trace) {
	e := s.e
	s.fixed64(&t.low)
	s.uint64(&t.born)
	s.int64(&t.lastSeen)
	s.int64(&t.dueAt)
	s.int64(&t.evaluated)
	s.int64(&t.showAt)
	for _, p := range []*bool{&t.mailed, &t.waiting, &t.unchecked, &t.late} {
		s.bool(p)
	}
	has := t.ext != 0
	s.bool(&has)
	if has {
		s.exchange(e.exchangeOf(t))
	}
	records := chain(&e.records, t.first, func(r *record) uint32 { return r.next })
	t.spans = uint32(s.count(len(records)))
	before := new(record)
	for n := range t.spans {
		var k uint32
		if s.reading {
			k = e.records.take()
			e.records.at(k).next, t.first = t.first, k
		} else {
			k = records[len(records)-1-int(n)] // so that reading gives the same list
		}
		r := e.records.at(k)
		s.record(t, r, before)
		t.ids |= idBit(r.id)
		before = r
		s.part()
	}
	cs := chain(&e.contributions, t.shown, func(c *contribution) uint32 { return c.next })
	for n := range s.count(len(cs)) {
		var k uint32
		if s.reading {
			k = e.contributions.take()
			e.contributions.at(k).next, t.shown = t.shown, k
		} else {
			k = cs[len(cs)-1-n]
		}
		s.contribution(e.contributions.at(k))
	}
}

// chain lists the numbers of a list in an arena.
func chain[T any](a *arena[T], first uint32, next func(*T) uint32) []uint32 {
	var all []uint32
	for i := first; i != 0; i = next(a.at(i)) {
		all = append(all, i)
	}
	return all
}

// record codes a span, some values by their distance from those of the one
// before.
func (s *stateCodec) record(t *trace, r, before *record) {
	s.fixed64(&r.id)
	s.fixed64(&r.parent)
	same := r.high == before.high
	if s.bool(&same); same {
		r.high = before.high
	} else {
		s.fixed64(&r.high)
	}
	s.distance(&r.start, before.start)
	s.distance(&r.end, r.start)
	s.distance(&r.arrival, before.arrival)
	s.int64(&r.weight)
	s.sym(&s.resources, &r.resource)
	s.sym(&s.fars, &r.far)
	s.sym(&s.texts, &r.name)
	s.int32(&r.messages)
	number(&s.codec, &r.shown, len(s.e.sum.subjects))
	number(&s.codec, &r.links, collector.MaxLinks+1)
	number(&s.codec, &r.firstLink, math.MaxInt32)
	number(&s.codec, &r.kindRole, math.MaxUint8+1)
	number(&s.codec, &r.flags, math.MaxUint8+1)
	if r.links > 0 && (t.ext == 0 || int(r.firstLink)+int(r.links) > len(s.e.exchanges[t.ext].links)) {
		s.fail()
	}
}

func (s *stateCodec) contribution(c *contribution) {
	for _, p := range []*int32{&c.calls, &c.errors, &c.clientErrors, &c.serverErrors, &c.bucket} {
		s.int32(p)
	}
	for _, p := range []*int64{&c.client, &c.server, &c.estimated, &c.showAt} {
		s.int64(p)
	}
	number(&s.codec, &c.subject, len(s.e.sum.subjects))
	s.bool(&c.network)
	s.bool(&c.hidden)
	if s.reading && c.hidden {
		s.e.c.Hidden++
	}
}

func (s *stateCodec) exchange(x *exchange) {
	list(&s.codec, &x.links, s.ref)
	live := uint64(x.live)
	s.uint64(&live)
	x.live = int(live)
	for _, stubs := range []*[]stub{&x.sent, &x.stubs, &x.newStubs} {
		list(&s.codec, stubs, s.stub)
	}
	for _, facts := range []*[]fact{&x.facts, &x.told, &x.newFacts} {
		list(&s.codec, facts, s.fact)
	}
}

func (s *stateCodec) ref(l *ref) {
	s.fixed64(&l.low)
	s.fixed64(&l.high)
	s.fixed64(&l.id)
}

func (s *stateCodec) identity(i *identity) {
	s.fixed64(&i.low)
	s.fixed64(&i.high)
	s.fixed64(&i.id)
	number(&s.codec, &i.node, len(s.e.nodes))
	number(&s.codec, &i.kind, math.MaxUint8+1)
}

func (s *stateCodec) stub(b *stub) {
	s.ref(&b.target)
	s.identity(&b.from)
	s.identity(&b.chosen)
	for _, p := range []*int64{&b.start, &b.weight, &b.duration} {
		s.int64(p)
	}
	number(&s.codec, &b.side, len(s.e.sides))
	number(&s.codec, &b.destination, len(s.e.nodes))
	number(&s.codec, &b.broker, len(s.e.nodes))
	number(&s.codec, &b.role, math.MaxUint8+1)
	for _, p := range []*bool{&b.failed, &b.below, &b.gone, &b.answered} {
		s.bool(p)
	}
}

func (s *stateCodec) fact(f *fact) {
	s.fixed64(&f.to)
	s.uint64(&f.born)
	s.ref(&f.target)
	list(&s.codec, &f.carriers, func(c *carrier) {
		s.identity(&c.identity)
		s.identity(&c.first)
		for _, p := range []*int64{&c.start, &c.weight, &c.duration} {
			s.int64(p)
		}
		number(&s.codec, &c.side, len(s.e.sides))
		number(&s.codec, &c.destination, len(s.e.nodes))
		number(&s.codec, &c.broker, len(s.e.nodes))
		number(&s.codec, &c.final, len(s.e.nodes))
		number(&s.codec, &c.role, math.MaxUint8+1)
		s.bool(&c.failed)
		s.bool(&c.spoken)
	})
	list(&s.codec, &f.processedBy, func(n *node) { number(&s.codec, n, len(s.e.nodes)) })
}
