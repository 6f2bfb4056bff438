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
	dropped := 0
	err = s.db.Update(func(tx *bbolt.Tx) (err error) {
		if err := s.applyBatches(tx, batches); err != nil {
			return err
		}
		if err := s.dict.write(tx.Bucket(namesBucket)); err != nil {
			return err
		}
		if fold {
			dropped, err = s.fold(tx, now)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("boltstore: apply: %w", err)
	}
	s.dict.stored = len(s.dict.names)
	s.dropped.Add(uint64(dropped))
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
		if err := put(tx, progressBucket, originKey(b.Origin), binary.BigEndian.AppendUint64(nil, b.Seq)); err != nil {
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
// what is older than its retention. It returns how many rows were behind every
// retention and so were dropped.
func (s *Store) fold(tx *bbolt.Tx, now time.Time) (dropped int, err error) {
	k, err := s.keep(tx, now)
	if err != nil {
		return 0, err
	}
	closed := graph.InstantOf(now).Floor(graph.Fine)
	for _, f := range []folder{
		{pages: pagesBucket, class: edges, until: closed, into: targets(k, fine, medium, coarse)},
		{pages: pagesBucket, class: others, until: closed, into: targets(k, fine, medium, coarse)},
		// Coarse subjects belong to one level; the open hour is folded too, or
		// its pages would be read one by one for an hour.
		{pages: hourPagesBucket, class: others, until: math.MaxInt64, into: targets(k, coarse)},
	} {
		f.tx = tx
		if err := f.run(); err != nil {
			return 0, err
		}
		dropped += f.dropped
	}
	if err := remove(tx, pagesBucket, math.MinInt64, closed); err != nil {
		return 0, err
	}
	if err := remove(tx, hourPagesBucket, math.MinInt64, math.MaxInt64); err != nil {
		return 0, err
	}
	return dropped, k.enforce(tx)
}

func targets(k kept, levels ...level) []target {
	var list []target
	for _, l := range levels {
		list = append(list, target{level: l, edge: k.since(l)})
	}
	return list
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
