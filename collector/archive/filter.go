package archive

import "math/bits"

// filterBits is the size of a filter for each trace it is made for: full, it
// says yes to about one in a hundred traces that it does not hold.
const filterBits = 12

// A filter says that a trace is not in it, or may be: a Bloom filter of blocks
// that are a cache line each. A trace has one bit in each word of its block.
type filter []filterBlock

type filterBlock [8]uint64

func newFilter(traces int) filter {
	const blockBits = 512
	return make(filter, (traces*filterBits+blockBits-1)/blockBits)
}

func (f filter) bytes() int64 { return int64(len(f)) * 64 }

// filterPattern returns which bits of its block the trace with the hash has:
// six bits of the pattern for each word.
func filterPattern(h uint64) uint64 {
	const odd = 0x9e3779b97f4a7c15 // 2^64 ÷ the golden ratio
	return h * odd >> 16           // the block is chosen by the upper bits of h alone
}

func (f filter) block(h uint64) *filterBlock {
	i, _ := bits.Mul64(h, uint64(len(f)))
	return &f[i]
}

func (f filter) add(h uint64) {
	b, p := f.block(h), filterPattern(h)
	for i := range b {
		b[i] |= 1 << (p >> (6 * i) & 63)
	}
}

// has has no branches, so that the cache lines of several filters are waited
// for together.
func (f filter) has(h, p uint64) bool {
	b := f.block(h)
	return b[0]>>(p&63)&
		(b[1]>>(p>>6&63))&
		(b[2]>>(p>>12&63))&
		(b[3]>>(p>>18&63))&
		(b[4]>>(p>>24&63))&
		(b[5]>>(p>>30&63))&
		(b[6]>>(p>>36&63))&
		(b[7]>>(p>>42&63))&1 != 0
}
