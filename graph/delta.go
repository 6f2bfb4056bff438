package graph

import (
	"iter"
	"maps"
	"slices"
)

// A Delta is a change of the sum: counters by key, signed. The zero value is
// no change. A Delta is not safe for concurrent use.
//
// It has two forms. A loose one is a list, cheap to make and to merge, in which
// a key may occur several times, to be added up; its elements are never changed,
// so that lists may share them. What needs one place for each key sums it first.
type Delta struct {
	cells  [][]cell // loose, with any counters
	counts [][]count
	n      int            // loose cells and counts
	sums   map[Key]*Stats // summed; if not nil there is nothing loose
}

type cell struct {
	key   Key
	stats Stats
}

// A count is a cell in which only Calls is not zero, as most are.
type count struct {
	key   Key
	calls int64
}

// Grow makes room for so many calls of Append and of Count.
func (d *Delta) Grow(cells, counts int) {
	if d.sums == nil {
		d.cells = append(d.cells, make([]cell, 0, cells))
		d.counts = append(d.counts, make([]count, 0, counts))
	}
}

// Append adds s to the counters of k. The sketches of s are d's from then on.
func (d *Delta) Append(k Key, s Stats) {
	if d.sums != nil {
		d.At(k).Add(&s)
		return
	}
	d.cells = appendLast(d.cells, cell{k, s})
	d.n++
}

// Count adds n to the calls of k.
func (d *Delta) Count(k Key, n int64) {
	if d.sums != nil {
		d.At(k).Calls += n
		return
	}
	d.counts = appendLast(d.counts, count{k, n})
	d.n++
}

func appendLast[T any](lists [][]T, v T) [][]T {
	if len(lists) == 0 {
		lists = append(lists, nil)
	}
	last := &lists[len(lists)-1]
	*last = append(*last, v)
	return lists
}

// At returns the counters of k for the caller to change, made if new.
func (d *Delta) At(k Key) *Stats {
	d.sum()
	s := d.sums[k]
	if s == nil {
		s = new(Stats)
		d.sums[k] = s
	}
	return s
}

// sum brings d into the form that has each key once.
func (d *Delta) sum() {
	if d.sums != nil {
		return
	}
	sums, room := make(map[Key]*Stats, d.n), make([]Stats, 0, d.n)
	for k, s := range d.Cells() {
		t := sums[k]
		if t == nil {
			room = append(room, Stats{})
			t = &room[len(room)-1]
			sums[k] = t
		}
		t.Add(s)
	}
	*d = Delta{sums: sums}
}

// maxLoose is how many cells Merge leaves in a list: what a busy fleet changes
// in a few seconds. A longer one is summed, so that it grows with the keys that
// change and not with the changes.
const maxLoose = 1 << 19

// Merge adds o to d. What either becomes afterwards does not change the other.
func (d *Delta) Merge(o *Delta) {
	if d.sums == nil && o.sums == nil && d.n+o.n <= maxLoose {
		d.cells = appendClipped(d.cells, o.cells)
		d.counts = appendClipped(d.counts, o.counts)
		d.n += o.n
		return
	}
	d.sum()
	for k, s := range o.Cells() {
		d.At(k).Add(s)
	}
}

// appendClipped leaves no room behind the lists of o, which o may fill.
func appendClipped[T any](to, o [][]T) [][]T {
	for _, list := range o {
		to = append(to, slices.Clip(list))
	}
	return to
}

// Negate returns the inverse of d.
func (d *Delta) Negate() *Delta {
	n := new(Delta)
	for k, s := range d.Cells() {
		n.At(k).Sub(s)
	}
	return n
}

// Prune drops counters that are all zero.
func (d *Delta) Prune() {
	d.sum()
	maps.DeleteFunc(d.sums, func(_ Key, s *Stats) bool { return s.IsZero() })
}

// Len returns the number of keys, those with zero counters included; a key that
// was appended, counted or merged several times may count as often.
func (d *Delta) Len() int { return d.n + len(d.sums) }

// Cells yields the counters in no particular order. Those of one key may come in
// several parts. They are valid until the next ones are yielded.
func (d *Delta) Cells() iter.Seq2[Key, *Stats] {
	return func(yield func(Key, *Stats) bool) {
		for k, s := range d.Vectors() {
			if !yield(k, s) {
				return
			}
		}
		var s Stats
		for k, n := range d.Counts() {
			s = Stats{Calls: n}
			if !yield(k, &s) {
				return
			}
		}
	}
}

// Vectors yields the part of Cells that Counts does not yield. The counters are
// valid until d is changed.
func (d *Delta) Vectors() iter.Seq2[Key, *Stats] {
	return func(yield func(Key, *Stats) bool) {
		for _, list := range d.cells {
			for i := range list {
				if !yield(list[i].key, &list[i].stats) {
					return
				}
			}
		}
		for k, s := range d.sums {
			if !yield(k, s) {
				return
			}
		}
	}
}

// Counts yields the part of Cells in which only Calls is known not to be zero.
func (d *Delta) Counts() iter.Seq2[Key, int64] {
	return func(yield func(Key, int64) bool) {
		for _, list := range d.counts {
			for _, c := range list {
				if !yield(c.key, c.calls) {
					return
				}
			}
		}
	}
}

// All yields the counters in key order, each key once. It sorts: use Cells where
// order does not matter.
func (d *Delta) All() iter.Seq2[Key, *Stats] {
	return func(yield func(Key, *Stats) bool) {
		d.sum()
		for _, k := range slices.SortedFunc(maps.Keys(d.sums), Key.Compare) {
			if !yield(k, d.sums[k]) {
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
