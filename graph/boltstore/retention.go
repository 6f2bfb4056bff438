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
// It is stored when buckets are deleted, so that a reader with other options, or
// a clock that was set back, does not take what was deleted for nothing.
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

// keep returns what is kept at a time by the options, as far as it is not
// deleted already. Edges lie on whole hours, so that a bucket of a coarser level
// is kept at the finer ones whole or not at all.
func (s *Store) keep(tx *bbolt.Tx, now time.Time) (k kept, err error) {
	for _, l := range []level{fine, medium, coarse} {
		retain := s.o.RetainCoarse
		switch l.width {
		case graph.Fine:
			retain = s.o.RetainFine
		case graph.Medium:
			retain = s.o.RetainMedium
		}
		deleted, err := deletedBefore(tx, l)
		if err != nil {
			return k, err
		}
		*k.of(l) = max(deleted, graph.InstantOf(now.Add(-retain)).Floor(graph.Coarse))
	}
	return k, nil
}

// deletedBefore returns the time before which buckets of a level were deleted.
func deletedBefore(tx *bbolt.Tx, l level) (graph.Instant, error) {
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

// enforce deletes the buckets that are not kept and stores the edges.
func (k kept) enforce(tx *bbolt.Tx) error {
	for _, l := range []level{fine, medium, coarse} {
		if err := remove(tx, l.base, math.MinInt64, k.since(l)); err != nil {
			return err
		}
		if err := put(tx, metaBucket, l.base, binary.BigEndian.AppendUint64(nil, uint64(k.since(l)))); err != nil {
			return err
		}
	}
	return nil
}

// Dropped returns how many rows since Open changed buckets that are behind the
// retention of every level, and so were dropped.
func (s *Store) Dropped() uint64 { return s.dropped.Load() }
