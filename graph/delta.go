package graph

import (
	"iter"
	"maps"
	"slices"
)

// A Delta is a change of the sum: counters by key, signed. The zero value is
// no change. A Delta is not safe for concurrent use.
type Delta struct {
	cells map[Key]*Stats
}

// At returns the counters of k for the caller to change, made if new.
func (d *Delta) At(k Key) *Stats {
	s := d.cells[k]
	if s == nil {
		if d.cells == nil {
			d.cells = make(map[Key]*Stats)
		}
		s = new(Stats)
		d.cells[k] = s
	}
	return s
}

// Merge adds o to d. o is not changed and shares no memory with d afterwards.
func (d *Delta) Merge(o *Delta) {
	for k, s := range o.cells {
		d.At(k).Add(s)
	}
}

// Negate returns the inverse of d.
func (d *Delta) Negate() *Delta {
	n := new(Delta)
	for k, s := range d.cells {
		n.At(k).Sub(s)
	}
	return n
}

// Prune drops counters that are all zero.
func (d *Delta) Prune() {
	maps.DeleteFunc(d.cells, func(_ Key, s *Stats) bool { return s.IsZero() })
}

// Len returns the number of keys, those with zero counters included.
func (d *Delta) Len() int { return len(d.cells) }

// Cells yields the counters in no particular order.
func (d *Delta) Cells() iter.Seq2[Key, *Stats] { return maps.All(d.cells) }

// All yields the counters in key order. It sorts: use Cells where order does
// not matter.
func (d *Delta) All() iter.Seq2[Key, *Stats] {
	return func(yield func(Key, *Stats) bool) {
		for _, k := range slices.SortedFunc(maps.Keys(d.cells), Key.Compare) {
			if !yield(k, d.cells[k]) {
				return
			}
		}
	}
}

// Equal reports whether d and o are the same change; counters that are all
// zero count as absent.
func (d *Delta) Equal(o *Delta) bool {
	diff := o.Negate()
	diff.Merge(d)
	diff.Prune()
	return diff.Len() == 0
}

// An Origin names a source of batches: one lane of one epoch. A new epoch
// begins when the lane's history was lost, so that its sequence starts anew.
type Origin struct {
	Lane  uint32
	Epoch uint64
}

// A Batch is a delta with an identity: a store applies each (Origin, Seq) once.
// Seq starts at 1 and rises by any amount.
type Batch struct {
	Origin Origin
	Seq    uint64
	Delta  *Delta
}
