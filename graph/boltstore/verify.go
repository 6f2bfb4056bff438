package boltstore

import (
	"errors"
	"fmt"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// A Report says what Verify looked at.
type Report struct {
	Format uint32 // version
	Bytes  int64  // of the file
	Names  int
	Bases  int // values that hold sums
	Pages  int // values that hold changes
}

// Verify reads a whole file, which no process may have open for writing: its
// pages, their links, and every value with its checksum and form. progress, if
// not nil, is called now and then with how many bytes of values were read. The
// error is ErrDamaged if the file is. Of a damaged file bbolt may panic, which is
// an error here, or loop: a process that must not hang runs it in another.
func Verify(path string, progress func(bytes int64)) (r Report, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer guard(&err, "verify "+path)
	if r.Bytes, err = sizeOf(path); err != nil {
		return r, fmt.Errorf("boltstore: verify: %w", err)
	}
	var o Options
	o.fill()
	db, version, err := openDB(path, o, true)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	r.Format = version
	if err := checkPages(db); err != nil {
		return r, fmt.Errorf("boltstore: verify %s: %w", path, err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		v := verifier{tx: tx, report: &r, progress: progress}
		return v.run()
	})
	if err != nil {
		return r, fmt.Errorf("boltstore: verify %s: %w", path, err)
	}
	return r, nil
}

// checkPages has bbolt check its pages. It does so in a goroutine of its own,
// where a memory fault ends the process; to read every key first, here, makes
// most of those an error.
func checkPages(db *bbolt.DB) error {
	return db.View(func(tx *bbolt.Tx) error {
		if err := tx.ForEach(func(_ []byte, b *bbolt.Bucket) error {
			if b == nil {
				return fmt.Errorf("%w: a value among the buckets", ErrDamaged)
			}
			return b.ForEach(func(_, _ []byte) error { return nil })
		}); err != nil {
			return err
		}
		var first error
		for err := range tx.Check() {
			if first == nil {
				first = fmt.Errorf("%w: %w", ErrDamaged, err)
			}
		}
		return first
	})
}

// A verifier reads every value.
type verifier struct {
	tx       *bbolt.Tx
	report   *Report
	progress func(int64)
	read     int64 // bytes
	told     int64 // of them when progress was called
}

// progressBytes is how many bytes lie between two calls of progress.
const progressBytes = 4 << 20

func (v *verifier) run() error {
	dict := dictionary{}
	if err := dict.load(v.tx.Bucket(namesBucket)); err != nil {
		return err
	}
	v.report.Names = len(dict.ids)
	for _, l := range levels() {
		if _, err := storedEdge(v.tx, l); err != nil {
			return err
		}
		if err := v.blocks(l.base, &v.report.Bases, &dict); err != nil {
			return err
		}
	}
	for _, bucket := range [][]byte{pagesBucket, hourPagesBucket} {
		if err := v.blocks(bucket, &v.report.Pages, &dict); err != nil {
			return err
		}
	}
	return v.tx.Bucket(progressBucket).ForEach(func(k, value []byte) error {
		if len(k) != 12 {
			return fmt.Errorf("%w: progress", ErrDamaged)
		}
		_, err := readProgress(k, value)
		return err
	})
}

// blocks reads the blocks of a bucket and counts their values.
func (v *verifier) blocks(bucket []byte, count *int, dict *dictionary) error {
	r := blockReader{tx: v.tx}
	return v.tx.Bucket(bucket).ForEach(func(k, value []byte) error {
		p, err := readPlace(k)
		if err != nil {
			return err
		}
		*count++
		if v.read += int64(len(k) + len(value)); v.progress != nil && v.read-v.told >= progressBytes {
			v.told = v.read
			v.progress(v.read)
		}
		if p.part != counters {
			_, err := checked(bucket, k, value)
			return err
		}
		if _, err := r.read(bucket, p); err != nil {
			return err
		}
		for _, id := range r.rows.IDs {
			if int(id) >= len(dict.names) || dict.names[id] == (name{}) {
				return fmt.Errorf("%w: a row without a name", ErrDamaged)
			}
			if v.report.Format >= 2 && id/shardRows != uint32(p.shard) {
				return fmt.Errorf("%w: a row outside its block", ErrDamaged)
			}
		}
		return nil
	})
}
