package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	// initialMap is mapped ahead, so that a growing file rarely has to wait for
	// readers to let go of the old mapping.
	initialMap = 1 << 30
	fileMode   = 0o600
	// maxAlloc is by how much a file grows at once, a 32nd of a bound that is
	// small.
	maxAlloc = 16 << 20
)

// Open opens the file, made if it is missing. A file of an older format is
// rewritten, which takes as long as to write it anew. One that is damaged is set
// aside under another name: see Notice.
func Open(path string, o Options) (_ *Store, err error) {
	o.fill()
	notice, err := examine(path, o)
	if err != nil {
		return nil, fmt.Errorf("boltstore: open %s: %w", path, err)
	}
	s, err := openOrCreate(path, o)
	if errors.Is(err, ErrDamaged) {
		if notice, err = setAside(path, o, err); err != nil {
			return nil, fmt.Errorf("boltstore: open %s: %w", path, err)
		}
		s, err = openOrCreate(path, o)
	}
	if err != nil {
		return nil, err
	}
	s.notice = notice
	if err := writeMarker(path); err != nil {
		return nil, errors.Join(fmt.Errorf("boltstore: open %s: %w", path, err), s.db.Close())
	}
	s.marked = true
	return s, nil
}

func openOrCreate(path string, o Options) (*Store, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := create(path, o); err != nil {
			return nil, fmt.Errorf("boltstore: create %s: %w", path, err)
		}
	}
	db, version, err := openDB(path, o, false)
	if err != nil {
		return nil, err
	}
	if version < formatVersion {
		err := errors.Join(replace(db, path), db.Close())
		if err != nil {
			return nil, fmt.Errorf("boltstore: rewrite %s of format %d: %w", path, version, err)
		}
		if db, _, err = openDB(path, o, false); err != nil {
			return nil, err
		}
	}
	return newStore(db, path, o)
}

// OpenReadOnly opens an existing file for reading. Several readers may have it
// open, but no writer. Of a file of an older format it reads a copy in the
// folder for temporary files.
func OpenReadOnly(path string, o Options) (*Store, error) {
	o.fill()
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("boltstore: open: %w", err)
	}
	db, version, err := openDB(path, o, true)
	if err != nil {
		return nil, err
	}
	if version < formatVersion {
		if db, err = openCopy(db, o); err != nil {
			return nil, fmt.Errorf("boltstore: copy %s of format %d: %w", path, version, err)
		}
	}
	return newStore(db, path, o)
}

// openCopy opens a copy of db in the format of today, and closes db. The copy
// has no name once it is open.
func openCopy(db *bbolt.DB, o Options) (_ *bbolt.DB, err error) {
	defer func() { err = errors.Join(err, db.Close()) }()
	dir, err := os.MkdirTemp("", "graphctl-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "graph.db")
	if err := rewrite(db, path); err != nil {
		return nil, err
	}
	c, _, err := openDB(path, o, true)
	return c, err
}

// create makes the file under another name first: bbolt's first write is not
// safe against a crash.
func create(path string, o Options) error {
	tmp := path + newSuffix
	db, err := createDB(tmp)
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return rename(tmp, path)
}

// newSuffix ends the name of a file that is being made.
const newSuffix = ".new"

// createDB makes an empty file in place of what is there.
func createDB(path string) (*bbolt.DB, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return nil, err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		for _, name := range append(levelBuckets(), metaBucket, progressBucket, namesBucket) {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(metaBucket).Put(formatKey, binary.BigEndian.AppendUint32(nil, formatVersion))
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// rename renames a file so that a power cut leaves the old or the new one.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return syncDir(filepath.Dir(to))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// openDB opens a file and reads its format.
func openDB(path string, o Options, readOnly bool) (_ *bbolt.DB, version uint32, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true)) // of a file that was cut
	defer guard(&err, "open "+path)
	limit, err := fence(path, o.MaxBytes)
	if err != nil {
		return nil, 0, fmt.Errorf("boltstore: open: %w", err)
	}
	db, err := bbolt.Open(path, fileMode, &bbolt.Options{
		Timeout:         o.LockTimeout,
		ReadOnly:        readOnly,
		InitialMmapSize: initialMap,
		FreelistType:    bbolt.FreelistMapType,
		MaxSize:         int(limit),
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, 0, fmt.Errorf("boltstore: open %s: %w", path, ErrLocked)
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, 0, fmt.Errorf("boltstore: open %s: %w: %w", path, ErrDamaged, err)
	case err != nil:
		return nil, 0, fmt.Errorf("boltstore: open %s: %w", path, err)
	}
	if o.MaxBytes > 0 {
		db.AllocSize = int(min(maxAlloc, o.MaxBytes/32))
	}
	err = db.View(func(tx *bbolt.Tx) error {
		version, err = readFormat(tx)
		return err
	})
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("boltstore: open %s: %w", path, err), db.Close())
	}
	return db, version, nil
}

// readFormat returns the version of the format, and an error for one that is not
// known or if parts are missing.
func readFormat(tx *bbolt.Tx) (uint32, error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return 0, fmt.Errorf("%w: no format", ErrDamaged)
	}
	v := meta.Get(formatKey)
	if len(v) != 4 {
		return 0, fmt.Errorf("%w: no format", ErrDamaged)
	}
	n := binary.BigEndian.Uint32(v)
	if n > formatVersion {
		return 0, fmt.Errorf("%w: it has format %d, this program knows up to %d", ErrNewer, n, formatVersion)
	}
	for _, name := range append(levelBuckets(), progressBucket, namesBucket) {
		if tx.Bucket(name) == nil {
			return 0, fmt.Errorf("%w: bucket %q is missing", ErrDamaged, name)
		}
	}
	return n, nil
}

// newStore reads what a store holds in memory. On error db is closed.
func newStore(db *bbolt.DB, path string, o Options) (_ *Store, err error) {
	s := &Store{db: db, path: path, o: o, runs: newRunCache()}
	err = s.view("open "+path, func(tx *bbolt.Tx) error {
		if err := s.dict.load(tx.Bucket(namesBucket)); err != nil || db.IsReadOnly() {
			return err
		}
		return s.backlog.load(tx, o.Now())
	})
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.unfolded.Store(int64(s.backlog.len()))
	return s, nil
}

// Close implements graph.Store.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("boltstore: close: %w", err)
	}
	if !s.marked {
		return nil
	}
	s.marked = false
	if err := removeMarker(s.path); err != nil {
		return fmt.Errorf("boltstore: close: %w", err)
	}
	return nil
}
