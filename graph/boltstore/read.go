package boltstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// ErrWindow is returned by Read for a window that ends before it begins.
var ErrWindow = errors.New("window ends before it begins")

// Read implements graph.Store. A bound is widened outward to the finest bucket
// kept there. Between the bounds the widest buckets are read that fit: of 10 s
// in windows up to 10 min, up to 1 min in those up to 6 h, up to 1 h in longer
// ones and in those without bounds.
func (s *Store) Read(ctx context.Context, q graph.Query) (*graph.Graph, error) {
	if q.From != 0 && q.To != 0 && q.From > q.To {
		return nil, fmt.Errorf("boltstore: read: %w", ErrWindow)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("boltstore: read: %w", err)
	}
	b := graph.NewBuilder(q.Filter)
	var g *graph.Graph
	err := s.view("read", func(tx *bbolt.Tx) error {
		names := s.names()
		first, last, found, err := extent(tx)
		if err != nil {
			return err
		}
		if !found {
			g = b.Graph(0, 0, 0)
			return nil
		}
		k, err := s.keep(tx, s.o.Now())
		if err != nil {
			return err
		}
		from, to, parts := k.window(q, first, last)
		resolution := k.finest(from).width
		for _, part := range parts {
			resolution = max(resolution, part.width)
			err = eachCell(ctx, tx, part.level, pagesBucket, part.from, part.to, anyClass, func(c cell) bool {
				b.Cell(c.key(names), c.stats, clip(part.width, c.bucket, to))
				return true
			})
			if err != nil {
				return err
			}
		}
		evidence, err := readEvidence(tx, from.Floor(graph.Coarse), to.Ceil(graph.Coarse), ctx)
		if err != nil {
			return err
		}
		for id, n := range evidence {
			b.Evidence(names[id].subject.Value(), n)
		}
		g = b.Graph(from, to, resolution)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return g, nil
}

// clip is the width of a bucket that may reach beyond the end of what is kept.
func clip(width time.Duration, bucket, to graph.Instant) time.Duration {
	return min(width, time.Duration(to-bucket))
}

// extent returns the bounds of everything kept: the start of the first bucket,
// and the end of the last one at the finest level that has any.
func extent(tx *bbolt.Tx) (from, to graph.Instant, found bool, err error) {
	from, to = math.MaxInt64, math.MinInt64
	var width time.Duration // of the level that to was taken from
	for _, l := range []level{{graph.Fine, pagesBucket}, fine, medium, coarse} {
		c := tx.Bucket(l.base).Cursor()
		k, _ := c.First()
		if k == nil {
			continue
		}
		first, err := readPlace(k)
		if err != nil {
			return 0, 0, false, err
		}
		k, _ = c.Last()
		last, err := readPlace(k)
		if err != nil {
			return 0, 0, false, err
		}
		if !found || l.width == width {
			to, width = max(to, last.bucket+graph.Instant(l.width)), l.width
		}
		from, found = min(from, first.bucket), true
	}
	return from, to, found, nil
}

// A cell is the sum of one name in one bucket. It is valid while it is yielded.
type cell struct {
	bucket graph.Instant
	id     uint32
	stats  *graph.Stats
}

func (c cell) key(names []name) graph.Key {
	n := names[c.id]
	return graph.Key{Bucket: c.bucket, Subject: n.subject, Facets: n.facets}
}

// errStop ends a scan early.
var errStop = errors.New("stop")

// eachCell yields the sums of the buckets of a level in [from, to): the bases,
// with the pages that lie in them. It holds one bucket in memory, and only if
// there are pages in it. Cells that come to zero are left out.
func eachCell(ctx context.Context, tx *bbolt.Tx, l level, pages []byte, from, to graph.Instant, which func(place) bool, yield func(cell) bool) error {
	from, to = from.Floor(l.width), to.Ceil(l.width)
	starts, err := pageStarts(tx, pages, to)
	if err != nil {
		return err
	}
	var amended []graph.Instant // buckets with pages, ascending
	for _, t := range starts {
		if b := t.Floor(l.width); b >= from && (len(amended) == 0 || amended[len(amended)-1] != b) {
			amended = append(amended, b)
		}
	}
	plain := func(p place) bool {
		_, has := slices.BinarySearch(amended, p.bucket)
		return !has && which(p)
	}
	err = scan(tx, l.base, from, to, plain, func(p place, rows *wire.Rows) error {
		for i, id := range rows.IDs {
			if !yield(cell{p.bucket, id, &rows.Stats[i]}) {
				return errStop
			}
		}
		return ctx.Err()
	})
	for i := 0; i < len(amended) && err == nil; i++ {
		err = eachAmended(ctx, tx, l, pages, amended[i], which, yield)
	}
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// eachAmended yields the sums of one bucket that has pages.
func eachAmended(ctx context.Context, tx *bbolt.Tx, l level, pages []byte, start graph.Instant, which func(place) bool, yield func(cell) bool) error {
	total := sum{}
	if err := total.read(tx, l.base, start, start+1, which); err != nil {
		return err
	}
	if err := total.read(tx, pages, start, start+graph.Instant(l.width), which); err != nil {
		return err
	}
	for id, st := range total {
		if !st.IsZero() && !yield(cell{start, id, st}) {
			return errStop
		}
	}
	return ctx.Err()
}

// readEvidence returns the calls of every name that is no edge in the hours
// [from, to).
func readEvidence(tx *bbolt.Tx, from, to graph.Instant, ctx context.Context) (map[uint32]int64, error) {
	calls := map[uint32]int64{}
	for _, bucket := range [][]byte{coarse.base, hourPagesBucket, pagesBucket} {
		err := scan(tx, bucket, from, to, onlyOthers, func(_ place, rows *wire.Rows) error {
			for i, id := range rows.IDs {
				calls[id] += rows.Stats[i].Calls
			}
			return ctx.Err()
		})
		if err != nil {
			return nil, err
		}
	}
	return calls, nil
}

// Cells implements graph.CellReader.
func (s *Store) Cells(ctx context.Context, from, to graph.Instant, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	from, to = inRange(from), inRange(to)
	return s.view("cells", func(tx *bbolt.Tx) error {
		k, err := s.keep(tx, s.o.Now())
		if err != nil {
			return err
		}
		names := s.names()
		for _, part := range []struct {
			l        level
			from, to graph.Instant
		}{
			{coarse, from.Floor(graph.Coarse), min(to, k.medium)},
			{medium, max(from.Floor(graph.Medium), k.medium), min(to, k.fine)},
			{fine, max(from.Floor(graph.Fine), k.fine), to},
		} {
			if part.from >= part.to {
				continue
			}
			more := true
			err := eachCell(ctx, tx, part.l, pagesBucket, part.from, part.to, anyClass, func(c cell) bool {
				if !names[c.id].subject.Value().Of.Coarse() { // those come below
					more = yield(c.key(names), c.stats, part.l.width)
				}
				return more
			})
			if err != nil || !more {
				return err
			}
		}
		return coarseCells(tx, ctx, names, from, to, yield)
	})
}

// coarseCells yields the cells of coarse subjects.
func coarseCells(tx *bbolt.Tx, ctx context.Context, names []name, from, to graph.Instant, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	return eachCell(ctx, tx, coarse, hourPagesBucket, from.Floor(graph.Coarse), to, onlyOthers, func(c cell) bool {
		return !names[c.id].subject.Value().Of.Coarse() || yield(c.key(names), c.stats, graph.Coarse)
	})
}
