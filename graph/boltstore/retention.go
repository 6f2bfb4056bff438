package boltstore

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// kept holds, for each level, the start of the oldest bucket that is kept whole.
// It is stored when it moves, so that a reader with other options, or a clock
// that was set back, does not take what was deleted for nothing. What lies
// before it may still be in the file, and is not read.
type kept struct {
	fine, medium, coarse graph.Instant
}

func (k *kept) of(l level) *graph.Instant {
	switch l.width {
	case graph.Fine:
		return &k.fine
	case graph.Medium:
		return &k.medium
	}
	return &k.coarse
}

func (k kept) since(l level) graph.Instant { return *k.of(l) }

// order keeps what a level has at the coarser levels too.
func (k *kept) order() {
	k.medium = max(k.medium, k.coarse)
	k.fine = max(k.fine, k.medium)
}

// keep returns what is kept at a time by the options, as far as it is not given
// up already. Edges lie on whole hours, so that a bucket of a coarser level is
// kept at the finer ones whole or not at all.
func (s *Store) keep(tx *bbolt.Tx, now time.Time) (k kept, err error) {
	for _, l := range levels() {
		retain := s.o.RetainCoarse
		switch l.width {
		case graph.Fine:
			retain = s.o.RetainFine
		case graph.Medium:
			retain = s.o.RetainMedium
		}
		stored, err := storedEdge(tx, l)
		if err != nil {
			return k, err
		}
		*k.of(l) = max(stored, graph.InstantOf(now.Add(-retain)).Floor(graph.Coarse))
	}
	k.order()
	return k, nil
}

// storedEdge returns the time before which buckets of a level are not kept
// whatever the options say.
func storedEdge(tx *bbolt.Tx, l level) (graph.Instant, error) {
	v := tx.Bucket(metaBucket).Get(l.base)
	if v == nil {
		return math.MinInt64, nil
	}
	v, err := checked(metaBucket, l.base, v)
	if err != nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("%w: retention edge", ErrDamaged)
	}
	return graph.Instant(binary.BigEndian.Uint64(v)), nil
}

// store stores the edges that moved.
func (k kept) store(tx *bbolt.Tx) error {
	for _, l := range levels() {
		stored, err := storedEdge(tx, l)
		if err != nil {
			return err
		}
		if stored == k.since(l) {
			continue
		}
		if err := put(tx, metaBucket, l.base, binary.BigEndian.AppendUint64(nil, uint64(k.since(l)))); err != nil {
			return err
		}
	}
	return nil
}

// maxTrim is how many values a commit deletes at most: some 5 MB of pages at
// 60,000 edges, ten times what it writes, in a few milliseconds.
const maxTrim = 1000

// trimmed is what a trim did.
type trimmed struct {
	pending bool // there may be more to delete
	gaveUp  int  // hours of a level given up for want of room
}

// trim moves the edges of what is kept, further than the options say if the file
// is too large, and deletes a bounded number of values before them.
func (s *Store) trim(tx *bbolt.Tx, k *kept, w *write) (t trimmed, err error) {
	if !s.trimPending && (w.giveUp || s.pressed(tx)) {
		gave, err := k.giveUp(tx, w.now)
		if err != nil {
			return t, err
		}
		if gave {
			t.gaveUp = 1
		}
	}
	if err := k.store(tx); err != nil {
		return t, err
	}
	left := maxTrim
	for _, l := range levels() {
		n, err := deleteBefore(tx, l.base, k.since(l), left)
		if err != nil {
			return t, err
		}
		left -= n
	}
	t.pending = left == 0
	return t, nil
}

// giveUp moves the edge of the finest level that has anything by its oldest
// hour, and reports whether there was anything. The present hour of the coarsest
// level is never given up.
func (k *kept) giveUp(tx *bbolt.Tx, now time.Time) (bool, error) {
	for _, l := range levels() {
		edge := k.of(l)
		first, _ := tx.Bucket(l.base).Cursor().Seek(firstKey(*edge))
		if first == nil {
			continue
		}
		p, err := readPlace(first)
		if err != nil {
			return false, err
		}
		hour := p.bucket.Floor(graph.Coarse)
		if l.width == graph.Coarse && hour >= graph.InstantOf(now).Floor(graph.Coarse) {
			return false, nil
		}
		*edge = hour + graph.Instant(graph.Coarse)
		k.order()
		return true, nil
	}
	return false, nil
}

// deleteBefore deletes values of a bucket of the file that lie before an
// instant, the oldest first, up to a limit, and returns how many.
func deleteBefore(tx *bbolt.Tx, bucket []byte, edge graph.Instant, limit int) (int, error) {
	b := tx.Bucket(bucket)
	var keys [][]byte // gathered first: a cursor is not valid across deletions
	c := b.Cursor()
	for k, _ := c.First(); k != nil && len(keys) < limit; k, _ = c.Next() {
		p, err := readPlace(k)
		if err != nil {
			return 0, err
		}
		if p.bucket >= edge {
			break
		}
		keys = append(keys, append([]byte(nil), k...))
	}
	for _, k := range keys {
		if err := b.Delete(k); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}
