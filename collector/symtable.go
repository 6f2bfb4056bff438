package collector

import (
	"hash/maphash"
	"sync/atomic"
)

// A symtable numbers values by a key of bytes. Readers take no lock: find and at
// may run beside one writer, which calls add under a lock of its own.
//
// Entries lie in chunks that never move. A slot holds the upper half of the
// key's hash and the number of its entry plus one; it is written after the entry
// is complete, so whoever sees the slot sees the entry.
type symtable[T any] struct {
	seed   maphash.Seed
	slots  atomic.Pointer[[]atomic.Uint64] // a power of two of them, at most half in use
	chunks atomic.Pointer[[]*symchunk[T]]
	n      int // entries; the writer's
}

const symchunkLen = 512

// Keys lie apart from values, which find does not read: sixteen bytes an entry
// stay in a cache that whole entries would not fit.
type symchunk[T any] struct {
	keys   [symchunkLen]string
	values [symchunkLen]T
}

func (t *symtable[T]) init() {
	t.seed = maphash.MakeSeed()
	slots := make([]atomic.Uint64, 256)
	t.slots.Store(&slots)
	t.chunks.Store(&[]*symchunk[T]{})
}

// find returns the number of key. It does not allocate.
func (t *symtable[T]) find(key []byte) (Sym, bool) {
	h := maphash.Bytes(t.seed, key)
	slots := *t.slots.Load()
	mask := uint64(len(slots) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		w := slots[i].Load()
		if w == 0 {
			return 0, false
		}
		if w>>32 == h>>32 {
			if y := Sym(w) - 1; t.key(y) == string(key) {
				return y, true
			}
		}
	}
}

// key returns the key of entry y, which must have been returned by find or add.
func (t *symtable[T]) key(y Sym) string {
	return (*t.chunks.Load())[y/symchunkLen].keys[y%symchunkLen]
}

// value returns the value of entry y, which must have been returned by find or add.
func (t *symtable[T]) value(y Sym) T {
	return (*t.chunks.Load())[y/symchunkLen].values[y%symchunkLen]
}

// add gives the next number to key, which must not be in the table.
func (t *symtable[T]) add(key string, v T) Sym {
	y := t.addUnnamed(key, v)
	slots := *t.slots.Load()
	if 2*t.n > len(slots) {
		slots = t.grow(2 * len(slots))
	}
	symslot(slots, maphash.String(t.seed, key), y)
	return y
}

// addUnnamed gives the next number to an entry that find does not return.
func (t *symtable[T]) addUnnamed(key string, v T) Sym {
	y := Sym(t.n)
	if t.n%symchunkLen == 0 {
		old := *t.chunks.Load()
		// A reader that holds the old slice never looks past its length, so
		// appending in place is fine.
		grown := append(old, new(symchunk[T]))
		t.chunks.Store(&grown)
	}
	chunk := (*t.chunks.Load())[y/symchunkLen]
	chunk.keys[y%symchunkLen], chunk.values[y%symchunkLen] = key, v
	t.n++
	return y
}

// grow copies the slots into n new ones and publishes them.
func (t *symtable[T]) grow(n int) []atomic.Uint64 {
	slots := make([]atomic.Uint64, n)
	for i := range *t.slots.Load() {
		if w := (*t.slots.Load())[i].Load(); w != 0 {
			y := Sym(w) - 1
			symslot(slots, maphash.String(t.seed, t.key(y)), y)
		}
	}
	t.slots.Store(&slots)
	return slots
}

func symslot(slots []atomic.Uint64, h uint64, y Sym) {
	mask := uint64(len(slots) - 1)
	i := h & mask
	for slots[i].Load() != 0 {
		i = (i + 1) & mask
	}
	slots[i].Store(h>>32<<32 | uint64(y+1))
}
