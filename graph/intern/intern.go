// Package intern numbers values, so that they are compared, hashed and stored as
// their numbers.
//
// Numbers begin with 0, which is that of the zero value, and are dense. They are
// never given back, and mean nothing to another process. Values are kept as they
// come, also strings that are a part of a longer one.
package intern

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// A Table is made by New. What it takes beside the values is 6 to 11 bytes for
// each. Its methods may be called in parallel.
type Table[T comparable] struct {
	lists atomic.Pointer[[]*[listLen]T] // values by number, never moved

	mu    sync.RWMutex
	seed  maphash.Seed
	slots []uint32 // by hash, to be searched onward: 0 or 1 + a number
	n     uint32
}

const listLen = 1 << 9

// New returns a table that holds the zero value.
func New[T comparable]() *Table[T] {
	t := &Table[T]{seed: maphash.MakeSeed(), slots: make([]uint32, listLen)}
	t.lists.Store(new([]*[listLen]T))
	var zero T
	t.Number(zero)
	return t
}

// At returns the value of a number that Number returned. It is not to be changed.
func (t *Table[T]) At(n uint32) *T { return &(*t.lists.Load())[n/listLen][n%listLen] }

// Number returns the number of v, a new one if it has none.
func (t *Table[T]) Number(v T) uint32 {
	h := maphash.Comparable(t.seed, v)
	t.mu.RLock()
	_, n, ok := t.find(v, h)
	t.mu.RUnlock()
	if ok {
		return n
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	slot, n, ok := t.find(v, h)
	if ok {
		return n
	}
	n = t.n
	t.n++
	if n%listLen == 0 {
		lists := append(*t.lists.Load(), new([listLen]T))
		t.lists.Store(&lists)
	}
	*t.At(n) = v
	t.slots[slot] = n + 1
	if int(t.n) > len(t.slots)/4*3 {
		t.grow()
	}
	return n
}

// find returns the number of v, whose hash is h, or else its free slot.
func (t *Table[T]) find(v T, h uint64) (slot uint64, n uint32, ok bool) {
	mask := uint64(len(t.slots) - 1)
	for slot = h & mask; t.slots[slot] != 0; slot = (slot + 1) & mask {
		if n = t.slots[slot] - 1; *t.At(n) == v {
			return slot, n, true
		}
	}
	return slot, 0, false
}

func (t *Table[T]) grow() {
	slots := make([]uint32, 2*len(t.slots))
	mask := uint64(len(slots) - 1)
	for n := range t.n {
		slot := maphash.Comparable(t.seed, *t.At(n)) & mask
		for slots[slot] != 0 {
			slot = (slot + 1) & mask
		}
		slots[slot] = n + 1
	}
	t.slots = slots
}
