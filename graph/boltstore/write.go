package boltstore

import (
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"graphctl/graph"
)

// A write is one write transaction and what its commit changes in memory.
type write struct {
	s      *Store
	now    time.Time
	rows   int         // of the pages that it writes
	filed  []filedPage // those pages
	visits []visit     // what it folds
	late   int         // rows that no level keeps

	giveUp   bool // an hour although there is room
	trimOnly bool // do not fold
	trimmed  trimmed
}

// A filedPage is a page that was written.
type filedPage struct {
	shard shard
	page  page
}

// begin begins a write. The caller holds s.writing.
func (s *Store) begin() *write { return &write{s: s, now: s.o.Now()} }

// update commits w with batches.
func (s *Store) update(w *write, batches []graph.Batch) (err error) {
	defer guard(&err, "commit")
	// Until it is known to have succeeded, and if bbolt panics.
	stale := s.stale
	s.stale = true
	err = s.db.Update(func(tx *bbolt.Tx) error {
		if stale {
			if err := s.backlog.load(tx, w.now); err != nil {
				return err
			}
		}
		return w.run(tx, batches)
	})
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		err = fmt.Errorf("%w: %w", ErrFull, err)
	}
	if err != nil {
		return err
	}
	s.stale = false
	w.committed()
	return nil
}

// run does the work of a commit: the batches first, then the fold of shards that
// are due, then the deletion of what is not kept.
func (w *write) run(tx *bbolt.Tx, batches []graph.Batch) error {
	s := w.s
	if err := w.applyBatches(tx, batches); err != nil {
		return err
	}
	if err := s.dict.write(tx.Bucket(namesBucket)); err != nil {
		return err
	}
	k, err := s.keep(tx, w.now)
	if err != nil {
		return err
	}
	if w.trimmed, err = s.trim(tx, &k, w); err != nil {
		return err
	}
	if w.trimOnly {
		return nil
	}
	w.visits = s.backlog.due(w.now, s.o.FoldEvery, foldBudget(w.rows))
	if len(w.visits) == 0 {
		return nil
	}
	f := &s.folder
	f.begin(tx, k)
	for _, v := range w.visits {
		for _, p := range v.pages {
			s.runs.folding(shardHour{v.shard, p.bucket.Floor(graph.Coarse)}, tx.ID())
		}
		if err := f.fold(v.shard, v.pages); err != nil {
			return err
		}
	}
	w.late = f.late
	return nil
}

// committed takes over what the transaction did, which has been committed.
func (w *write) committed() {
	s := w.s
	s.dict.fresh = s.dict.fresh[:0]
	for _, f := range w.filed {
		s.backlog.add(f.shard, f.page, w.now)
	}
	for _, v := range w.visits {
		s.backlog.done(v, w.now)
	}
	s.dropped.late.Add(uint64(w.late))
	s.unfolded.Store(int64(s.backlog.len()))
	s.trimPending = w.trimmed.pending
	s.dropped.hours.Add(uint64(w.trimmed.gaveUp))
}
