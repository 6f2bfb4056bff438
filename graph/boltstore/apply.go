package boltstore

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// Apply implements graph.Store.
func (s *Store) Apply(ctx context.Context, batches []graph.Batch) (err error) {
	defer guard(&err, "apply")
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("boltstore: apply: %w", err)
	}
	now := s.o.Now()
	fold := now.Sub(s.folded) >= s.o.FoldEvery || now.Before(s.folded)
	err = s.db.Update(func(tx *bbolt.Tx) error {
		if err := s.applyBatches(tx, batches); err != nil {
			return err
		}
		if err := s.dict.write(tx.Bucket(namesBucket)); err != nil {
			return err
		}
		if fold {
			return s.fold(tx, now)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("boltstore: apply: %w", err)
	}
	s.dict.stored = len(s.dict.names)
	if fold {
		s.folded = now
	}
	return nil
}

// pageOf is where a cell is filed.
type pageOf struct {
	bucket graph.Instant
	coarse bool
	class  class
}

// applyBatches writes what is new of the batches as pages.
func (s *Store) applyBatches(tx *bbolt.Tx, batches []graph.Batch) error {
	pages := map[pageOf][]entry{}
	for i := range batches {
		b := &batches[i]
		at, err := progressOf(tx, b.Origin)
		if err != nil {
			return err
		}
		if b.Seq <= at {
			continue
		}
		if err := tx.Bucket(progressBucket).Put(originKey(b.Origin), binary.BigEndian.AppendUint64(nil, b.Seq)); err != nil {
			return err
		}
		for k, st := range b.Delta.Cells() {
			if st.IsZero() {
				continue
			}
			if !k.Aligned() {
				return ErrUnaligned
			}
			of := k.Subject.Value().Of
			p := pageOf{k.Bucket, of.Coarse(), classOf(of)}
			pages[p] = append(pages[p], entry{s.id(name{k.Subject, k.Facets}), st})
		}
	}
	if len(pages) == 0 {
		return nil
	}
	commit, err := tx.Bucket(pagesBucket).NextSequence()
	if err != nil {
		return err
	}
	for p, list := range pages {
		bucket := pagesBucket
		if p.coarse {
			bucket = hourPagesBucket
		}
		if err := writeSorted(tx, bucket, place{bucket: p.bucket, commit: commit, class: p.class}, list); err != nil {
			return err
		}
	}
	return nil
}

// fold adds the pages of closed buckets to the bases and deletes them, then
// what is older than its retention.
func (s *Store) fold(tx *bbolt.Tx, now time.Time) error {
	closed := graph.InstantOf(now).Floor(graph.Fine)
	for _, c := range []class{edges, others} {
		f := folder{tx: tx, pages: pagesBucket, class: c}
		for _, l := range []level{fine, medium, coarse} {
			f.into = append(f.into, target{level: l, edge: s.edge(l, now)})
		}
		if err := f.run(closed); err != nil {
			return err
		}
	}
	// Coarse subjects belong to one level; the open hour is folded too, or its
	// pages would be read one by one for an hour.
	f := folder{tx: tx, pages: hourPagesBucket, class: others, into: []target{{level: coarse, edge: s.edge(coarse, now)}}}
	if err := f.run(math.MaxInt64); err != nil {
		return err
	}
	if err := remove(tx, pagesBucket, math.MinInt64, closed); err != nil {
		return err
	}
	if err := remove(tx, hourPagesBucket, math.MinInt64, math.MaxInt64); err != nil {
		return err
	}
	for _, l := range []level{fine, medium, coarse} {
		if err := remove(tx, l.base, math.MinInt64, s.edge(l, now)); err != nil {
			return err
		}
	}
	return nil
}

// edge is the start of the oldest bucket of a level that is kept.
func (s *Store) edge(l level, now time.Time) graph.Instant {
	retain := s.o.RetainCoarse
	switch l.width {
	case graph.Fine:
		retain = s.o.RetainFine
	case graph.Medium:
		retain = s.o.RetainMedium
	}
	return graph.InstantOf(now.Add(-retain)).Floor(graph.Coarse)
}

// pageStarts lists the buckets that have pages, in order.
func pageStarts(tx *bbolt.Tx, pages []byte, until graph.Instant) ([]graph.Instant, error) {
	var starts []graph.Instant
	c := tx.Bucket(pages).Cursor()
	for k, _ := c.First(); k != nil; {
		p, err := readPlace(k)
		if err != nil {
			return nil, err
		}
		if p.bucket >= until {
			break
		}
		starts = append(starts, p.bucket)
		k, _ = c.Seek(firstKey(p.bucket + 1))
	}
	return starts, nil
}

// removeClass deletes the base of one class of a bucket.
func removeClass(tx *bbolt.Tx, bucket []byte, start graph.Instant, c class) error {
	cursor := tx.Bucket(bucket).Cursor()
	first := place{bucket: start, class: c}.key()
	for k, _ := cursor.Seek(first); k != nil; k, _ = cursor.Seek(first) {
		p, err := readPlace(k)
		if err != nil {
			return err
		}
		if p.bucket != start || p.class != c {
			return nil
		}
		if err := cursor.Delete(); err != nil {
			return err
		}
	}
	return nil
}
