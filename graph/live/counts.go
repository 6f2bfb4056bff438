package live

import (
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

// minutes counts a subject by minute, ascending.
type minutes struct {
	list          []minute
	calls, errors int64 // sums of list
}

const finePerMinute = int64(graph.Medium / graph.Fine)

// add counts in the bucket and width given and returns its minute, which is
// valid until the next add.
func (ms *minutes) add(bucket graph.Instant, width time.Duration, calls, errors int64) *minute {
	start := bucket.Floor(graph.Medium)
	i, ok := slices.BinarySearchFunc(ms.list, start, func(m minute, t graph.Instant) int { return compare(m.start, t) })
	if !ok {
		ms.list = slices.Insert(ms.list, i, minute{start: start})
	}
	m := &ms.list[i]
	m.calls += calls
	m.errors += errors
	ms.calls += calls
	ms.errors += errors
	switch {
	case calls <= 0:
	case width > graph.Fine:
		m.fine = 1<<finePerMinute - 1
	default:
		m.fine |= fineBit(bucket)
	}
	return m
}

func fineBit(bucket graph.Instant) uint8 {
	return 1 << (int64(bucket-bucket.Floor(graph.Medium)) / int64(graph.Fine))
}

// forget drops minutes before from, and those that came to nothing.
func (ms *minutes) forget(from graph.Instant) {
	ms.list = slices.DeleteFunc(ms.list, func(m minute) bool {
		if m.start >= from {
			return m.calls == 0 && m.errors == 0
		}
		ms.calls -= m.calls
		ms.errors -= m.errors
		return true
	})
}

// seen returns the start of the first and the end of the last bucket that holds
// calls; to the minute where the bucket is not known any more.
func (ms *minutes) seen() (first, last graph.Instant) {
	for _, m := range ms.list {
		if m.calls <= 0 {
			continue
		}
		for b := range finePerMinute {
			if m.fine&(1<<b) == 0 {
				continue
			}
			start := m.start + graph.Instant(b)*graph.Instant(graph.Fine)
			if first == 0 {
				first = start
			}
			last = start + graph.Instant(graph.Fine)
		}
	}
	return first, last
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
