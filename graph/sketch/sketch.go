// Package sketch counts durations in log-spaced buckets that add and subtract
// exactly.
//
// There are 35 buckets to the octave, so that a duration stands within 1 % of
// every other one in its bucket's middle: a quantile of a [Sketch] is off by at
// most 1 %, whatever the distribution. Durations from 1 µs to 1 h are told
// apart; there is one bucket for all that is shorter and one for all that is
// longer. The bucket of a duration is found with integers alone, so that every
// machine agrees.
//
// A Sketch is a sorted list of the buckets that are not zero. Counts are signed
// and may pass through negative values while parts of a sum are missing.
//
// A Sketch is not safe for concurrent use.
package sketch

import (
	"iter"
	"math"
	"slices"
	"time"
)

// MaxCount is the largest count of a bucket, and -MaxCount the smallest. Beyond
// it counts wrap, which undoes itself when what was added is subtracted.
const MaxCount = 1<<(64-bucketBits-1) - 1

// A Sketch is a histogram of durations with signed counts. The zero value is
// empty.
type Sketch struct {
	entries []entry // by bucket, no zero counts
}

// An entry is a bucket in the low bucketBits and its count above them.
type entry int64

const (
	bucketBits = 11
	bucketMask = 1<<bucketBits - 1
)

func makeEntry(b uint16, n int64) entry { return entry(n<<bucketBits | int64(b)) }
func (e entry) bucket() uint16          { return uint16(e & bucketMask) }
func (e entry) n() int64                { return int64(e) >> bucketBits }

// plus adds n to the count of e.
func (e entry) plus(n int64) entry { return e + entry(n<<bucketBits) }

// Add counts d n times; n may be negative.
func (s *Sketch) Add(d time.Duration, n int64) { s.AddBucket(Bucket(d), n) }

// AddBucket adds n to the count of bucket b, which must be below [Buckets].
// Adding buckets in ascending order takes constant time each.
func (s *Sketch) AddBucket(b uint16, n int64) {
	if b >= Buckets {
		panic("sketch: bucket out of range")
	}
	if n == 0 {
		return
	}
	if k := len(s.entries); k == 0 || s.entries[k-1].bucket() < b {
		s.entries = append(s.entries, makeEntry(b, n))
		return
	}
	i := s.search(b)
	switch e := s.entries[i]; {
	case e.bucket() != b:
		s.entries = slices.Insert(s.entries, i, makeEntry(b, n))
	case e.plus(n).n() == 0:
		s.entries = slices.Delete(s.entries, i, i+1)
	default:
		s.entries[i] = e.plus(n)
	}
}

// search returns the first entry at or above b. There is one.
func (s *Sketch) search(b uint16) int {
	lo, hi := 0, len(s.entries)-1
	for lo < hi {
		m := int(uint(lo+hi) / 2)
		if s.entries[m].bucket() < b {
			lo = m + 1
		} else {
			hi = m
		}
	}
	return lo
}

// A Slab makes room for the buckets of many sketches with few allocations. The
// room is given back when none of its sketches is in use.
type Slab struct{ free []entry }

// slabEntries is how many buckets a slab makes room for at once: 32 kB.
const slabEntries = 1 << 12

// Sketch returns an empty sketch with room for n buckets.
func (s *Slab) Sketch(n int) Sketch {
	if n > len(s.free) {
		s.free = make([]entry, max(n, slabEntries))
	}
	k := Sketch{s.free[:0:n]}
	s.free = s.free[n:]
	return k
}

// Grow makes room for n more buckets.
func (s *Sketch) Grow(n int) { s.entries = slices.Grow(s.entries, n) }

// Reset empties s and keeps its memory for what is added next.
func (s *Sketch) Reset() { s.entries = s.entries[:0] }

// Merge adds o to s. They share no memory afterwards.
func (s *Sketch) Merge(o *Sketch) { s.combine(o.entries, 1) }

// Sub takes o from s; it is the inverse of Merge.
func (s *Sketch) Sub(o *Sketch) { s.combine(o.entries, -1) }

// few is how many times shorter than s a list is that is better added bucket by
// bucket, each found by bisection.
const few = 8

// combine adds sign times o to s, in one pass over both lists to see how much
// room the sum needs and one, backwards and in place, to write it.
func (s *Sketch) combine(o []entry, sign int64) {
	switch {
	case len(s.entries) == 0 && sign > 0:
		s.entries = append(s.entries, o...)
		return
	case len(o)*few < len(s.entries):
		for _, e := range o {
			s.AddBucket(e.bucket(), sign*e.n())
		}
		return
	}
	more := s.missing(o)
	i, j := len(s.entries)-1, len(o)-1
	s.entries = slices.Grow(s.entries, more)[:len(s.entries)+more]
	zeros := 0
	for w := len(s.entries) - 1; j >= 0; w-- {
		b := o[j].bucket()
		if i >= 0 && s.entries[i].bucket() > b {
			s.entries[w] = s.entries[i]
			i--
			continue
		}
		e := makeEntry(b, 0)
		if i >= 0 && s.entries[i].bucket() == b {
			e = s.entries[i]
			i--
		}
		e = e.plus(sign * o[j].n())
		j--
		if e.n() == 0 {
			zeros++
		}
		s.entries[w] = e
	}
	if zeros > 0 {
		s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return e.n() == 0 })
	}
}

// missing counts the buckets of o that s lacks.
func (s *Sketch) missing(o []entry) int {
	i, more := 0, 0
	for _, e := range o {
		b := e.bucket()
		for i < len(s.entries) && s.entries[i].bucket() < b {
			i++
		}
		if i == len(s.entries) || s.entries[i].bucket() != b {
			more++
		}
	}
	return more
}

// Total returns the sum of all counts.
func (s *Sketch) Total() int64 {
	var t int64
	for _, e := range s.entries {
		t += e.n()
	}
	return t
}

// IsZero reports whether all counts are zero.
func (s *Sketch) IsZero() bool { return len(s.entries) == 0 }

// Len returns the number of buckets with counts.
func (s *Sketch) Len() int { return len(s.entries) }

// Equal reports whether s and o hold the same counts.
func (s *Sketch) Equal(o *Sketch) bool { return slices.Equal(s.entries, o.entries) }

// Clone returns a copy that shares no memory with s.
func (s *Sketch) Clone() Sketch { return Sketch{slices.Clone(s.entries)} }

// Buckets yields the buckets with counts, ascending.
func (s *Sketch) Buckets() iter.Seq2[uint16, int64] {
	return func(yield func(uint16, int64) bool) {
		for _, e := range s.entries {
			if !yield(e.bucket(), e.n()) {
				return
			}
		}
	}
}

// Quantile returns the q-quantile, 0 ≤ q ≤ 1: the middle of the bucket that
// holds the smallest duration which at least q of all do not exceed. It is
// within 1 % of that duration if it lies between 1 µs and 1 h, 0 if it is
// shorter and 1 h if it is longer. It is 0 if the total is not positive.
func (s *Sketch) Quantile(q float64) time.Duration {
	rank := max(int64(math.Ceil(q*float64(s.Total()))), 1)
	for _, e := range s.entries {
		if rank -= e.n(); rank <= 0 {
			return Middle(e.bucket())
		}
	}
	return 0
}
