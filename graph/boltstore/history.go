package boltstore

import (
	"context"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// Extent returns the bounds of all that is kept: from the start of the first
// bucket to the end of the last. Both are zero if nothing is.
func (s *Store) Extent(_ context.Context) (from, to graph.Instant, err error) {
	err = s.view("extent", func(tx *bbolt.Tx) error {
		k, err := s.keep(tx, s.o.Now())
		if err != nil {
			return err
		}
		first, last, found, err := k.extent(tx)
		if found {
			from, to = first, last
		}
		return err
	})
	return from, to, err
}

// CellsWithin is like Cells, but reads the widest buckets that fit into [from,
// to), are no wider than widest and begin at a multiple of their width: a long
// history costs no more than its points. Bounds are widened outward to the
// finest buckets kept there.
func (s *Store) CellsWithin(ctx context.Context, from, to graph.Instant, widest time.Duration, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	from, to = inRange(from), inRange(to)
	return s.view("history", func(tx *bbolt.Tx) error {
		k, err := s.keep(tx, s.o.Now())
		if err != nil {
			return err
		}
		first, last, found, err := k.extent(tx)
		if err != nil || !found {
			return err
		}
		begin := max(from.Floor(k.finest(from).width), first.Floor(graph.Coarse))
		end := min(to.Ceil(k.finest(to-1).width), last.Ceil(graph.Coarse))
		return s.cells(ctx, tx, from, to, k.parts(begin, end, level{width: widest}), yield)
	})
}
