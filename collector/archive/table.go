package archive

import "math/bits"

// minSlots is the size of the smallest table: 16 KiB.
const minSlots = 1 << 10

// A seed makes hashes that nobody outside can foresee.
type seed [2]uint64

func (s seed) hash(low uint64) uint64 {
	hi, lo := bits.Mul64(low^s[0], s[1])
	return hi ^ lo
}

// A table says where the newest record of each trace of the open segment begins.
// It is addressed by the upper bits of the hash and probed in line; it has no
// pointers. It is empty if only its seed is set.
type table struct {
	seed  seed
	slots []entry // a power of two
	shift int     // of the hash
	count int
}

// An entry is a trace and the place of its record; in a table the place plus
// one, where 0 is a free slot.
type entry struct {
	low uint64
	at  uint32
}

// find returns the place of the trace, whose hash is h.
func (t *table) find(h, low uint64) (at uint32, ok bool) {
	if t.count == 0 {
		return 0, false
	}
	s := t.slot(h, low)
	return s.at - 1, s.at != 0
}

// slot returns the slot of the trace, or the free one where it belongs.
func (t *table) slot(h, low uint64) *entry {
	for i := h >> t.shift; ; i++ {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		if s.at == 0 || s.low == low {
			return s
		}
	}
}

// put notes the place of the trace, whose hash is h.
func (t *table) put(h, low uint64, at uint32) {
	if t.count >= len(t.slots)/4*3 {
		t.grow()
	}
	s := t.slot(h, low)
	if s.at == 0 {
		t.count++
	}
	*s = entry{low, at + 1}
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]entry, max(2*len(old), minSlots))
	t.shift = 64 - bits.TrailingZeros(uint(len(t.slots)))
	for _, e := range old {
		if e.at != 0 {
			*t.slot(t.seed.hash(e.low), e.low) = e
		}
	}
}

// clear empties the table, which keeps its size.
func (t *table) clear() {
	clear(t.slots)
	t.count = 0
}

// sorted returns traces and places in the order of the traces.
func (t *table) sorted() []entry {
	all := make([]entry, 0, 2*t.count)
	for _, e := range t.slots {
		if e.at != 0 {
			all = append(all, entry{e.low, e.at - 1})
		}
	}
	return sortEntries(all, all[t.count:2*t.count])
}

// sortEntries sorts by trace, eight bits a pass from the lowest, with spare of
// the same length to move things to, and returns the one of the two in which the
// result is. Passes in which all agree are left out.
func sortEntries(all, spare []entry) []entry {
	var counts [8][256]int
	for _, e := range all {
		for digit := range counts {
			counts[digit][byte(e.low>>(8*digit))]++
		}
	}
	for digit := range counts {
		shift, starts := 8*digit, &counts[digit]
		if len(all) > 0 && starts[byte(all[0].low>>shift)] == len(all) {
			continue
		}
		sum := 0
		for i, n := range starts {
			starts[i] = sum
			sum += n
		}
		for _, e := range all {
			d := byte(e.low >> shift)
			spare[starts[d]] = e
			starts[d]++
		}
		all, spare = spare, all
	}
	return all
}
