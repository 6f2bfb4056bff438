// Package boltstore is the [graph.Store] on disk, in one bbolt file.
//
// Every delta is written once, as pages: blocks of rows filed under the bucket
// of event time that they change. Rows are parted into shards of 1,024 names.
// Each commit folds the pages of a few shards: adds them to the stored sums
// (bases) of their 10 s, 1 min and 1 h bucket and deletes them, all in one
// transaction. The sum of a bucket at any resolution is therefore its base plus
// the pages that lie in it, so that an amendment shows everywhere from its
// commit on, and a commit costs in proportion to what it writes.
// docs/format.md has every byte.
//
// Each value ends in a checksum over its bucket, key and bytes, checked on
// every read: a damaged file gives ErrDamaged and never a wrong graph. After a
// stop that may have torn the file Open has it verified first.
//
// A file is open in one process at a time. Methods may be called in parallel;
// no read transaction outlives the call that began it.
package boltstore

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// formatVersion is that of the files written. A program refuses a higher one.
const formatVersion = 2

// Errors that callers can test for.
var (
	// ErrLocked is returned by Open when another process has the file open.
	ErrLocked = errors.New("database is in use by another process")
	// ErrNewer is returned by Open for a file of a later format.
	ErrNewer = errors.New("database was written by a newer version")
	// ErrDamaged is returned when something in the file is not what was written.
	ErrDamaged = errors.New("database is damaged")
	// ErrUnaligned is returned by Apply for a key that is not the start of a bucket.
	ErrUnaligned = errors.New("bucket of a key is not aligned")
	// ErrFull is returned by Apply when the file may not grow and nothing more can
	// be given up. What is kept can be read; commits succeed again once there is
	// room.
	ErrFull = errors.New("database has reached its size")
)

// Options of a Store. The zero value selects the defaults.
type Options struct {
	// RetainFine, RetainMedium and RetainCoarse are how long buckets of 10 s,
	// 1 min and 1 h are kept: 6 h, 3 days, 400 days.
	RetainFine, RetainMedium, RetainCoarse time.Duration
	// MaxBytes bounds the file: 0 does not. When it nears the bound the finest
	// history is given up, the oldest first. Below 64 MiB little is kept.
	MaxBytes int64
	// FoldEvery is the time between two folds of a shard: 30 s.
	FoldEvery time.Duration
	// LockTimeout is how long Open waits for another process: 1 s.
	LockTimeout time.Duration
	// Verify checks a file that may be torn, before it is opened; an error sets
	// the file aside. It should run in another process: damage may make bbolt
	// panic, or loop. Nil: the function Verify, without a limit.
	Verify func(path string) error
	// Now is the clock that retention and folding go by; nil: the system's.
	Now func() time.Time
}

func (o *Options) fill() {
	defaults := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	defaults(&o.RetainFine, 6*time.Hour)
	defaults(&o.RetainMedium, 3*24*time.Hour)
	defaults(&o.RetainCoarse, 400*24*time.Hour)
	defaults(&o.FoldEvery, 30*time.Second)
	defaults(&o.LockTimeout, time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
}

// A Store is made by Open or OpenReadOnly.
type Store struct {
	db   *bbolt.DB
	path string
	o    Options

	notice *Notice // of Open, nil if all was well
	marked bool    // a marker file says that it is open

	writing     sync.Mutex // held by writers; guards what follows
	backlog     backlog
	folder      folder
	stale       bool // a commit failed: what the file holds is not known
	trimPending bool
	unfolded    atomic.Int64 // pages in backlog

	dropped struct{ late, hours atomic.Uint64 }
	readers readers
	runs    *runCache

	mu   sync.RWMutex
	dict dictionary
}

var (
	_ graph.Store      = (*Store)(nil)
	_ graph.CellReader = (*Store)(nil)
)

// Buckets of the file.
var (
	metaBucket     = []byte("meta")
	progressBucket = []byte("progress")
	namesBucket    = []byte("names")
	formatKey      = []byte("format")
)

// guard turns a panic or a memory fault inside bbolt, which a damaged file can
// cause, into ErrDamaged.
func guard(err *error, doing string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("boltstore: %s: %w: %v", doing, ErrDamaged, p)
	}
}

// view runs f in a read transaction.
func (s *Store) view(doing string, f func(*bbolt.Tx) error) (err error) {
	defer s.readers.enter()()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err, doing)
	if err := s.db.View(f); err != nil {
		return fmt.Errorf("boltstore: %s: %w", doing, err)
	}
	return nil
}
