// Package boltstore is the [graph.Store] on disk, in one bbolt file.
//
// Every delta is written once, as pages: blocks of rows filed under the bucket
// of event time that they change. Once a minute the pages of closed buckets are
// folded: added to the stored sums (bases) of their 10 s, 1 min and 1 h bucket
// and deleted, all in one transaction. The sum of a bucket at any resolution is
// therefore its base plus the pages that lie in it, so that an amendment shows
// everywhere from its commit on. docs/format.md has every byte.
//
// Each value ends in a checksum over its bucket, key and bytes, checked on
// every read: a damaged file gives ErrDamaged and never a wrong graph.
//
// A file is open in one process at a time. Methods may be called in parallel;
// no read transaction outlives the call that began it.
package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"graphctl/graph"
)

// formatVersion is that of the files written. A program refuses a higher one.
const formatVersion = 1

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
)

// Options of a Store. The zero value selects the defaults.
type Options struct {
	// RetainFine, RetainMedium and RetainCoarse are how long buckets of 10 s,
	// 1 min and 1 h are kept: 6 h, 3 days, 400 days.
	RetainFine, RetainMedium, RetainCoarse time.Duration
	// FoldEvery is the time between two folds: 1 min.
	FoldEvery time.Duration
	// LockTimeout is how long Open waits for another process: 1 s.
	LockTimeout time.Duration
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
	defaults(&o.FoldEvery, time.Minute)
	defaults(&o.LockTimeout, time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
}

// A Store is made by Open or OpenReadOnly.
type Store struct {
	db *bbolt.DB
	o  Options

	writing sync.Mutex // held by Apply
	folded  time.Time  // last fold, of Apply
	dropped atomic.Uint64

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

const (
	// initialMap is mapped ahead, so that a growing file rarely has to wait for
	// readers to let go of the old mapping.
	initialMap = 1 << 30
	fileMode   = 0o600
)

// Open opens the file, made if it is missing.
func Open(path string, o Options) (*Store, error) {
	o.fill()
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path, o); err != nil {
			return nil, fmt.Errorf("boltstore: create %s: %w", path, err)
		}
	}
	return open(path, o, false)
}

// OpenReadOnly opens an existing file for reading. Several readers may have it
// open, but no writer.
func OpenReadOnly(path string, o Options) (*Store, error) {
	o.fill()
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("boltstore: open: %w", err)
	}
	return open(path, o, true)
}

// create makes the file under another name first: bbolt's first write is not
// safe against a crash.
func create(path string, o Options) error {
	tmp := path + ".new"
	if err := os.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := bbolt.Open(tmp, fileMode, &bbolt.Options{Timeout: o.LockTimeout})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range append(levelBuckets(), metaBucket, progressBucket, namesBucket) {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(formatKey, binary.BigEndian.AppendUint32(nil, formatVersion))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func open(path string, o Options, readOnly bool) (_ *Store, err error) {
	defer guard(&err, "open "+path)
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{
		Timeout:         o.LockTimeout,
		ReadOnly:        readOnly,
		InitialMmapSize: initialMap,
		FreelistType:    bbolt.FreelistMapType,
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("boltstore: open %s: %w", path, ErrLocked)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, fmt.Errorf("boltstore: open %s: %w: %w", path, ErrDamaged, err)
	case err != nil:
		return nil, fmt.Errorf("boltstore: open %s: %w", path, err)
	}
	s := &Store{db: db, o: o, folded: o.Now()}
	if err := db.View(s.load); err != nil {
		db.Close()
		return nil, fmt.Errorf("boltstore: open %s: %w", path, err)
	}
	return s, nil
}

// load checks the format and reads the names.
func (s *Store) load(tx *bbolt.Tx) error {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return fmt.Errorf("%w: no format", ErrDamaged)
	}
	v := meta.Get(formatKey)
	if len(v) != 4 {
		return fmt.Errorf("%w: no format", ErrDamaged)
	}
	if n := binary.BigEndian.Uint32(v); n > formatVersion {
		return fmt.Errorf("%w: it has format %d, this program knows up to %d", ErrNewer, n, formatVersion)
	}
	for _, name := range append(levelBuckets(), progressBucket, namesBucket) {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("%w: bucket %q is missing", ErrDamaged, name)
		}
	}
	return s.dict.load(tx.Bucket(namesBucket))
}

// guard turns a panic or a memory fault inside bbolt, which a damaged file can
// cause, into ErrDamaged.
func guard(err *error, doing string) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("boltstore: %s: %w: %v", doing, ErrDamaged, p)
	}
}

// view runs f in a read transaction.
func (s *Store) view(doing string, f func(*bbolt.Tx) error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err, doing)
	if err := s.db.View(f); err != nil {
		return fmt.Errorf("boltstore: %s: %w", doing, err)
	}
	return nil
}

// Progress implements graph.Store.
func (s *Store) Progress(ctx context.Context, o graph.Origin) (seq uint64, err error) {
	err = s.view("progress", func(tx *bbolt.Tx) error {
		seq, err = progressOf(tx, o)
		return err
	})
	return seq, errors.Join(err, ctx.Err())
}

// Origins implements graph.CellReader.
func (s *Store) Origins(ctx context.Context) (map[graph.Origin]uint64, error) {
	all := map[graph.Origin]uint64{}
	err := s.view("origins", func(tx *bbolt.Tx) error {
		return tx.Bucket(progressBucket).ForEach(func(k, v []byte) error {
			seq, err := readProgress(k, v)
			if err != nil {
				return err
			}
			if len(k) != 12 {
				return fmt.Errorf("%w: progress", ErrDamaged)
			}
			o := graph.Origin{Lane: binary.BigEndian.Uint32(k), Epoch: binary.BigEndian.Uint64(k[4:])}
			all[o] = seq
			return ctx.Err()
		})
	})
	return all, err
}

func originKey(o graph.Origin) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, o.Lane), o.Epoch)
}

func progressOf(tx *bbolt.Tx, o graph.Origin) (uint64, error) {
	k := originKey(o)
	v := tx.Bucket(progressBucket).Get(k)
	if v == nil {
		return 0, nil
	}
	return readProgress(k, v)
}

func readProgress(k, v []byte) (uint64, error) {
	v, err := checked(progressBucket, k, v)
	if err != nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("%w: progress", ErrDamaged)
	}
	return binary.BigEndian.Uint64(v), nil
}

// Size returns the bytes of the file, free pages included.
func (s *Store) Size() (bytes int64) {
	_ = s.db.View(func(tx *bbolt.Tx) error { bytes = tx.Size(); return nil }) // 0 once closed
	return bytes
}

// Close implements graph.Store.
func (s *Store) Close() error { return s.db.Close() }
