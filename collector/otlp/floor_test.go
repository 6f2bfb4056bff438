package otlp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"strings"
	"sync"
)

// A floor is the least that a receiver can do with its requests and still draw
// a graph: it walks them, pairs the two halves of each call by trace and span
// id, and adds the call up. It forgets nothing on time, writes nothing, knows no
// rules, and counts what is sent twice two times. What graphctl costs more than
// this is what its promises cost.
//
// It has one lock, which is held while a request is walked.
type floor struct {
	mu      sync.Mutex
	numbers map[string]uint32
	names   []string
	waiting halves
	edges   map[[2]uint32]*floorEdge
	broken  int // requests that could not be walked
}

// A floorEdge is what is known of the calls from one name to another.
type floorEdge struct {
	calls, errors, duration uint64
	histogram               [64]uint32 // by the bits of the duration in ns
}

func newFloor() *floor {
	return &floor{numbers: map[string]uint32{}, waiting: newHalves(), edges: map[[2]uint32]*floorEdge{}}
}

// take adds up a request.
func (f *floor) take(body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var service []byte
	var from uint32
	ok := floorWalk(body, func(name []byte, s *floorSpan) {
		if !bytes.Equal(name, service) {
			service, from = name, f.number(name)
		}
		f.span(from, s)
	})
	if !ok {
		f.broken++
	}
}

// number returns the number of a name.
func (f *floor) number(name []byte) uint32 {
	n, ok := f.numbers[string(name)]
	if !ok {
		n = uint32(len(f.names))
		f.names = append(f.names, string(name))
		f.numbers[f.names[n]] = n
	}
	return n
}

// span adds a call if s completes one.
func (f *floor) span(service uint32, s *floorSpan) {
	h := half{trace: s.trace, service: service, failed: s.status == 2, duration: s.end - s.start}
	switch s.kind {
	case 3, 4: // client, producer
		if len(s.database) > 0 {
			f.add(service, f.number(s.database), h.duration, h.failed)
			return
		}
		h.id = s.id
	case 2, 5: // server, consumer
		if s.parent == 0 {
			return
		}
		h.id, h.called = s.parent, true
	default:
		return
	}
	other, found := f.waiting.meet(h)
	switch {
	case !found:
	case h.called:
		f.add(other.service, service, other.duration, h.failed || other.failed)
	default:
		f.add(service, other.service, h.duration, h.failed || other.failed)
	}
}

func (f *floor) add(from, to uint32, duration uint64, failed bool) {
	e := f.edges[[2]uint32{from, to}]
	if e == nil {
		e = new(floorEdge)
		f.edges[[2]uint32{from, to}] = e
	}
	e.calls++
	if failed {
		e.errors++
	}
	e.duration += duration
	e.histogram[bits.Len64(duration)&63]++
}

