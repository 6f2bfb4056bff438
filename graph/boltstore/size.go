package boltstore

import (
	"context"
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

// Size returns the bytes of the file, free pages included.
func (s *Store) Size() (bytes int64) {
	_ = s.db.View(func(tx *bbolt.Tx) error { bytes = tx.Size(); return nil }) // 0 once closed
	return bytes
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
func (s *Store) pressed() bool {
	eighth := s.o.MaxBytes / 8
	return eighth > 0 && s.Size() > 7*eighth && s.free() < eighth
}

// Shrink gives up the finest history, the oldest first, until a number of bytes
// of the file that held something hold nothing, and returns how many there are.
// They are used before the file grows; to give them back to the disk takes
// Compact. It commits several times, each bounded as in Apply.
func (s *Store) Shrink(ctx context.Context, bytes int64) (freed int64, err error) {
	defer guard(&err, "shrink")
	before := s.free()
	for {
		more, err := s.shrinkOnce()
		if freed = s.free() - before; err != nil || !more || freed >= bytes {
			return freed, err
		}
		if err := ctx.Err(); err != nil {
			return freed, fmt.Errorf("boltstore: shrink: %w", err)
		}
	}
}

// shrinkOnce deletes what one commit may, gives up an hour if there is nothing
// to delete, and reports whether there may be more.
func (s *Store) shrinkOnce() (more bool, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	w := s.begin()
	w.giveUp = !s.trimPending
	if err := s.update(w, nil); err != nil {
		return false, fmt.Errorf("boltstore: shrink: %w", err)
	}
	return w.trimmed.gaveUp > 0 || w.trimmed.pending, nil
}
