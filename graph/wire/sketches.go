package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// Sides of a call, in the order in which their sketches are written.
const (
	client = iota
	server
	sides
)

// Columns of sketches. Each goes through the rows, and in a row through client
// and server. A side whose sketch has only positive counts, or none, is plain:
// its buckets end when their counts reach the total that the counters hold.
const (
	columnSigned  = iota // number of buckets of a side that is not plain, 0 for one that is; left out if all are
	columnFirst          // first bucket less that of the mean (signed), doubled; 1 more if its count is not 1
	columnGaps           // of the buckets after: gap to the bucket before less 1, doubled; 1 more if the count is not 1
	columnCounts         // counts that are not 1: c ≥ 2 as 2(c-2), c ≤ -1 as 2(-c-1)+1
	sketchColumns        // number of columns
)

// mean returns the bucket of the mean duration of a side.
func mean(sum, count int64) int64 {
	if count <= 0 || sum <= 0 {
		return 0
	}
	return int64(sketch.Bucket(time.Duration(sum / count)))
}

// AppendSketches appends the value that holds the sketches of r; nothing if
// they are all empty.
func AppendSketches(dst []byte, r *Rows) []byte {
	cols := columnsPool.Get().(*columnsBuffer)
	defer columnsPool.Put(cols)
	for c := range cols {
		cols[c] = cols[c][:0]
	}
	anySigned := false
	for i := range r.Stats {
		st := &r.Stats[i]
		for side := range sides {
			s, sum := sideOf(st, side)
			signed := appendSketch(cols, s, sum)
			anySigned = anySigned || signed
		}
	}
	if len(cols[columnFirst]) == 0 {
		return dst
	}
	for c := range sketchColumns {
		if len(cols[c]) > 0 && (c != columnSigned || anySigned) {
			dst = appendColumn(dst, c, cols[c])
		}
	}
	return dst
}

// sideOf returns the sketch and the duration sum of a side.
func sideOf(st *graph.Stats, side int) (*sketch.Sketch, int64) {
	if side == client {
		return &st.Client, st.ClientSum
	}
	return &st.Server, st.ServerSum
}

// appendSketch adds a sketch to the columns and reports whether it is not plain.
func appendSketch(cols *columnsBuffer, s *sketch.Sketch, sum int64) (signed bool) {
	var total int64
	for _, n := range s.Buckets() {
		total += n
		signed = signed || n < 0
	}
	buckets := 0
	if signed {
		buckets = s.Len()
	}
	cols[columnSigned] = binary.AppendUvarint(cols[columnSigned], uint64(buckets))
	before := int64(-1)
	for b, n := range s.Buckets() {
		more := uint64(0)
		if n != 1 {
			more = 1
			cols[columnCounts] = binary.AppendUvarint(cols[columnCounts], foldCount(n))
		}
		if before < 0 {
			cols[columnFirst] = binary.AppendUvarint(cols[columnFirst], zigzag(int64(b)-mean(sum, total))<<1|more)
		} else {
			cols[columnGaps] = binary.AppendUvarint(cols[columnGaps], uint64(int64(b)-before-1)<<1|more)
		}
		before = int64(b)
	}
	return signed
}

// foldCount maps a count that is neither 0 nor 1 to a small number.
func foldCount(n int64) uint64 {
	if n >= 2 {
		return uint64(n-2) << 1
	}
	return uint64(-n-1)<<1 | 1
}

func unfoldCount(u uint64) int64 {
	if u&1 == 0 {
		return int64(u>>1) + 2
	}
	return -int64(u>>1) - 1
}

func zigzag(n int64) uint64   { return uint64(n)<<1 ^ uint64(n>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// ReadSketches fills the sketches of r, whose counters were just read, from the
// value that was written with them; src may be empty.
func ReadSketches(src []byte, r *Rows) error {
	var cols sketchReader
	defer cols.release()
	if err := cols.read(src); err != nil {
		return fmt.Errorf("wire: sketches: %w", err)
	}
	if err := r.fillSketches(&cols.readers, cols.anySigned); err != nil {
		return fmt.Errorf("wire: sketches: %w", err)
	}
	return nil
}

// A sketchReader holds the columns of a value, unpacked.
type sketchReader struct {
	readers   [sketchColumns]reader
	anySigned bool // there is a column of numbers of buckets
	held      [sketchColumns]*[]byte
}

// release gives back the memory of the columns.
func (c *sketchReader) release() {
	for _, p := range c.held {
		if p != nil {
			scratch.Put(p)
		}
	}
}

func (c *sketchReader) read(src []byte) error {
	in := reader{rest: src}
	for next := 0; len(in.rest) > 0; {
		n := in.count("number of a column", 1<<16)
		if n >= sketchColumns {
			return fmt.Errorf("column %d: %w", n, ErrNewer)
		}
		if n < next {
			in.fail("order of columns")
			break
		}
		next = n + 1
		c.anySigned = c.anySigned || n == columnSigned
		c.held[n] = scratch.Get().(*[]byte)
		raw := in.column(*c.held[n])
		if in.err != nil {
			break
		}
		*c.held[n] = raw
		c.readers[n].rest = raw
	}
	return in.err
}

func (r *Rows) fillSketches(cols *[sketchColumns]reader, anySigned bool) error {
	if len(r.totals) != len(r.Stats) {
		return fmt.Errorf("no counters: %w", ErrMalformed)
	}
	for i := range r.Stats {
		for side := range sides {
			buckets := 0
			if anySigned {
				buckets = cols[columnSigned].count("number of buckets", sketch.Buckets)
			}
			s, sum := sideOf(&r.Stats[i], side)
			if buckets == 0 && r.totals[i][side] == 0 {
				continue
			}
			if err := readSketch(cols, s, sum, r.totals[i][side], buckets); err != nil {
				return err
			}
		}
	}
	for c := range cols {
		if err := cols[c].end("a column of sketches"); err != nil {
			return err
		}
	}
	return nil
}

// readSketch reads the buckets of one side: as many as it says, or, if it is
// plain and says 0, up to its total.
func readSketch(cols *[sketchColumns]reader, s *sketch.Sketch, sum, total int64, buckets int) error {
	plain := buckets == 0
	first := cols[columnFirst].uvarint("first bucket")
	b, more := mean(sum, total)+unzigzag(first>>1), first&1
	for k := 0; ; {
		if b < 0 || b >= sketch.Buckets {
			return fmt.Errorf("bucket %d: %w", b, ErrMalformed)
		}
		n := int64(1)
		if more == 1 {
			n = unfoldCount(cols[columnCounts].uvarint("count"))
		}
		if plain && (n < 0 || n > total) || n > sketch.MaxCount || n < -sketch.MaxCount {
			return fmt.Errorf("count %d: %w", n, ErrMalformed)
		}
		s.AddBucket(uint16(b), n)
		total -= n
		k++
		if plain && total == 0 || k == buckets {
			break
		}
		gap := cols[columnGaps].uvarint("gap")
		if gap>>1 >= sketch.Buckets {
			return fmt.Errorf("gap %d: %w", gap>>1, ErrMalformed)
		}
		b, more = b+1+int64(gap>>1), gap&1
	}
	if cols[columnFirst].err != nil || cols[columnGaps].err != nil || cols[columnCounts].err != nil {
		return fmt.Errorf("columns end early: %w", ErrMalformed)
	}
	if total != 0 {
		return fmt.Errorf("sketch and its total differ by %d: %w", total, ErrMalformed)
	}
	return nil
}
