package infer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"slices"

	"graphctl/collector"
	"graphctl/graph"
)

// The state of an engine: magic, version, CRC-32C of all that follows, then
//
//	names: texts, resources and fars that are in use, each numbered by its place,
//	       which stays its number in packed traces;
//	       nodes, facets, sides and subjects, all, in order of their numbers
//	engine: times, counters, what was not flushed, what was not delivered
//	traces: the one that was quiet longest first, each with its spans,
//	       contributions and exchange
//	forgotten traces
//
// in the encoding of codec. Syms are written as places in the first three
// lists.
const (
	stateMagic   = "gcinfer\x00"
	stateVersion = 3
	stateHeader  = len(stateMagic) + 1 + 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrState reports a state that LoadState cannot read: damaged, cut, or of
// another version.
var ErrState = errors.New("unreadable engine state")

// statePart is from which length on a part of a state is complete: large enough
// for few writes, and small enough that a state of 100 MB is not copied around.
const statePart = 1 << 20

// State returns everything that is needed to go on later, names as strings: the
// parts, one behind the other, are what LoadState reads. What was not flushed is
// included.
func (e *Engine) State() [][]byte {
	s := stateCodec{e: e, numberings: e.packedNames.clone()}
	// The body decides which names are in use, and comes behind them.
	s.body()
	body := append(s.parts, s.buf)
	s.parts, s.buf = nil, nil
	s.symbols()
	parts := append([][]byte{s.buf}, body...)
	sum := uint32(0)
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	return slices.Insert(parts, 0, appendHeader(nil, sum))
}

// appendHeader appends what a state begins with: sum is of all behind it.
func appendHeader(b []byte, sum uint32) []byte {
	b = append(append(b, stateMagic...), stateVersion)
	return binary.BigEndian.AppendUint32(b, sum)
}

// LoadState returns an engine that goes on where State left off. Numbers
// of names are those of syms, which may be new. Contributions flushed before
// are not emitted again.
func LoadState(state []byte, o Options, syms *collector.Symbols) (*Engine, error) {
	switch {
	case len(state) < stateHeader || string(state[:len(stateMagic)]) != stateMagic:
		return nil, fmt.Errorf("infer: load state: %w: not an engine state", ErrState)
	case state[len(stateMagic)] != stateVersion:
		return nil, fmt.Errorf("infer: load state: %w: version %d, want %d", ErrState, state[len(stateMagic)], stateVersion)
	case crc32.Checksum(state[stateHeader:], castagnoli) != binary.BigEndian.Uint32(state[stateHeader-4:]):
		return nil, fmt.Errorf("infer: load state: %w: wrong checksum", ErrState)
	}
	s := stateCodec{e: New(o, syms), codec: codec{buf: state[stateHeader:], reading: true}}
	s.symbols()
	s.body()
	s.e.packedNames = s.numberings
	if s.otherLane {
		return nil, fmt.Errorf("infer: load state: %w: not of lane %d of %d", ErrState, s.e.o.Lane, s.e.o.Lanes)
	}
	if s.failed || len(s.buf) > 0 {
		return nil, fmt.Errorf("infer: load state: %w: malformed", ErrState)
	}
	return s.e, nil
}

// A stateCodec writes or reads the state of an engine.
type stateCodec struct {
	codec
	e          *Engine
	numberings          // of names in use, those of packed traces first
	parts      [][]byte // written, before buf
	otherLane  bool     // the state is not of the lane in the options
}

// part completes a part if it is long enough.
func (s *stateCodec) part() {
	if !s.reading && len(s.buf) >= statePart {
		s.parts = append(s.parts, s.buf)
		s.buf = make([]byte, 0, statePart+statePart/8)
	}
}

// sym codes a symbol as its number.
func (s *stateCodec) sym(n *numbering, y *collector.Sym) {
	if s.reading {
		var i uint32
		number(&s.codec, &i, len(n.syms))
		if !s.failed {
			*y = n.syms[i]
		}
		return
	}
	i := n.number(*y)
	number(&s.codec, &i, math.MaxUint32)
}

// symbols codes the names in use.
func (s *stateCodec) symbols() {
	syms := s.e.syms
	list(&s.codec, &s.texts.syms, func(y *collector.Sym) {
		text := ""
		if !s.reading {
			text = syms.Text(*y)
		}
		s.string(&text)
		*y = syms.Intern([]byte(text))
	})
	list(&s.codec, &s.resources.syms, func(y *collector.Sym) {
		var r collector.Resource
		if !s.reading {
			r = syms.Resource(*y)
		}
		for _, p := range []*string{&r.Namespace, &r.Name, &r.Environment, &r.Version, &r.Team} {
			s.string(p)
		}
		*y = syms.InternResource(r)
	})
	list(&s.codec, &s.fars.syms, func(y *collector.Sym) {
		var f collector.Far
		if !s.reading {
			f = syms.Far(*y)
		}
		for _, p := range []*string{&f.Peer, &f.PeerNamespace, &f.Function, &f.Host, &f.RPCService,
			&f.DBSystem, &f.DBNamespace, &f.MsgSystem, &f.Destination} {
			s.string(p)
		}
		number(&s.codec, &f.Port, math.MaxUint16+1)
		*y = syms.InternFar(f)
	})
	for _, n := range []*numbering{&s.texts, &s.resources, &s.fars} {
		if len(n.syms) == 0 {
			s.fail()
			return
		}
		for i, y := range n.syms {
			n.learn(uint32(i), y)
		}
	}
}

func (s *stateCodec) body() {
	s.names()
	s.subjects()
	s.engine()
	s.traces()
	for i := range s.e.forgotten {
		s.lows(&s.e.forgotten[i])
	}
}

// names codes nodes, facets and sides in the order of their numbers.
func (s *stateCodec) names() {
	n := &s.e.names
	list(&s.codec, &n.nodes, func(r *graph.NodeRef) {
		number(&s.codec, &r.Kind, int(graph.Address)+1)
		s.string(&r.Namespace)
		s.string(&r.Name)
	})
	list(&s.codec, &n.facets, func(f *graph.Facet) {
		s.string(&f.Environments)
		s.string(&f.Version)
		s.string(&f.Team)
	})
	list(&s.codec, &n.sides, func(r *sideRecord) {
		number(&s.codec, &r.node, len(n.nodes))
		number(&s.codec, &r.facet, len(n.facets))
	})
	if !s.reading {
		return
	}
	if len(n.nodes) == 0 || len(n.facets) == 0 || len(n.sides) == 0 {
		s.fail()
		return
	}
	n.printed = n.printed[:1]
	for i, r := range n.nodes[1:] {
		n.nodeOf[r] = node(i + 1)
		n.printed = append(n.printed, r.Print())
	}
	for i, f := range n.facets {
		n.facetOf[f] = facet(i)
	}
	for i, r := range n.sides[1:] {
		n.sideOf[uint64(r.node)<<32|uint64(r.facet)] = side(i + 1)
	}
}

// subjects codes all subjects in the order of their numbers.
func (s *stateCodec) subjects() {
	e := s.e
	list(&s.codec, &e.sum.subjects, func(r *subjectRecord) {
		number(&s.codec, &r.from, len(e.sides))
		number(&s.codec, &r.to, len(e.sides))
		number(&s.codec, &r.of, int(graph.OfRule)+1)
		number(&s.codec, &r.kind, int(graph.Link)+1)
		number(&s.codec, &r.rule, int(rules))
		switch r.of {
		case graph.OfOperation:
			y := collector.Sym(r.detail)
			s.sym(&s.texts, &y)
			r.detail = uint32(y)
		case graph.OfSpans:
			number(&s.codec, &r.detail, int(dispositions))
		default:
			number(&s.codec, &r.detail, len(e.nodes))
		}
	})
	if !s.reading {
		return
	}
	if len(e.sum.subjects) == 0 {
		s.fail()
		return
	}
	slots := len(e.slots)
	for slots < 2*len(e.sum.subjects) {
		slots *= 2
	}
	e.index(slots)
	for i, r := range e.sum.subjects[1:] {
		n := subject(i + 1)
		switch r.of {
		case graph.OfEdge:
			e.edges++
		case graph.OfSpans:
			e.sides[r.from].spans[r.detail] = n
		default:
			e.operations++
		}
	}
}

// engine codes times, counters, the change not flushed and the mail.
func (s *stateCodec) engine() {
	e := s.e
	lane, lanes := uint32(e.o.Lane), uint32(e.o.Lanes)
	number(&s.codec, &lane, math.MaxUint32)
	number(&s.codec, &lanes, math.MaxUint32)
	if int(lane) != e.o.Lane || int(lanes) != e.o.Lanes {
		s.otherLane = true
		s.fail()
		return
	}
	s.int64(&e.now)
	s.int64(&e.advanced)
	s.int64(&e.settled)
	for _, p := range []*uint64{&e.births, &e.c.Observed, &e.c.Accepted, &e.c.Duplicates, &e.c.Refused, &e.c.Evicted,
		&e.c.Late, &e.c.LinksDropped, &e.c.Repaired, &e.c.Folded, &e.c.Packed, &e.c.PackedSpans, &e.c.Recalled} {
		s.uint64(p)
	}
	for i := range e.c.Spans {
		s.uint64(&e.c.Spans[i])
	}
	list(&s.codec, &e.cells, func(c *cell) {
		number(&s.codec, &c.subject, len(e.sum.subjects))
		s.int32(&c.bucket)
		for _, p := range []*int64{&c.calls, &c.errors, &c.clientE, &c.serverE, &c.client, &c.server,
			&c.network, &c.networkN, &c.estimate} {
			s.int64(p)
		}
	})
	list(&s.codec, &e.durations, func(d *uint64) {
		s.uint64(d)
		if *d>>32 >= uint64(len(e.cells)) {
			s.fail()
		}
	})
	for i := range e.mail {
		list(&s.codec, &e.mail[i].stubs, s.stub)
		list(&s.codec, &e.mail[i].facts, s.fact)
	}
	if s.reading {
		for i, c := range e.cells {
			r := &e.sum.subjects[c.subject]
			if r.flush == e.flushes {
				e.cellOf[cellAt(c.subject, r.bucket)] = r.cell
			}
			r.holds(e.flushes, c.bucket, uint32(i))
		}
	}
	s.hours()
}

// lows codes a set of traces' low bits.
func (s *stateCodec) lows(set *map[uint64]struct{}) {
	sorted := slices.Sorted(maps.Keys(*set))
	list(&s.codec, &sorted, s.fixed64)
	for _, low := range sorted {
		(*set)[low] = struct{}{}
	}
}
