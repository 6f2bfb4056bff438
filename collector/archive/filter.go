package archive

import "math/bits"

const (
	// filterBits is the size of a filter for each trace that it is made for: when
	// full it says yes to 0.5 % of those that it does not hold.
	filterBits = 12
	// hintBits is the same of hints, which say yes to 18 %.
	hintBits = 4
)

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

func (f filter) add(h, p uint64) {
	b := f.block(h)
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

// Hints are a filter for one segment, asked where that of its group said yes:
// they save four of five reads in segments that do not have the trace. A trace
// has two bits of one word.
type hints []uint64

func newHints(traces int) hints { return make(hints, (traces*hintBits+63)/64) }

func (f hints) bytes() int64 { return int64(len(f)) * 8 }

// place returns the word of a trace and its bits in it; they are chosen by other
// parts of hash and pattern than those that its group has in common.
func (f hints) place(h, pattern uint64) (word *uint64, bit uint64) {
	i, _ := bits.Mul64(pattern<<16, uint64(len(f)))
	return &f[i], 1<<(h&63) | 1<<(h>>6&63)
}

func (f hints) add(h, pattern uint64) {
	word, bit := f.place(h, pattern)
	*word |= bit
}

func (f hints) has(h, pattern uint64) bool {
	word, bit := f.place(h, pattern)
	return *word&bit == bit
}
