package boltstore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// A level is a resolution at which sums are stored.
type level struct {
	width time.Duration
	base  []byte // bucket of the sums
}

var (
	fine   = level{graph.Fine, []byte("base.10s")}
	medium = level{graph.Medium, []byte("base.1m")}
	coarse = level{graph.Coarse, []byte("base.1h")}

	// pagesBucket holds deltas by bucket of graph.Fine, hourPagesBucket those of
	// coarse subjects by hour.
	pagesBucket     = []byte("pages")
	hourPagesBucket = []byte("pages.1h")
)

func levels() [3]level { return [...]level{fine, medium, coarse} }

func levelBuckets() [][]byte {
	return [][]byte{fine.base, medium.base, coarse.base, pagesBucket, hourPagesBucket}
}

// A class parts the rows of a bucket, so that evidence is read without edges.
type class byte

const (
	edges  class = 0
	others class = 1
)

func classOf(s graph.SubjectKind) class {
	if s == graph.OfEdge {
		return edges
	}
	return others
}

// Parts of a block.
const (
	counters byte = 0
	sketches byte = 1
)

// A place is a key of a base or page: the bucket's start, the number of the
// commit (0 in a base), class, number of the shard, part. Big-endian, so that
// keys sort by time.
type place struct {
	bucket graph.Instant
	commit uint64
	class  class
	shard  uint16
	part   byte
}

const placeLen = 8 + 8 + 1 + 2 + 1

// timeBias makes negative times sort before positive ones.
const timeBias = 1 << 63

// of returns the place of the shard in a bucket of time and commit.
func (s shard) of(bucket graph.Instant, commit uint64) place {
	return place{bucket: bucket, commit: commit, class: s.class, shard: s.number}
}

func (p place) key() []byte { return p.append(make([]byte, 0, placeLen)) }

func (p place) append(k []byte) []byte {
	k = binary.BigEndian.AppendUint64(k, uint64(p.bucket)+timeBias)
	k = binary.BigEndian.AppendUint64(k, p.commit)
	k = append(k, byte(p.class))
	k = binary.BigEndian.AppendUint16(k, p.shard)
	return append(k, p.part)
}

func readPlace(k []byte) (place, error) {
	if len(k) != placeLen {
		return place{}, fmt.Errorf("%w: key of a block", ErrDamaged)
	}
	return place{
		bucket: graph.Instant(binary.BigEndian.Uint64(k) - timeBias),
		commit: binary.BigEndian.Uint64(k[8:]),
		class:  class(k[16]),
		shard:  binary.BigEndian.Uint16(k[17:]),
		part:   k[19],
	}, nil
}

// firstKey is the first key of a bucket of time.
func firstKey(t graph.Instant) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(t)+timeBias)
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(bucket, key, value []byte) uint32 {
	c := crc32.Update(0, castagnoli, bucket)
	c = crc32.Update(c, castagnoli, key)
	return crc32.Update(c, castagnoli, value)
}

// sealed appends the checksum to a value.
func sealed(bucket, key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, checksum(bucket, key, value))
}

// checked returns a value without its checksum, which it checks.
func checked(bucket, key, value []byte) ([]byte, error) {
	n := len(value) - 4
	if n < 0 || binary.BigEndian.Uint32(value[n:]) != checksum(bucket, key, value[:n]) {
		return nil, fmt.Errorf("%w: checksum of a value in %q", ErrDamaged, bucket)
	}
	return value[:n:n], nil
}

// writeBlock writes rows, whose numbers lie in the shard at names, over what is
// there. A block without rows is deleted.
func writeBlock(tx *bbolt.Tx, bucket []byte, at place, rows *wire.Rows) error {
	if len(rows.IDs) == 0 {
		return deleteBlock(tx, bucket, at)
	}
	at.part = counters
	if err := put(tx, bucket, at.key(), wire.AppendCounters(nil, rows)); err != nil {
		return err
	}
	if at.class != edges {
		return nil
	}
	at.part = sketches
	return put(tx, bucket, at.key(), wire.AppendSketches(nil, rows))
}

func deleteBlock(tx *bbolt.Tx, bucket []byte, at place) error {
	b := tx.Bucket(bucket)
	for at.part = counters; at.part <= sketches; at.part++ {
		if err := b.Delete(at.key()); err != nil {
			return err
		}
	}
	return nil
}

func put(tx *bbolt.Tx, bucket, key, value []byte) error {
	return tx.Bucket(bucket).Put(key, sealed(bucket, key, value))
}

// A blockReader reads blocks in one transaction. What it has read is valid until
// it reads the next.
type blockReader struct {
	tx   *bbolt.Tx
	rows wire.Rows
	key  []byte
}

// read reads the block at a place and reports whether there is one.
func (r *blockReader) read(bucket []byte, at place) (bool, error) {
	return r.readBoth(bucket, at, func(sketches []byte) error { return wire.ReadSketches(sketches, &r.rows) })
}

// readInto reads the block, but adds sign times its sketches to d.
func (r *blockReader) readInto(bucket []byte, at place, d *wire.Dense, sign int) (bool, error) {
	return r.readBoth(bucket, at, func(sketches []byte) error { return r.rows.AddSketches(sketches, d, int64(sign)) })
}

// readBoth reads the counters of a block and has with read its sketches.
func (r *blockReader) readBoth(bucket []byte, at place, with func(sketches []byte) error) (bool, error) {
	found, err := r.readCounters(bucket, at)
	if !found || err != nil || at.class != edges {
		return found, err
	}
	at.part = sketches
	r.key = at.append(r.key[:0])
	v := r.tx.Bucket(bucket).Get(r.key)
	if v == nil {
		return false, fmt.Errorf("%w: a block without sketches", ErrDamaged)
	}
	body, err := checked(bucket, r.key, v)
	if err != nil {
		return false, err
	}
	if err := with(body); err != nil {
		return false, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return true, nil
}

// readCounters reads the block without its sketches.
func (r *blockReader) readCounters(bucket []byte, at place) (bool, error) {
	at.part = counters
	r.key = at.append(r.key[:0])
	v := r.tx.Bucket(bucket).Get(r.key)
	if v == nil {
		return false, nil
	}
	body, err := checked(bucket, r.key, v)
	if err != nil {
		return false, err
	}
	if err := wire.ReadCounters(body, &r.rows); err != nil {
		return false, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return true, nil
}

// starts lists the buckets of time in [from, to) that have blocks in a bucket of
// the file, in order.
func starts(tx *bbolt.Tx, bucket []byte, from, to graph.Instant) ([]graph.Instant, error) {
	var list []graph.Instant
	c := tx.Bucket(bucket).Cursor()
	for k, _ := c.Seek(firstKey(from)); k != nil; {
		p, err := readPlace(k)
		if err != nil {
			return nil, err
		}
		if p.bucket >= to {
			break
		}
		list = append(list, p.bucket)
		k, _ = c.Seek(firstKey(p.bucket + 1))
	}
	return list, nil
}
