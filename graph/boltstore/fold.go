package boltstore

import (
	"cmp"
	"slices"

	"go.etcd.io/bbolt"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// A folder adds pages of one class to bases. It reads each page once: what it
// finds for a bucket goes to that bucket's base and is gathered for the bucket
// of the next level around it.
type folder struct {
	tx    *bbolt.Tx
	pages []byte
	class class
	until graph.Instant // pages of buckets before it are folded
	into  []target      // from fine to coarse

	dropped int // rows that no target keeps
}

// A target is a level that is folded into.
type target struct {
	level
	edge graph.Instant // buckets before it are not kept
	open graph.Instant // start of the bucket that is gathered
	sum  sum           // what was gathered for it
}

// run folds the pages.
func (f *folder) run() error {
	starts, err := pageStarts(f.tx, f.pages, f.until)
	if err != nil {
		return err
	}
	for _, start := range starts {
		for i := range f.into {
			if t := &f.into[i]; t.sum != nil && start.Floor(t.width) != t.open {
				if err := f.close(i); err != nil {
					return err
				}
			}
		}
		delta := sum{}
		if err := delta.read(f.tx, f.pages, start, start+1, func(p place) bool { return p.class == f.class }); err != nil {
			return err
		}
		f.into[0].gather(start, delta)
	}
	for i := range f.into {
		if err := f.close(i); err != nil {
			return err
		}
	}
	return nil
}

// gather adds delta to the sum of the bucket that holds start. It keeps delta.
func (t *target) gather(start graph.Instant, delta sum) {
	if t.sum == nil {
		t.open, t.sum = start.Floor(t.width), delta
		return
	}
	t.sum.add(delta)
}

// close folds what was gathered at level i and hands it to the level above.
func (f *folder) close(i int) error {
	t := &f.into[i]
	delta, start := t.sum, t.open
	t.sum = nil
	if len(delta) == 0 {
		return nil
	}
	if start >= t.edge {
		if err := foldInto(f.tx, t.base, start, f.class, delta); err != nil {
			return err
		}
	}
	switch {
	case i+1 < len(f.into):
		f.into[i+1].gather(start, delta)
	case start < t.edge:
		f.dropped += len(delta)
	}
	return nil
}

// foldInto adds delta to the base of a bucket, block by block: the base of an
// hour is not held in memory but for the bytes that replace it.
func foldInto(tx *bbolt.Tx, base []byte, start graph.Instant, c class, delta sum) error {
	list := delta.entries()
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	w := blockWriter{tx: tx, bucket: base, at: place{bucket: start, class: c}, later: true}
	next := 0
	before := func(id uint32) error { // adds what delta has below id
		for ; next < len(list) && list[next].id < id; next++ {
			if err := w.add(list[next].id, list[next].stats); err != nil {
				return err
			}
		}
		return nil
	}
	only := func(p place) bool { return p.class == c }
	err := scan(tx, base, start, start+1, only, func(_ place, rows *wire.Rows) error {
		for i, id := range rows.IDs {
			if err := before(id); err != nil {
				return err
			}
			if err := w.add(id, &rows.Stats[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for ; next < len(list); next++ {
		if err := w.add(list[next].id, list[next].stats); err != nil {
			return err
		}
	}
	if err := removeClass(tx, base, start, c); err != nil {
		return err
	}
	return w.done()
}
