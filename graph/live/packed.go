package live

import (
	"encoding/binary"
	"iter"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// A packedList is cells, one after another, in some 20 bytes each where an edge
// is called seldom. Each is the number of its bucket mod 65,536 in two bytes, the
// length of the rest, and in it calls, errors and both sketches: their number of
// buckets, and the distance from the one before and the count of each.
type packedList []byte

// A packedHead is a cell whose sketches are not unpacked.
type packedHead struct {
	bucket        graph.Instant
	calls, errors int64
	times         []byte // the sketches
	all           packedList
	end           int // in its list
}

// head returns the cell at from. newest is a later bucket.
func (p packedList) head(from int, newest graph.Instant) packedHead {
	b := p[from:]
	ago := uint16(newest/graph.Instant(graph.Fine)) - binary.BigEndian.Uint16(b)
	h := packedHead{bucket: newest - graph.Instant(ago)*graph.Instant(graph.Fine)}
	length, n := binary.Uvarint(b[2:])
	start := 2 + n
	h.end = from + start + int(length)
	h.all = p[from:h.end]
	h.times = h.all[start:]
	for _, v := range []*int64{&h.calls, &h.errors} {
		*v, n = binary.Varint(h.times)
		h.times = h.times[n:]
	}
	return h
}

// heads yields all cells.
func (p packedList) heads(newest graph.Instant) iter.Seq[packedHead] {
	return func(yield func(packedHead) bool) {
		for from := 0; from < len(p); {
			h := p.head(from, newest)
			if !yield(h) {
				return
			}
			from = h.end
		}
	}
}

// unpack sets c to the cell.
func (h *packedHead) unpack(c *cell) {
	c.bucket, c.calls, c.errors = h.bucket, h.calls, h.errors
	unpackSketch(&c.server, unpackSketch(&c.client, h.times))
}

// pack returns c as the only element of a list.
func (c *cell) pack() packedList {
	var room [1 << 8]byte
	body := binary.AppendVarint(room[:0], c.calls)
	body = binary.AppendVarint(body, c.errors)
	body = packSketch(body, &c.client)
	body = packSketch(body, &c.server)
	b := make(packedList, 0, 2+binary.MaxVarintLen32+len(body))
	b = binary.BigEndian.AppendUint16(b, uint16(c.bucket/graph.Instant(graph.Fine)))
	b = binary.AppendUvarint(b, uint64(len(body)))
	return append(b, body...)
}

func packSketch(b []byte, s *sketch.Sketch) []byte {
	b = binary.AppendUvarint(b, uint64(s.Len()))
	last := uint16(0)
	for bucket, n := range s.Buckets() {
		b = binary.AppendUvarint(b, uint64(bucket-last))
		b = binary.AppendVarint(b, n)
		last = bucket
	}
	return b
}

// unpackSketch sets s to the sketch that b begins with and returns the rest.
func unpackSketch(s *sketch.Sketch, b []byte) []byte {
	length, n := binary.Uvarint(b)
	b = b[n:]
	s.Reset()
	s.Grow(int(length))
	bucket := uint64(0)
	for range length {
		distance, n := binary.Uvarint(b)
		b = b[n:]
		count, n := binary.Varint(b)
		b = b[n:]
		bucket += distance
		s.AddBucket(uint16(bucket), count)
	}
	return b
}
