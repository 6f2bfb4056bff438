package boltstore

import (
	"context"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// Cells implements graph.CellReader.
func (s *Store) Cells(ctx context.Context, from, to graph.Instant, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	from, to = inRange(from), inRange(to)
	return s.view("cells", func(tx *bbolt.Tx) error {
		k, err := s.keep(tx, s.o.Now())
		if err != nil {
			return err
		}
		return s.cells(ctx, tx, from, to, []part{
			{coarse, from.Floor(graph.Coarse), min(to, k.medium).Ceil(graph.Coarse)},
			{medium, max(from.Floor(graph.Medium), k.medium), min(to, k.fine).Ceil(graph.Medium)},
			{fine, max(from.Floor(graph.Fine), k.fine), to.Ceil(graph.Fine)},
		}, yield)
	})
}

// cells yields the cells of subjects kept at all levels by parts, and those of
// coarse subjects in the hours that [from, to) touches.
func (s *Store) cells(ctx context.Context, tx *bbolt.Tx, from, to graph.Instant, parts []part, yield func(graph.Key, *graph.Stats, time.Duration) bool) (err error) {
	c := cellReader{reader: blockReader{tx: tx}, yield: yield}
	var groups []groupSet
	c.names, groups = s.names()
	hours := part{coarse, from.Floor(graph.Coarse), to.Ceil(graph.Coarse)}
	if c.pages, err = pagesOf(tx, hours.from, hours.to); err != nil {
		return err
	}
	for _, part := range parts {
		if err := c.part(ctx, part, groups, false); err != nil || c.stopped {
			return err
		}
	}
	return c.part(ctx, hours, groups, true)
}

// A cellReader yields cells.
type cellReader struct {
	reader  blockReader
	names   []name
	pages   map[shard][]page
	yield   func(graph.Key, *graph.Stats, time.Duration) bool
	stopped bool // yield wants no more
	sum     tally
}

// part yields the cells of a part, of coarse subjects or of others.
func (c *cellReader) part(ctx context.Context, part part, groups []groupSet, coarse bool) error {
	if part.from >= part.to {
		return nil
	}
	bases, err := starts(c.reader.tx, part.base, part.from, part.to)
	if err != nil {
		return err
	}
	for _, sh := range shards(groups, func(g groupSet) bool { return !coarse || g != 1<<groupEdges }) {
		var pages []page
		at := slices.Clone(bases)
		for _, p := range c.pages[sh] {
			if p.coarse == coarse && part.from <= p.bucket && p.bucket < part.to {
				pages = append(pages, p)
				at = append(at, p.bucket.Floor(part.width))
			}
		}
		slices.Sort(at)
		slices.SortFunc(pages, comparePages)
		for _, t := range slices.Compact(at) {
			if pages, err = c.bucket(part, sh, t, pages, coarse); err != nil || c.stopped {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// bucket yields the cells of a shard in the bucket at t, to which the first of
// the pages belong, and returns the other pages.
func (c *cellReader) bucket(part part, sh shard, t graph.Instant, pages []page, coarse bool) ([]page, error) {
	c.sum.reset()
	add := func(bucket []byte, at place) error {
		found, err := c.reader.read(bucket, at)
		if !found || err != nil {
			return err
		}
		return c.sum.add(sh, &c.reader.rows, 1)
	}
	if err := add(part.base, sh.of(t, 0)); err != nil {
		return nil, err
	}
	for ; len(pages) > 0 && pages[0].bucket < t+graph.Instant(part.width); pages = pages[1:] {
		if err := add(pages[0].file(), sh.of(pages[0].bucket, pages[0].commit)); err != nil {
			return nil, err
		}
	}
	for i, st := range c.sum.rows {
		n := c.names[sh.first()+i]
		if st.IsZero() || n.subject.Of().Coarse() != coarse {
			continue
		}
		if !c.yield(graph.Key{Bucket: t, Subject: n.subject, Facets: n.facets}, st, part.width) {
			c.stopped = true
			break
		}
	}
	return pages, nil
}
