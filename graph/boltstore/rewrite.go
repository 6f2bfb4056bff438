package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"

	"graphctl/graph/wire"
)

// Compact rewrites a file that no process has open for writing, without the
// pages that hold nothing, and in the format of today. It returns the sizes. The
// new file takes the name of the old one when it is complete: until then there
// must be room for both.
func Compact(path string) (before, after int64, err error) {
	defer guard(&err, "compact "+path)
	var o Options
	o.fill()
	if before, err = sizeOf(path); err != nil {
		return 0, 0, fmt.Errorf("boltstore: compact: %w", err)
	}
	db, _, err := openDB(path, o, true) // shuts out writers until the end
	if err != nil {
		return before, 0, err
	}
	if err := errors.Join(replace(db, path), db.Close()); err != nil {
		return before, 0, fmt.Errorf("boltstore: compact %s: %w", path, err)
	}
	after, err = sizeOf(path)
	return before, after, err
}

func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// replace puts a copy of db in the format of today in the place of its file.
func replace(db *bbolt.DB, path string) error {
	tmp := path + newSuffix
	if err := rewrite(db, tmp); err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return rename(tmp, path)
}

// rewrite writes what db holds to a new file in the format of today.
func rewrite(db *bbolt.DB, to string) error {
	dst, err := createDB(to)
	if err != nil {
		return err
	}
	err = db.View(func(tx *bbolt.Tx) error {
		version, err := readFormat(tx)
		if err != nil {
			return err
		}
		c := copier{dst: dst}
		for _, name := range append(levelBuckets(), metaBucket, progressBucket, namesBucket) {
			c.bucket = name
			if err := c.all(tx.Bucket(name), version); err != nil {
				return errors.Join(err, c.rollback())
			}
		}
		return c.commit()
	})
	return errors.Join(err, dst.Close())
}

// copyBytes is how much a copier holds in memory between two commits.
const copyBytes = 8 << 20

// A copier writes to dst in transactions of bounded size.
type copier struct {
	dst    *bbolt.DB
	bucket []byte // that is being copied
	tx     *bbolt.Tx
	held   int
}

// all copies a bucket of a file of the version given.
func (c *copier) all(from *bbolt.Bucket, version uint32) error {
	if err := c.sequence(from.Sequence()); err != nil {
		return err
	}
	blocks := !bytes.Equal(c.bucket, metaBucket) && !bytes.Equal(c.bucket, progressBucket) && !bytes.Equal(c.bucket, namesBucket)
	if version < 2 && blocks {
		return c.oldBlocks(from)
	}
	return from.ForEach(func(k, v []byte) error {
		if bytes.Equal(c.bucket, metaBucket) && bytes.Equal(k, formatKey) {
			return nil // that of the new file is there
		}
		// A value without its checksum in order is not carried on.
		if _, err := checked(c.bucket, k, v); err != nil {
			return err
		}
		return c.put(k, v)
	})
}

// oldBlocks copies blocks of format 1, which hold rows of any number, to blocks
// by shard.
func (c *copier) oldBlocks(from *bbolt.Bucket) error {
	var out wire.Rows
	var at place // of out
	flush := func() error {
		if len(out.IDs) == 0 {
			return nil
		}
		if err := c.begin(); err != nil {
			return err
		}
		if err := writeBlock(c.tx, c.bucket, at, &out); err != nil {
			return err
		}
		out.Reset()
		c.held += copyBytes / 64 // as much as a block of many calls takes
		return c.full()
	}
	r := blockReader{tx: from.Tx()}
	cursor := from.Cursor()
	for k, _ := cursor.First(); k != nil; k, _ = cursor.Next() {
		p, err := readPlace(k)
		if err != nil {
			return err
		}
		if p.part != counters {
			continue
		}
		if _, err := r.read(c.bucket, p); err != nil {
			return err
		}
		for i, id := range r.rows.IDs {
			if id >= maxNames {
				return errNames
			}
			to := shard{p.class, uint16(id / shardRows)}.of(p.bucket, p.commit)
			if to != at {
				if err := flush(); err != nil {
					return err
				}
				at = to
			}
			out.Append(id).Add(&r.rows.Stats[i])
		}
	}
	return flush()
}

func (c *copier) put(k, v []byte) error {
	if err := c.begin(); err != nil {
		return err
	}
	b := c.tx.Bucket(c.bucket)
	b.FillPercent = 1 // keys come in order
	if err := b.Put(k, v); err != nil {
		return err
	}
	c.held += len(k) + len(v)
	return c.full()
}

func (c *copier) sequence(n uint64) error {
	if err := c.begin(); err != nil {
		return err
	}
	return c.tx.Bucket(c.bucket).SetSequence(n)
}

func (c *copier) begin() (err error) {
	if c.tx == nil {
		c.tx, err = c.dst.Begin(true)
	}
	return err
}

func (c *copier) full() error {
	if c.held < copyBytes {
		return nil
	}
	return c.commit()
}

func (c *copier) commit() error {
	if c.tx == nil {
		return nil
	}
	tx := c.tx
	c.tx, c.held = nil, 0
	return tx.Commit()
}

func (c *copier) rollback() error {
	if c.tx == nil {
		return nil
	}
	return c.tx.Rollback()
}
