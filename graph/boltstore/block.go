package boltstore

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
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
// commit (0 in a base), class, number of the block, part. Big-endian, so that
// keys sort by time.
type place struct {
	bucket graph.Instant
	commit uint64
	class  class
	block  uint16
	part   byte
}

const placeLen = 8 + 8 + 1 + 2 + 1

// timeBias makes negative times sort before positive ones.
const timeBias = 1 << 63

func (p place) key() []byte {
	k := make([]byte, 0, placeLen)
	k = binary.BigEndian.AppendUint64(k, uint64(p.bucket)+timeBias)
	k = binary.BigEndian.AppendUint64(k, p.commit)
	k = append(k, byte(p.class))
	k = binary.BigEndian.AppendUint16(k, p.block)
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
		block:  binary.BigEndian.Uint16(k[17:]),
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

// A sum is counters by number of name.
type sum map[uint32]*graph.Stats

func (s sum) at(id uint32) *graph.Stats {
	st := s[id]
	if st == nil {
		st = new(graph.Stats)
		s[id] = st
	}
	return st
}

func (s sum) add(o sum) {
	for id, st := range o {
		s.at(id).Add(st)
	}
}

// An entry is a row that is to be written. Its counters are only read.
type entry struct {
	id    uint32
	stats *graph.Stats
}

func (s sum) entries() []entry {
	list := make([]entry, 0, len(s))
	for id, st := range s {
		list = append(list, entry{id, st})
	}
	return list
}

// A blockWriter writes rows as the blocks of a place. Rows come in the order of
// their ids; those of one id are added up, and those that come to zero left
// out.
type blockWriter struct {
	tx     *bbolt.Tx
	bucket []byte
	at     place
	rows   wire.Rows
	// later holds back what is written until done, for a writer of the blocks
	// that are being read.
	later bool
	held  [][2][]byte
}

// writeSorted writes entries, which it sorts.
func writeSorted(tx *bbolt.Tx, bucket []byte, at place, list []entry) error {
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	w := blockWriter{tx: tx, bucket: bucket, at: at}
	for _, e := range list {
		if err := w.add(e.id, e.stats); err != nil {
			return err
		}
	}
	return w.done()
}

// add adds a row, whose id is not below that of the one before.
func (w *blockWriter) add(id uint32, st *graph.Stats) error {
	n := len(w.rows.IDs)
	if n > 0 && w.rows.IDs[n-1] == id {
		w.rows.Stats[n-1].Add(st)
		return nil
	}
	w.dropZero()
	if len(w.rows.IDs) == wire.MaxRows {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.rows.Append(id).Add(st)
	return nil
}

// dropZero drops the last row if it came to zero.
func (w *blockWriter) dropZero() {
	if n := len(w.rows.IDs) - 1; n >= 0 && w.rows.Stats[n].IsZero() {
		w.rows.IDs, w.rows.Stats = w.rows.IDs[:n], w.rows.Stats[:n]
	}
}

func (w *blockWriter) flush() error {
	if len(w.rows.IDs) == 0 {
		return nil
	}
	w.at.part = counters
	if err := w.put(wire.AppendCounters(nil, &w.rows)); err != nil {
		return err
	}
	if w.at.class == edges {
		w.at.part = sketches
		if err := w.put(wire.AppendSketches(nil, &w.rows)); err != nil {
			return err
		}
	}
	w.rows.Reset()
	if w.at.block++; w.at.block == 0 {
		return errors.New("too many blocks in one bucket")
	}
	return nil
}

func (w *blockWriter) put(value []byte) error {
	key := w.at.key()
	if w.later {
		w.held = append(w.held, [2][]byte{key, value})
		return nil
	}
	return put(w.tx, w.bucket, key, value)
}

// done writes what is left.
func (w *blockWriter) done() error {
	w.dropZero()
	if err := w.flush(); err != nil {
		return err
	}
	for _, kv := range w.held {
		if err := put(w.tx, w.bucket, kv[0], kv[1]); err != nil {
			return err
		}
	}
	return nil
}

func put(tx *bbolt.Tx, bucket, key, value []byte) error {
	return tx.Bucket(bucket).Put(key, sealed(bucket, key, value))
}

// scan yields the blocks of a bucket of the file between two instants, in the
// order of their keys. Rows are valid during the call.
func scan(tx *bbolt.Tx, bucket []byte, from, to graph.Instant, which func(place) bool, yield func(place, *wire.Rows) error) error {
	c := tx.Bucket(bucket).Cursor()
	end := firstKey(to)
	var rows wire.Rows
	for k, v := c.Seek(firstKey(from)); k != nil && bytes.Compare(k, end) < 0; k, v = c.Next() {
		p, err := readPlace(k)
		if err != nil {
			return err
		}
		if p.part != counters || !which(p) {
			continue
		}
		if err := readBlock(c, bucket, p, k, v, &rows); err != nil {
			return err
		}
		if err := yield(p, &rows); err != nil {
			return err
		}
	}
	return nil
}

// readBlock reads the block whose counters are (k, v) where c stands, and leaves
// c on the last of its values.
func readBlock(c *bbolt.Cursor, bucket []byte, p place, k, v []byte, rows *wire.Rows) error {
	body, err := checked(bucket, k, v)
	if err != nil {
		return err
	}
	if err := wire.ReadCounters(body, rows); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if p.class != edges {
		return nil
	}
	p.part = sketches
	k, v = c.Next()
	if !bytes.Equal(k, p.key()) {
		return fmt.Errorf("%w: a block without sketches", ErrDamaged)
	}
	if body, err = checked(bucket, k, v); err != nil {
		return err
	}
	if err := wire.ReadSketches(body, rows); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return nil
}

func anyClass(place) bool     { return true }
func onlyOthers(p place) bool { return p.class == others }

// read adds the blocks of a bucket of the file in [from, to).
func (s sum) read(tx *bbolt.Tx, bucket []byte, from, to graph.Instant, which func(place) bool) error {
	return scan(tx, bucket, from, to, which, func(_ place, rows *wire.Rows) error {
		for i, id := range rows.IDs {
			s.at(id).Add(&rows.Stats[i])
		}
		return nil
	})
}

// remove deletes all keys of a bucket of the file in [from, to).
func remove(tx *bbolt.Tx, bucket []byte, from, to graph.Instant) error {
	c := tx.Bucket(bucket).Cursor()
	end := firstKey(to)
	for k, _ := c.Seek(firstKey(from)); k != nil && bytes.Compare(k, end) < 0; k, _ = c.Seek(firstKey(from)) {
		if err := c.Delete(); err != nil {
			return err
		}
	}
	return nil
}
