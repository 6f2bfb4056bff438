package otlp

import "encoding/binary"

// The protobuf wire format. The functions take a buffer and an index in it and
// return the next index, -1 if the bytes are malformed.

// Wire types, the low three bits of a tag.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireGroup   = 3
	wireEnd     = 4
	wireFixed32 = 5
)

// maxTag is the tag of the highest field number, 2^29-1.
const maxTag = 1<<32 - 1

// maxGroups bounds groups within groups. OTLP has no groups at all.
const maxGroups = 100

// varint reads an unsigned number of at most 64 bits.
func varint(b []byte, i int) (uint64, int) {
	if i < len(b) && b[i] < 0x80 {
		return uint64(b[i]), i + 1
	}
	return longVarint(b, i)
}

func longVarint(b []byte, i int) (uint64, int) {
	if i+1 < len(b) && b[i+1] < 0x80 {
		return uint64(b[i]&0x7f) | uint64(b[i+1])<<7, i + 2
	}
	v, n := binary.Uvarint(b[i:])
	if n <= 0 {
		return 0, -1
	}
	return v, i + n
}

// tag reads a field's number and wire type.
func tag(b []byte, i int) (uint64, int) {
	t, i := varint(b, i)
	if t>>3 == 0 || t > maxTag {
		return 0, -1
	}
	return t, i
}

// chunk reads a length and that many bytes.
func chunk(b []byte, i int) ([]byte, int) {
	n, i := varint(b, i)
	if i < 0 || n > uint64(len(b)-i) {
		return nil, -1
	}
	end := i + int(n)
	return b[i:end], end
}

// shortLen returns the length at i if it takes one byte, as nearly all do, and
// its bytes are there, else -1. It is what of chunk is small enough to be
// inlined: the bytes are b[i+1 : i+1+n].
func shortLen(b []byte, i int) int {
	if i < len(b) && b[i] < 0x80 && int(b[i]) < len(b)-i {
		return int(b[i])
	}
	return -1
}

func fixed64(b []byte, i int) (uint64, int) {
	if len(b)-i < 8 {
		return 0, -1
	}
	return binary.LittleEndian.Uint64(b[i:]), i + 8
}

func fixed32(b []byte, i int) (uint32, int) {
	if len(b)-i < 4 {
		return 0, -1
	}
	return binary.LittleEndian.Uint32(b[i:]), i + 4
}

// skip passes over the value of the field whose tag t was read.
func skip(b []byte, i int, t uint64) int {
	switch t & 7 {
	case wireVarint:
		_, i = varint(b, i)
	case wireFixed64:
		_, i = fixed64(b, i)
	case wireBytes:
		_, i = chunk(b, i)
	case wireFixed32:
		_, i = fixed32(b, i)
	case wireGroup:
		return skipGroup(b, i, t>>3)
	default: // an end without a start, or a type that does not exist
		return -1
	}
	return i
}

// skipGroup passes over the rest of a group and its end.
func skipGroup(b []byte, i int, number uint64) int {
	var open [maxGroups]uint64
	open[0] = number
	for depth := 1; depth > 0; {
		var t uint64
		if t, i = tag(b, i); i < 0 {
			return -1
		}
		switch t & 7 {
		case wireGroup:
			if depth == maxGroups {
				return -1
			}
			open[depth] = t >> 3
			depth++
		case wireEnd:
			depth--
			if open[depth] != t>>3 {
				return -1
			}
		default:
			if i = skip(b, i, t); i < 0 {
				return -1
			}
		}
	}
	return i
}
