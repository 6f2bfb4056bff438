// Package sketch counts durations in log-spaced buckets that add and subtract
// exactly.
package sketch

import (
	"iter"
	"math"
	"slices"
	"time"
)

// A Sketch is a histogram of durations with signed counts. The zero value is
// empty.
type Sketch struct {
	entries []entry // by bucket, no zero counts
}

type entry struct {
	bucket uint16
	n      int64
}

// Add counts d n times; n may be negative.
func (s *Sketch) Add(d time.Duration, n int64) { s.AddBucket(Bucket(d), n) }

// AddBucket adds n to the count of a bucket.
func (s *Sketch) AddBucket(b uint16, n int64) {
	i, ok := slices.BinarySearchFunc(s.entries, b, func(e entry, b uint16) int { return int(e.bucket) - int(b) })
	switch {
	case n == 0:
	case !ok:
		s.entries = slices.Insert(s.entries, i, entry{b, n})
	case s.entries[i].n+n == 0:
		s.entries = slices.Delete(s.entries, i, i+1)
	default:
		s.entries[i].n += n
	}
}

// Merge adds o to s.
func (s *Sketch) Merge(o *Sketch) {
	for _, e := range o.entries {
		s.AddBucket(e.bucket, e.n)
	}
}

// Sub takes o from s.
func (s *Sketch) Sub(o *Sketch) {
	for _, e := range o.entries {
		s.AddBucket(e.bucket, -e.n)
	}
}

// Total returns the sum of all counts.
func (s *Sketch) Total() int64 {
	var t int64
	for _, e := range s.entries {
		t += e.n
	}
	return t
}

// IsZero reports whether all counts are zero.
func (s *Sketch) IsZero() bool { return len(s.entries) == 0 }

// Clone returns a copy that shares no memory with s.
func (s *Sketch) Clone() Sketch { return Sketch{slices.Clone(s.entries)} }

// Buckets yields the buckets with counts, ascending.
func (s *Sketch) Buckets() iter.Seq2[uint16, int64] {
	return func(yield func(uint16, int64) bool) {
		for _, e := range s.entries {
			if !yield(e.bucket, e.n) {
				return
			}
		}
	}
}

// Bucket returns the bucket of d.
func Bucket(d time.Duration) uint16 {
	if d < time.Microsecond {
		return 0
	}
	return uint16(min(1+35*math.Log2(float64(d)/1000), 1112))
}

// Quantile returns the q-quantile, 0 ≤ q ≤ 1, and 0 for an empty sketch.
func (s *Sketch) Quantile(q float64) time.Duration {
	rank := int64(math.Ceil(q * float64(s.Total())))
	for _, e := range s.entries {
		rank -= e.n
		if rank <= 0 {
			return time.Duration(1000 * math.Exp2((float64(e.bucket)-0.5)/35))
		}
	}
	return 0
}
