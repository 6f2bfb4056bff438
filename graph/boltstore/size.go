package boltstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

// Stats are the state of a store.
type Stats struct {
	// Bytes is the size of the file; FreeBytes of them hold nothing and are used
	// before the file grows. A file shrinks only when it is compacted.
	Bytes, FreeBytes int64
	// OldestRead is the age of the read transaction that is open longest.
	OldestRead time.Duration
	// DroppedLate counts rows, since Open, that changed buckets older than every
	// level keeps; DroppedHours counts hours of a level that were given up
	// because the file neared its bound.
	DroppedLate, DroppedHours uint64
	// Unfolded is how many pages wait to be folded.
	Unfolded int
}

// Stats returns the state. It does not wait for a commit.
func (s *Store) Stats() Stats {
	return Stats{
		Bytes:        s.Size(),
		FreeBytes:    s.free(),
		OldestRead:   s.readers.oldest(),
		DroppedLate:  s.dropped.late.Load(),
		DroppedHours: s.dropped.hours.Load(),
		Unfolded:     int(s.unfolded.Load()),
	}
}

// Size returns the bytes of the file, 0 if it is gone.
func (s *Store) Size() int64 {
	n, _ := sizeOf(s.path)
	return n
}

// free returns the bytes of the file that hold nothing, as of the last commit.
func (s *Store) free() int64 {
	st := s.db.Stats()
	return int64(st.FreePageN+st.PendingPageN) * int64(s.db.Info().PageSize)
}

// Dropped returns how many rows since Open changed buckets that are behind the
// retention of every level, and so were dropped.
func (s *Store) Dropped() uint64 { return s.dropped.late.Load() }

// pressed reports whether the file nears its bound: the last eighth, and as much
// of it free, is for what commits write, and for gaps that are too small.
func (s *Store) pressed(tx *bbolt.Tx) bool {
	eighth, size, free := s.o.MaxBytes/8, tx.Size(), s.free()
	return eighth > 0 && (size-free > 7*eighth || size > 7*eighth && free < eighth)
}

// fence returns the size that bbolt must not exceed, 0 for none: the bound, or,
// for a file that was larger before, what it needs in order to delete.
func fence(path string, bound int64) (int64, error) {
	if bound <= 0 {
		return 0, nil
	}
	size, err := sizeOf(path)
	if err != nil || size <= bound {
		return bound, err
	}
	return size + bound/8, nil
}

// Shrink gives up the finest history, the oldest first, until a number of bytes
// of the file that held something hold nothing, and returns how many there are.
// They are used before the file grows; to give them back to the disk takes
// Compact. It commits several times, each bounded as in Apply.
func (s *Store) Shrink(ctx context.Context, bytes int64) (freed int64, err error) {
	before := s.free()
	for did := true; did && freed < bytes; freed = s.free() - before {
		s.writing.Lock()
		did, err = s.shrinkOnce()
		s.writing.Unlock()
		if err := errors.Join(err, ctx.Err()); err != nil {
			return s.free() - before, fmt.Errorf("boltstore: shrink: %w", err)
		}
	}
	return freed, nil
}

// shrinkOnce deletes what one commit may, gives up an hour if there is nothing
// to delete, and reports whether it did something. The caller holds s.writing.
func (s *Store) shrinkOnce() (did bool, err error) {
	w := s.begin()
	w.giveUp, w.trimOnly = !s.trimPending, true
	pending := s.trimPending
	if err := s.update(w, nil); err != nil {
		return false, err
	}
	return pending || w.trimmed.gaveUp > 0, nil
}
