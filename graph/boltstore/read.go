package boltstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// ErrWindow is returned by Read for a window that ends before it begins.
var ErrWindow = errors.New("window ends before it begins")

// Read implements graph.Store. A bound is widened outward to the finest bucket
// kept there. When a node or edge was first and last seen is known to buckets of
// 10 s in windows up to 10 min, of 1 min in those up to 6 h, of 1 h in longer
// ones and in those without bounds.
//
// Shards are summed in parallel, each from the buckets that are the least to
// read: those inside the window, or a wider one less those outside.
func (s *Store) Read(ctx context.Context, q graph.Query) (*graph.Graph, error) {
	if q.From != 0 && q.To != 0 && q.From > q.To {
		return nil, fmt.Errorf("boltstore: read: %w", ErrWindow)
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("boltstore: read: %w", err)
	}
	b := graph.NewBuilder(q.Filter)
	var p *plan
	err := s.parallel("read", func(tx *bbolt.Tx) (err error) {
		p, err = s.plan(tx, q)
		return err
	}, func(tx *bbolt.Tx) error {
		if p == nil {
			return nil
		}
		return p.work(ctx, tx, b)
	})
	switch {
	case err != nil:
		return nil, err
	case p == nil:
		return b.Graph(0, 0, 0), nil
	}
	return b.Graph(p.from, p.to, p.resolution), nil
}

// plan returns what to read for q, nil if nothing is kept.
func (s *Store) plan(tx *bbolt.Tx, q graph.Query) (*plan, error) {
	k, err := s.keep(tx, s.o.Now())
	if err != nil {
		return nil, err
	}
	first, last, found, err := k.extent(tx)
	if !found || err != nil {
		return nil, err
	}
	p := &plan{}
	p.names, p.groups = s.names()
	var parts []part
	p.from, p.to, parts = k.window(q, first, last)
	p.resolution = k.finest(p.from).width
	for _, part := range parts {
		p.resolution = max(p.resolution, part.width)
		if err := p.see(tx, part); err != nil {
			return nil, err
		}
	}
	begin, end := max(p.from, first.Floor(graph.Coarse)), min(p.to, last.Ceil(graph.Coarse))
	terms, err := k.cover(tx, begin, end)
	if err != nil {
		return nil, err
	}
	p.terms, p.runs = runsOf(terms)
	p.cache = s.runs
	p.hours = span{p.from.Floor(graph.Coarse), p.to.Ceil(graph.Coarse)}
	if p.evidence, err = starts(tx, coarse.base, p.hours.from, p.hours.to); err != nil {
		return nil, err
	}
	p.pages, err = pagesOf(tx, p.hours.from, p.hours.to)
	return p, err
}

// pagesOf lists the pages of buckets in [from, to) by shard.
func pagesOf(tx *bbolt.Tx, from, to graph.Instant) (map[shard][]page, error) {
	list := map[shard][]page{}
	for _, bucket := range [][]byte{pagesBucket, hourPagesBucket} {
		c := tx.Bucket(bucket).Cursor()
		for k, _ := c.Seek(firstKey(from)); k != nil; k, _ = c.Next() {
			p, err := readPlace(k)
			if err != nil {
				return nil, err
			}
			if p.bucket >= to {
				break
			}
			if p.part == counters {
				sh := shard{p.class, p.shard}
				list[sh] = append(list[sh], page{bucket: p.bucket, commit: p.commit, coarse: &bucket[0] == &hourPagesBucket[0]})
			}
		}
	}
	return list, nil
}

// extent returns the bounds of everything kept: the start of the first bucket,
// and the end of the last one at the finest level that has any.
func (k kept) extent(tx *bbolt.Tx) (from, to graph.Instant, found bool, err error) {
	from, to = math.MaxInt64, math.MinInt64
	var width time.Duration // of the level that to was taken from
	for _, l := range []struct {
		level
		since graph.Instant
	}{{level{graph.Fine, pagesBucket}, math.MinInt64}, {fine, k.fine}, {medium, k.medium}, {coarse, k.coarse}} {
		c := tx.Bucket(l.base).Cursor()
		key, _ := c.Seek(firstKey(l.since))
		if key == nil {
			continue
		}
		first, err := readPlace(key)
		if err != nil {
			return 0, 0, false, err
		}
		key, _ = c.Last()
		last, err := readPlace(key)
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
