package sketch

import (
	"math/bits"
	"time"
)

// Buckets is the number of buckets: one for durations below 1 µs, those
// between, and one for durations above 1 h.
const Buckets = 1 + last - first + 1 + 1

const (
	perOctave = 35
	// first and last are the buckets that hold 1 µs and 1 h when buckets are
	// counted from 1 ns on.
	first, last = 349, 1460
	// above is the bucket of durations over 1 h.
	above = Buckets - 1
)

// thresholds are where buckets begin in an octave: the smallest integers not
// below 2^(63 + (k + 1/5)/35). The last bucket of an octave ends at the first
// threshold of the next. The fifth is there for the shortest durations: with it
// a whole number of nanoseconds stands within 1 % of all others in its bucket,
// which at most other offsets fails in a bucket below 2 µs.
var thresholds = [perOctave]uint64{
	0x80820bd4c0cc4c20, 0x83140f61cf7df40c, 0x85b33c3c368d46d8, 0x885fd5c82d0acb13,
	0x8b1a20c2fc7a13af, 0x8de26349e7bb01ea, 0x90b8e4e1354a575d, 0x939dee7b5d8e8e35,
	0x9691ca805de98c16, 0x9994c4d5314b756c, 0x9ca72ae36f06aacc, 0x9fc94ba110a8d18e,
	0xa2fb77985fa0b37e, 0xa63e00f00b7cc0db, 0xa9913b7369921316, 0xacf57c9adedff753,
	0xb06b1b9475084546, 0xb3f2714c9b391a65, 0xb78bd87713e8faf8, 0xbb37ad98104adaaa,
	0xbef64f0d7a64256f, 0xc2c81d186eb39039, 0xc6ad79e6e65c3f99, 0xcaa6c99d92cdb190,
	0xceb47261ebe5cfd6, 0xd2d6dc64718fa15d, 0xd70e71eb21e63d42, 0xdb5b9f5c24e8e758,
	0xdfbed348aed29f4c, 0xe4387e781a2ce7e6, 0xe8c913f33abb2475, 0xed71090fea619f9d,
	0xf230d57cd1312131, 0xf708f34d69c5e902, 0xfbf9df06432ef336,
}

// slots cuts an octave into 64 equal parts, each narrower than a bucket, and
// holds how many thresholds are not above the start of each: of what is in the
// part, that many or one more.
var slots = func() (t [64]uint8) {
	for i := range t {
		start := 1<<63 + uint64(i)<<57
		for t[i] < perOctave && thresholds[t[i]] <= start {
			t[i]++
		}
	}
	return t
}()

// Bucket returns the bucket of d. A negative d counts as 0.
func Bucket(d time.Duration) uint16 {
	if d <= 0 {
		return 0
	}
	shift := bits.LeadingZeros64(uint64(d))
	mantissa := uint64(d) << shift
	k := int(slots[mantissa>>57&63])
	if k < perOctave && thresholds[k] <= mantissa {
		k++
	}
	i := perOctave*(63-shift) + k
	return uint16(min(max(i-first+1, 0), above))
}

// lowest returns the smallest duration of bucket b, which is neither the first
// nor beyond the last, in nanoseconds.
func lowest(b uint16) uint64 {
	i := int(b) + first - 2
	shift := 63 - i/perOctave
	return (thresholds[i%perOctave]-1)>>shift + 1
}

// Middle returns the duration that stands for those of bucket b: the one whose
// distance from the bucket's ends, relative to each, is the same. It is 0 for
// the bucket below 1 µs and 1 h for the one above.
func Middle(b uint16) time.Duration {
	switch {
	case b == 0:
		return 0
	case b >= above:
		return time.Hour
	}
	low, high := lowest(b), lowest(b+1)-1
	hi, lo := bits.Mul64(2*low, high)
	middle, rest := bits.Div64(hi, lo, low+high)
	if rest > (low+high)/2 {
		middle++
	}
	return time.Duration(middle)
}