// write writes the edges as the Collector's service graph does.
func (f *floor) write(w io.Writer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for k, e := range f.edges {
		fmt.Fprintf(&b, "traces_service_graph_request_total{client=%q,server=%q} %d\n", f.names[k[0]], f.names[k[1]], e.calls)
		fmt.Fprintf(&b, "traces_service_graph_request_failed_total{client=%q,server=%q} %d\n", f.names[k[0]], f.names[k[1]], e.errors)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// A half is one side of a call that waits for the other.
type half struct {
	trace, id      uint64 // id of the calling span, never 0
	duration       uint64
	service        uint32
	called, failed bool
}

// halves are the halves that wait: open addressing with linear probing, at most
// half full, closed up on removal.
type halves struct {
	slots []half
	n     int
}

func newHalves() halves { return halves{slots: make([]half, 1<<16)} }

func (t *halves) home(h *half) uint64 {
	return h.id * 0x9e3779b97f4a7c15 >> (64 - bits.TrailingZeros(uint(len(t.slots))))
}

// meet removes and returns the half that waits for h, or has h wait.
func (t *halves) meet(h half) (half, bool) {
	mask := uint64(len(t.slots) - 1)
	i := t.home(&h)
	for ; t.slots[i].id != 0; i = (i + 1) & mask {
		if t.slots[i].id == h.id && t.slots[i].trace == h.trace {
			other := t.slots[i]
			t.remove(i)
			return other, true
		}
	}
	t.slots[i] = h
	if t.n++; 2*t.n > len(t.slots) {
		t.grow()
	}
	return half{}, false
}

func (t *halves) remove(i uint64) {
	t.n--
	mask := uint64(len(t.slots) - 1)
	for j := (i + 1) & mask; t.slots[j].id != 0; j = (j + 1) & mask {
		if home := t.home(&t.slots[j]); (j-home)&mask >= (j-i)&mask {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = half{}
}

func (t *halves) grow() {
	old := t.slots
	t.slots, t.n = make([]half, 2*len(old)), 0
	for i := range old {
		if old[i].id != 0 {
			t.meet(old[i])
		}
	}
}

// A floorSpan is what the floor reads of a span.
type floorSpan struct {
	trace, id, parent uint64
	start, end        uint64
	kind, status      uint64
	database          []byte // db.namespace
}

// floorWalk calls f for each span of a request with its service.name, and
// returns false where the bytes are malformed. It takes a resource to come
// before its spans.
func floorWalk(b []byte, f func(service []byte, s *floorSpan)) bool {
	var s floorSpan
	return fields(b, func(t uint64, rs []byte, _ uint64) bool {
		if t != 1<<3|wireBytes {
			return true
		}
		var service []byte
		return fields(rs, func(t uint64, p []byte, _ uint64) bool {
			switch t {
			case 1<<3 | wireBytes:
				return floorService(p, &service)
			case 2<<3 | wireBytes:
				return fields(p, func(t uint64, p []byte, _ uint64) bool {
					if t != 2<<3|wireBytes {
						return true
					}
					s = floorSpan{}
					if !s.read(p) {
						return false
					}
					f(service, &s)
					return true
				})
			}
			return true
		})
	})
}

// fields calls f for each field of a message, down to what is not of its first
// levels, until f returns false.
func fields(b []byte, f func(t uint64, p []byte, v uint64) bool) bool {
	for i := 0; i < len(b); {
		var t, v uint64
		var p []byte
		if t, i = tag(b, i); i < 0 {
			return false
		}
		switch t & 7 {
		case wireBytes:
			p, i = chunk(b, i)
		case wireVarint:
			v, i = varint(b, i)
		default:
			i = skip(b, i, t)
		}
		if i < 0 || !f(t, p, v) {
			return false
		}
	}
	return true
}

// floorService reads service.name of a resource.
func floorService(b []byte, service *[]byte) bool {
	return fields(b, func(_ uint64, p []byte, _ uint64) bool {
		if key, value := floorAttribute(p); string(key) == "service.name" {
			*service = value
		}
		return true
	})
}

// floorAttribute returns the key and the text of a KeyValue as all SDKs write
// it.
func floorAttribute(b []byte) (key, value []byte) {
	if n := shortLen(b, 1); n >= 0 {
		key = b[2 : 2+n]
		if rest := b[2+n:]; len(rest) > 4 && rest[2] == 1<<3|wireBytes {
			value, _ = chunk(rest, 3)
		}
	}
	return key, value
}

// read reads a span.
func (s *floorSpan) read(b []byte) bool {
	for i := 0; i < len(b); {
		var t uint64
		var p []byte
		if t, i = tag(b, i); i < 0 {
			return false
		}
		switch t {
		case 9<<3 | wireBytes:
			if n := shortLen(b, i); n >= 0 {
				p, i = b[i+1:i+1+n], i+1+n
			} else {
				p, i = chunk(b, i)
			}
			if n := shortLen(p, 1); n == len("db.namespace") && string(p[2:2+n]) == "db.namespace" {
				_, s.database = floorAttribute(p)
			}
		case 1<<3 | wireBytes:
			if p, i = chunk(b, i); len(p) == 16 {
				s.trace = binary.LittleEndian.Uint64(p[8:])
			}
		case 2<<3 | wireBytes:
			p, i = chunk(b, i)
			s.id = floorID(p)
		case 4<<3 | wireBytes:
			p, i = chunk(b, i)
			s.parent = floorID(p)
		case 6<<3 | wireVarint:
			s.kind, i = varint(b, i)
		case 7<<3 | wireFixed64:
			s.start, i = fixed64(b, i)
		case 8<<3 | wireFixed64:
			s.end, i = fixed64(b, i)
		case 15<<3 | wireBytes:
			p, i = chunk(b, i)
			fields(p, func(t uint64, _ []byte, v uint64) bool {
				if t == 3<<3|wireVarint {
					s.status = v
				}
				return true
			})
		default:
			i = skip(b, i, t)
		}
		if i < 0 {
			return false
		}
	}
	return true
}

func floorID(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}
