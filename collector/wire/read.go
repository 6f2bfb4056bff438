package wire

import (
	"math"
	"slices"

	"graphctl/collector"
)

// ReadSpans appends to b the spans that src holds and their links. base must be
// that of AppendSpans. On an error b may hold some of the spans.
func (n *Names) ReadSpans(src []byte, base int64, b *collector.Batch) error {
	count, p := takeUvarint(src)
	if p == nil || count > uint64(len(p)/minSpan) {
		return malformed("spans: more than there is room for")
	}
	b.Spans = slices.Grow(b.Spans, int(count))
	var seen recent
	before := &collector.Span{Start: base}
	for range count {
		b.Spans = append(b.Spans, collector.Span{FirstLink: uint32(len(b.Links))})
		s := &b.Spans[len(b.Spans)-1]
		p = n.takeSpan(p, s, before, &seen)
		for range s.Links {
			var l collector.Link
			l, p = takeLink(p)
			b.Links = append(b.Links, l)
		}
		if p == nil {
			return malformed("spans")
		}
		before = s
	}
	if len(p) > 0 {
		return malformed("spans: bytes left over")
	}
	return nil
}

// takeSpan reads s, which is zero but for its first link, and not its links.
func (n *Names) takeSpan(p []byte, s, before *collector.Span, seen *recent) []byte {
	if len(p) < minSpan {
		return nil
	}
	head, kinds, more := p[0], p[1], byte(0)
	p = p[2:]
	if head&hasMore != 0 {
		more, p = takeByte(p)
	}
	s.Kind = collector.Kind(kinds & kindMask)
	s.Role = collector.Role(kinds >> roleShift & roleMask)
	s.Flags = collector.Flags(kinds>>6&1)*collector.Failed | collector.Flags(kinds>>7)*collector.ParentRemote
	if s.Kind > collector.KindConsumer || more&^moreMask != 0 {
		return nil
	}
	p = takeIDs(p, s, before, seen, head)
	p = takeTimes(p, s, before, more)
	s.Name, p = n.texts.take(p)
	if head&sameResource != 0 {
		s.Resource = before.Resource
	} else {
		s.Resource, p = n.resources.take(p)
	}
	if head&hasFar != 0 {
		s.Far, p = n.fars.take(p)
	}
	s.Weight, s.Messages = collector.WeightOne, collector.NoCount
	if more != 0 {
		p = takeRare(p, s, more)
	}
	return p
}

// take reads a number of the file.
func (s series) take(p []byte) (collector.Sym, []byte) {
	y, p := takeUvarint(p)
	if y < fixed {
		return collector.Sym(y), p
	}
	if y -= fixed; y < uint64(len(s)) {
		return s[y], p
	}
	return 0, nil
}

func takeIDs(p []byte, s, before *collector.Span, seen *recent, head byte) []byte {
	var slot byte
	switch head & traceMask {
	case traceBefore:
		s.Trace = before.Trace
	case traceSlot:
		slot, p = takeByte(p)
		s.Trace = seen.traces[slot%traceSlots]
	case traceInFull:
		s.Trace, p = take16(p)
		seen.traces[slotOfTrace(&s.Trace)] = s.Trace
	} // anything else leaves none
	if head&idSlot != 0 {
		slot, p = takeByte(p)
		s.ID = seen.ids[slot]
	} else {
		s.ID, p = take8(p)
		seen.ids[slotOfID(&s.ID)] = s.ID
	}
	switch head & parentMask {
	case parentNone:
	case parentBefore:
		s.Parent = before.ID
	case parentSlot:
		slot, p = takeByte(p)
		s.Parent = seen.ids[slot]
	case parentInFull:
		s.Parent, p = take8(p)
		seen.ids[slotOfID(&s.Parent)] = s.Parent
	}
	if s.Trace.IsZero() || s.ID.IsZero() || head&parentMask != parentNone && s.Parent.IsZero() {
		return nil
	}
	return p
}

func takeTimes(p []byte, s, before *collector.Span, more byte) []byte {
	delta, p := takeUvarint(p)
	length, p := takeUvarint(p)
	s.Start = before.Start + (int64(delta>>1) ^ -int64(delta&1))
	if more&endsEarlier == 0 {
		s.End = int64(uint64(s.Start) + length)
	} else {
		s.End = int64(uint64(s.Start) - length)
	}
	if s.End < s.Start != (more&endsEarlier != 0) {
		return nil
	}
	return p
}

// takeRare reads the fields that more names.
func takeRare(p []byte, s *collector.Span, more byte) []byte {
	var n uint64
	if more&triggered != 0 {
		s.Flags |= collector.Triggered
	}
	if more&hasWeight != 0 {
		if n, p = takeUvarint(p); n < collector.WeightOne || n > collector.MaxWeight {
			return nil
		}
		s.Weight = int64(n)
	}
	if more&hasMessages != 0 {
		if n, p = takeUvarint(p); n > math.MaxInt32 {
			return nil
		}
		s.Messages = int32(n)
	}
	if more&hasLinks != 0 {
		if n, p = takeUvarint(p); n > collector.MaxLinks || n*linkBytes > uint64(len(p)) {
			return nil
		}
		s.Links = uint16(n)
	}
	return p
}

func takeLink(p []byte) (l collector.Link, rest []byte) {
	l.Trace, p = take16(p)
	l.ID, p = take8(p)
	if l.Trace.IsZero() || l.ID.IsZero() {
		return l, nil
	}
	return l, p
}
