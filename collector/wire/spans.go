package wire

import (
	"encoding/binary"

	"graphctl/collector"
)

// The first byte of a span says which of its fields follow and how.
const (
	traceInFull = 0 // 16 bytes
	traceBefore = 1 // that of the span before
	traceSlot   = 2 // the one in a slot of the table of traces
	traceMask   = 3

	idSlot = 1 << 2 // the id is the one in a slot of the table of ids; else 8 bytes

	parentNone   = 0 << 3
	parentInFull = 1 << 3 // 8 bytes
	parentSlot   = 2 << 3 // the one in a slot of the table of ids
	parentBefore = 3 << 3 // the span before
	parentMask   = 3 << 3

	sameResource = 1 << 5 // the resource is that of the span before
	hasFar       = 1 << 6
	hasMore      = 1 << 7 // a byte of rare fields follows the second byte
)

// The second byte is kind, role and two flags.
const (
	kindMask     = 7
	roleShift    = 3
	roleMask     = 7
	failed       = 1 << 6
	parentRemote = 1 << 7
)

// Rare fields.
const (
	hasWeight   = 1 << 0
	hasMessages = 1 << 1
	hasLinks    = 1 << 2
	triggered   = 1 << 3
	endsEarlier = 1 << 4 // the duration is to be subtracted
	moreMask    = 1<<5 - 1
)

const (
	linkBytes = 24
	minSpan   = 2 + 1 + 1 + 1 + 1 // flags; id, start, duration and name of a byte each
	// maxSpan is a span without links: flags, ids in full, three long and four
	// short varints, count of links.
	maxSpan = 3 + 16 + 8 + 8 + 3*binary.MaxVarintLen64 + 4*binary.MaxVarintLen32 + 3
)

// recent holds the ids that came last, so that an id is written in full once:
// traces are often interleaved, and an id comes again as a parent. Who writes
// and who reads keep the same tables.
type recent struct {
	traces [traceSlots]collector.TraceID
	ids    [idSlots]collector.SpanID
}

// Table sizes suit a request of 512 spans in 32 traces.
const (
	traceSlotBits, idSlotBits = 6, 8
	traceSlots, idSlots       = 1 << traceSlotBits, 1 << idSlotBits
)

// spread is 2^64 divided by the golden ratio: some tracers count their ids up.
const spread = 0x9E3779B97F4A7C15

func slotOfTrace(t *collector.TraceID) byte {
	return byte(binary.BigEndian.Uint64(t[8:]) * spread >> (64 - traceSlotBits))
}

func slotOfID(id *collector.SpanID) byte {
	return byte(binary.BigEndian.Uint64(id[:]) * spread >> (64 - idSlotBits))
}

// AppendSpans appends the spans of b and their links, with times relative to
// base.
func AppendSpans(dst []byte, base int64, b *collector.Batch) []byte {
	var seen recent
	before := &collector.Span{Start: base}
	dst = binary.AppendUvarint(dst, uint64(len(b.Spans)))
	for i := range b.Spans {
		s := &b.Spans[i]
		if room := maxSpan + int(s.Links)*linkBytes; cap(dst)-len(dst) < room {
			dst = grow(dst, room)
		}
		dst = appendSpan(dst, s, before, &seen)
		if s.Links > 0 {
			dst = binary.AppendUvarint(dst, uint64(s.Links))
			for _, l := range b.LinksOf(s) {
				dst = append(append(dst, l.Trace[:]...), l.ID[:]...)
			}
		}
		before = s
	}
	return dst
}

// grow makes room for n more bytes, and for many spans more.
func grow(dst []byte, n int) []byte {
	grown := make([]byte, len(dst), 2*cap(dst)+n+8<<10)
	copy(grown, dst)
	return grown
}

// appendSpan appends s but not its links.
func appendSpan(dst []byte, s, before *collector.Span, seen *recent) []byte {
	at := len(dst)
	head := byte(0)
	dst = append(dst, 0, byte(s.Kind)&kindMask|byte(s.Role)&roleMask<<roleShift|
		byte(s.Flags&collector.Failed)*failed|byte(s.Flags&collector.ParentRemote)/byte(collector.ParentRemote)*parentRemote)
	more := rareFields(s)
	if more != 0 {
		head |= hasMore
		dst = append(dst, more)
	}
	dst, bits := appendIDs(dst, s, before, seen)
	head |= bits
	delta := s.Start - before.Start
	dst = binary.AppendUvarint(dst, uint64(delta<<1)^uint64(delta>>63))
	if more&endsEarlier == 0 {
		dst = binary.AppendUvarint(dst, uint64(s.End)-uint64(s.Start))
	} else {
		dst = binary.AppendUvarint(dst, uint64(s.Start)-uint64(s.End))
	}
	dst = binary.AppendUvarint(dst, uint64(s.Name))
	if s.Resource == before.Resource {
		head |= sameResource
	} else {
		dst = binary.AppendUvarint(dst, uint64(s.Resource))
	}
	if s.Far != collector.None {
		head |= hasFar
		dst = binary.AppendUvarint(dst, uint64(s.Far))
	}
	dst[at] = head
	if more&hasWeight != 0 {
		dst = binary.AppendUvarint(dst, uint64(s.Weight))
	}
	if more&hasMessages != 0 {
		dst = binary.AppendUvarint(dst, uint64(s.Messages))
	}
	return dst
}

func rareFields(s *collector.Span) (more byte) {
	if s.Weight != collector.WeightOne {
		more |= hasWeight
	}
	if s.Messages != collector.NoCount {
		more |= hasMessages
	}
	if s.Links > 0 {
		more |= hasLinks
	}
	if s.Is(collector.Triggered) {
		more |= triggered
	}
	if s.End < s.Start {
		more |= endsEarlier
	}
	return more
}

// appendIDs appends the trace, the id and the parent of s and returns their
// bits of the first byte.
func appendIDs(dst []byte, s, before *collector.Span, seen *recent) ([]byte, byte) {
	var head byte
	if s.Trace == before.Trace {
		head |= traceBefore
	} else if slot := slotOfTrace(&s.Trace); seen.traces[slot] == s.Trace {
		head |= traceSlot
		dst = append(dst, slot)
	} else {
		seen.traces[slot] = s.Trace
		dst = append(dst, s.Trace[:]...)
	}
	if slot := slotOfID(&s.ID); seen.ids[slot] == s.ID {
		head |= idSlot
		dst = append(dst, slot)
	} else {
		seen.ids[slot] = s.ID
		dst = append(dst, s.ID[:]...)
	}
	if s.Parent.IsZero() {
		return dst, head
	}
	if s.Parent == before.ID {
		return dst, head | parentBefore
	}
	slot := slotOfID(&s.Parent)
	if seen.ids[slot] == s.Parent {
		return append(dst, slot), head | parentSlot
	}
	seen.ids[slot] = s.Parent
	return append(dst, s.Parent[:]...), head | parentInFull
}
