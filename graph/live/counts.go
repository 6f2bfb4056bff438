package live

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"time"

	"graphctl/graph"
)

// minute counts one minute of a subject.
type minute struct {
	start         graph.Instant
	calls, errors int64
	// fine has a bit for each Fine bucket of the minute that holds calls. Once
	// the minute is out of the last RateSpan a bit may outlive its calls.
	fine uint8
}

// minutes counts a subject by minute. The newest one, which most calls are in,
// is ready to be counted in; those before are packed in some 5 bytes each.
type minutes struct {
	calls, errors int64 // sums of all
	newest        minute
	n             int    // how many there are
	older         []byte // ascending: number mod 256, fine, calls, errors
}

const (
	finePerMinute = int64(graph.Medium / graph.Fine)
	// maxMinutes are held at once, of some that were not forgotten yet.
	maxMinutes = 256
)

const _ = uint(maxMinutes/2 - (Span+ahead)/graph.Medium)

// add counts in the bucket and width given. empty says that the bucket, of width
// Fine, holds no calls any more.
func (ms *minutes) add(bucket graph.Instant, width time.Duration, calls, errors int64, empty bool) {
	start := bucket.Floor(graph.Medium)
	switch {
	case ms.n == 0:
		ms.newest, ms.n = minute{start: start}, 1
	case start > ms.newest.start:
		ms.older = ms.newest.append(ms.older)
		ms.newest = minute{start: start}
		ms.n++
	}
	ms.calls += calls
	ms.errors += errors
	if start == ms.newest.start {
		ms.newest.add(bucket, width, calls, errors, empty)
		return
	}
	var room [maxMinutes]minute
	list := ms.list(room[:0])
	i, ok := slices.BinarySearchFunc(list, start, func(m minute, t graph.Instant) int { return compare(m.start, t) })
	if !ok {
		list = slices.Insert(list, i, minute{start: start})
	}
	list[i].add(bucket, width, calls, errors, empty)
	ms.pack(list)
}

func (m *minute) add(bucket graph.Instant, width time.Duration, calls, errors int64, empty bool) {
	m.calls += calls
	m.errors += errors
	switch {
	case empty:
		m.fine &^= fineBit(bucket)
	case calls <= 0:
	case width > graph.Fine:
		m.fine = 1<<finePerMinute - 1
	default:
		m.fine |= fineBit(bucket)
	}
}

func fineBit(bucket graph.Instant) uint8 {
	return 1 << (int64(bucket-bucket.Floor(graph.Medium)) / int64(graph.Fine))
}

func (m *minute) append(b []byte) []byte {
	b = append(b, byte(m.start/graph.Instant(graph.Medium)), m.fine)
	b = binary.AppendVarint(b, m.calls)
	return binary.AppendVarint(b, m.errors)
}

// read sets m to the first of the packed minutes b and returns the others.
// newest is the start of a later one.
func (m *minute) read(b []byte, newest graph.Instant) []byte {
	ago := byte(newest/graph.Instant(graph.Medium)) - b[0]
	m.start, m.fine = newest-graph.Instant(ago)*graph.Instant(graph.Medium), b[1]
	b = b[2:]
	for _, v := range []*int64{&m.calls, &m.errors} {
		var n int
		*v, n = binary.Varint(b)
		b = b[n:]
	}
	return b
}

// list appends all minutes, ascending, to a list.
func (ms *minutes) list(to []minute) []minute {
	var m minute
	for b := ms.older; len(b) > 0; {
		b = m.read(b, ms.newest.start)
		to = append(to, m)
	}
	if ms.n > 0 {
		to = append(to, ms.newest)
	}
	return to
}

// pack is the inverse of list.
func (ms *minutes) pack(list []minute) {
	ms.n, ms.older = len(list), ms.older[:0]
	for i := range list {
		if i == len(list)-1 {
			ms.newest = list[i]
		} else {
			ms.older = list[i].append(ms.older)
		}
	}
}

// forget drops minutes before from, and those that came to nothing.
func (ms *minutes) forget(from graph.Instant) {
	var room [maxMinutes]minute
	list := slices.DeleteFunc(ms.list(room[:0]), func(m minute) bool {
		if m.start >= from {
			return m.calls == 0 && m.errors == 0
		}
		ms.calls -= m.calls
		ms.errors -= m.errors
		return true
	})
	if len(list) < ms.n {
		ms.pack(list)
	}
}

// seen returns the start of the first and the end of the last bucket that holds
// calls; to the minute where the bucket is not known any more.
func (ms *minutes) seen() (first, last graph.Instant) {
	var m minute
	for b := ms.older; len(b) > 0; {
		b = m.read(b, ms.newest.start)
		first, last = m.seen(first, last)
	}
	if ms.n > 0 {
		first, last = ms.newest.seen(first, last)
	}
	return first, last
}

// seen widens what was seen in earlier minutes.
func (m *minute) seen(first, last graph.Instant) (graph.Instant, graph.Instant) {
	if m.calls <= 0 || m.fine == 0 {
		return first, last
	}
	bucket := func(i int) graph.Instant { return m.start + graph.Instant(i)*graph.Instant(graph.Fine) }
	if first == 0 {
		first = bucket(bits.TrailingZeros8(m.fine))
	}
	return first, bucket(bits.Len8(m.fine))
}

// hours counts evidence by hour, ascending.
type hours []hour

type hour struct {
	start graph.Instant
	n     int64
}

// add counts n in the hour that holds t and reports whether the sum became, or
// ceased to be, positive.
func (hs *hours) add(t graph.Instant, n int64) (turned bool) {
	before := hs.positive()
	start := t.Floor(graph.Coarse)
	i, ok := slices.BinarySearchFunc(*hs, start, func(h hour, t graph.Instant) int { return compare(h.start, t) })
	if !ok {
		*hs = slices.Insert(*hs, i, hour{start: start})
	}
	(*hs)[i].n += n
	return before != hs.positive()
}

// forget drops hours before from and reports whether the sum turned.
func (hs *hours) forget(from graph.Instant) (turned bool) {
	before := hs.positive()
	*hs = slices.DeleteFunc(*hs, func(h hour) bool { return h.start < from || h.n == 0 })
	return before != hs.positive()
}

func (hs hours) positive() bool { return hs.sum() > 0 }

func (hs hours) sum() int64 {
	var n int64
	for _, h := range hs {
		n += h.n
	}
	return n
}

func compare(a, b graph.Instant) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
