package wire

import (
	"fmt"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// A Dense adds up sketches of the rows whose numbers lie between two multiples
// of MaxRows: a row is at its number modulo MaxRows. It holds every bucket of
// every row, 18 MB of which what is used is touched, so that adding one takes a
// few nanoseconds whatever is there. The zero value is empty.
type Dense struct {
	counts [MaxRows * sides][sketch.Buckets]int64
	low    [MaxRows * sides]uint16 // buckets that may not be zero: low to high, exclusive
	high   [MaxRows * sides]uint16
}

// Take moves the sketches of row at, which were added, into st, and leaves none.
// Those of st must be empty.
func (d *Dense) Take(at uint32, st *graph.Stats) {
	for side := range sides {
		i := int(at)*sides + side
		s, _ := sideOf(st, side)
		low, high := d.low[i], d.high[i]
		counts := d.counts[i][low:high]
		for b, n := range counts {
			if n != 0 {
				s.AddBucket(low+uint16(b), n)
			}
		}
		clear(counts)
		d.low[i], d.high[i] = 0, 0
	}
}

// Clear empties d.
func (d *Dense) Clear() {
	for i := range d.counts {
		clear(d.counts[i][d.low[i]:d.high[i]])
		d.low[i], d.high[i] = 0, 0
	}
}

// touch notes that buckets from low to last may have changed, if there are such.
func (d *Dense) touch(i int, low, last int64) {
	if low < 0 || last >= sketch.Buckets {
		return
	}
	if d.low[i] == d.high[i] {
		d.low[i], d.high[i] = uint16(low), uint16(last+1)
		return
	}
	d.low[i], d.high[i] = min(d.low[i], uint16(low)), max(d.high[i], uint16(last+1))
}

// AddSketches adds sign times the sketches of r, whose counters were just read
// from the value that was written with src, to d. On error d holds a part.
func (r *Rows) AddSketches(src []byte, d *Dense, sign int64) error {
	var cols sketchReader
	defer cols.release()
	err := cols.read(src)
	if err == nil {
		err = r.addSketches(&cols, d, sign)
	}
	if err != nil {
		return fmt.Errorf("wire: sketches: %w", err)
	}
	return nil
}

func (r *Rows) addSketches(cols *sketchReader, d *Dense, sign int64) error {
	if len(r.totals) != len(r.Stats) {
		return fmt.Errorf("no counters: %w", ErrMalformed)
	}
	for i := range r.Stats {
		for side := range sides {
			buckets := 0
			if cols.anySigned {
				buckets = cols.readers[columnSigned].count("number of buckets", sketch.Buckets)
			}
			total := r.totals[i][side]
			if buckets == 0 && total == 0 {
				continue
			}
			_, sum := sideOf(&r.Stats[i], side)
			if err := d.add(int(r.IDs[i]%MaxRows)*sides+side, &cols.readers, sum, total, buckets, sign); err != nil {
				return err
			}
		}
	}
	for c := range cols.readers {
		if err := cols.readers[c].end("a column of sketches"); err != nil {
			return err
		}
	}
	return nil
}

// add reads the buckets of one side, as readSketch does, and adds them to those
// at i.
func (d *Dense) add(i int, cols *[sketchColumns]reader, sum, total int64, buckets int, sign int64) error {
	first := cols[columnFirst].uvarint("first bucket")
	low := mean(sum, total) + unzigzag(first>>1)
	last, err := addBuckets(&d.counts[i], low, first&1, cols, total, buckets, sign)
	d.touch(i, low, last)
	return err
}

// addBuckets adds the buckets of a sketch, whose first is b with a count other
// than 1 if more is 1, and returns the last that it changed.
func addBuckets(to *[sketch.Buckets]int64, b int64, more uint64, cols *[sketchColumns]reader, total int64, buckets int, sign int64) (last int64, err error) {
	gaps, counts := cols[columnGaps].rest, &cols[columnCounts]
	left := buckets // that are still to come, if the side is not plain
	for last = b; ; {
		if uint64(b) >= sketch.Buckets {
			return last, fmt.Errorf("bucket %d: %w", b, ErrMalformed)
		}
		n := int64(1)
		if more == 1 {
			n = counts.foldedCount()
			if buckets == 0 && (n < 0 || n > total) || n > sketch.MaxCount || n < -sketch.MaxCount {
				return last, fmt.Errorf("count %d: %w", n, ErrMalformed)
			}
		}
		last = b
		to[b] += sign * n
		total -= n
		if buckets == 0 {
			if total == 0 {
				break
			}
		} else if left--; left == 0 {
			break
		}
		var gap uint64
		if len(gaps) > 0 && gaps[0] < 0x80 { // nearly all
			gap, gaps = uint64(gaps[0]), gaps[1:]
		} else {
			cols[columnGaps].rest = gaps
			gap = cols[columnGaps].uvarint("gap")
			gaps = cols[columnGaps].rest
			if gap>>1 >= sketch.Buckets {
				return last, fmt.Errorf("gap %d: %w", gap>>1, ErrMalformed)
			}
		}
		b, more = b+1+int64(gap>>1), gap&1
	}
	cols[columnGaps].rest = gaps
	if cols[columnFirst].err != nil || cols[columnGaps].err != nil || counts.err != nil {
		return last, fmt.Errorf("columns end early: %w", ErrMalformed)
	}
	if total != 0 {
		return last, fmt.Errorf("sketch and its total differ by %d: %w", total, ErrMalformed)
	}
	return last, nil
}

// foldedCount reads a count that is not 1.
func (r *reader) foldedCount() int64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		v := r.rest[0]
		r.rest = r.rest[1:]
		return unfoldCount(uint64(v))
	}
	return unfoldCount(r.uvarint("count"))
}
