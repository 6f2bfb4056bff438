package wire

import (
	"encoding/binary"
	"fmt"
	"sync"

	"graphctl/graph"
)

// MaxRows is the largest number of rows in a block.
const MaxRows = 1024

// Rows are vectors of counters of one time bucket.
type Rows struct {
	// IDs are the numbers of what is counted, ascending.
	IDs []uint32
	// Stats are the counters of each.
	Stats []graph.Stats
	// totals are those of the client and server sketch of each row, once
	// counters have been read: what ReadSketches needs.
	totals [][2]int64
}

// Reset empties r and keeps its memory.
func (r *Rows) Reset() { r.IDs, r.Stats = r.IDs[:0], r.Stats[:0] }

// Append adds a row, with an id above those before it, and returns its
// counters, all zero, for the caller to fill; the pointer is valid until the
// next Append.
func (r *Rows) Append(id uint32) *graph.Stats {
	r.IDs = append(r.IDs, id)
	if len(r.Stats) < cap(r.Stats) {
		r.Stats = r.Stats[:len(r.Stats)+1]
		s := &r.Stats[len(r.Stats)-1]
		zero(s)
		return s
	}
	r.Stats = append(r.Stats, graph.Stats{})
	return &r.Stats[len(r.Stats)-1]
}

// zero clears s and keeps the memory of its sketches.
func zero(s *graph.Stats) {
	client, server := s.Client, s.Server
	client.Reset()
	server.Reset()
	*s = graph.Stats{Client: client, Server: server}
}

// Columns of counters. Numbers are never used again for something else.
const (
	columnID           = iota // gap to the id before, less 1; the first id as it is
	columnCalls               // as they are
	columnErrors              // as they are
	columnServerSum           // as it is
	columnClientSum           // less the server sum
	columnServerCount         // total of the server sketch, less what predict says
	columnClientCount         // and so on
	columnServerErrors        //
	columnClientErrors        //
	columnNetworkCount        //
	columnNetworkSum          //
	columnEstimated           //
	counterColumns            // number of columns
)

// row is the counters of a row with the totals of its sketches.
type row struct {
	*graph.Stats
	clientCount, serverCount int64
}

// field returns the counter that a column holds.
func (r *row) field(column int) *int64 {
	switch column {
	case columnCalls:
		return &r.Calls
	case columnErrors:
		return &r.Errors
	case columnServerSum:
		return &r.ServerSum
	case columnClientSum:
		return &r.ClientSum
	case columnServerCount:
		return &r.serverCount
	case columnClientCount:
		return &r.clientCount
	case columnServerErrors:
		return &r.ServerErrors
	case columnClientErrors:
		return &r.ClientErrors
	case columnNetworkCount:
		return &r.NetworkCount
	case columnNetworkSum:
		return &r.NetworkSum
	case columnEstimated:
		return &r.Estimated
	}
	panic("wire: no such column")
}

// predict returns what the columns before let expect in a column: that a side
// with a sum timed every call and saw every failure, that a side without took
// no part, that sums wrap, and that nothing was sampled.
func (r *row) predict(column int) int64 {
	switch column {
	case columnClientSum:
		return r.ServerSum
	case columnServerCount:
		return where(r.ServerSum != 0, r.Calls)
	case columnClientCount:
		return where(r.ClientSum != 0, r.Calls)
	case columnServerErrors:
		return where(r.serverCount != 0, r.Errors)
	case columnClientErrors:
		return where(r.clientCount != 0, r.Errors)
	case columnNetworkCount:
		return where(r.serverCount != 0 && r.clientCount != 0, r.Calls)
	case columnNetworkSum:
		return where(r.NetworkCount != 0, r.ClientSum-r.ServerSum)
	case columnEstimated:
		return r.Calls * graph.WeightOne
	}
	return 0
}

func where(condition bool, n int64) int64 {
	if condition {
		return n
	}
	return 0
}

// columnsBuffer is scratch space for the columns of a value.
type columnsBuffer [counterColumns][]byte

var columnsPool = sync.Pool{New: func() any { return new(columnsBuffer) }}

// AppendCounters appends the value that holds the counters of r, sketches left
// out. It panics if r has over MaxRows rows or its ids do not ascend.
func AppendCounters(dst []byte, r *Rows) []byte {
	if len(r.IDs) > MaxRows || len(r.IDs) != len(r.Stats) {
		panic("wire: rows over the bound")
	}
	cols := columnsPool.Get().(*columnsBuffer)
	defer columnsPool.Put(cols)
	for c := range cols {
		cols[c] = cols[c][:0]
	}
	var filled [counterColumns]bool
	next := uint32(0)
	for i := range r.Stats {
		id := r.IDs[i]
		if id < next {
			panic("wire: ids do not ascend")
		}
		cols[columnID] = binary.AppendUvarint(cols[columnID], uint64(id-next))
		next = id + 1
		st := &r.Stats[i]
		w := row{st, st.Client.Total(), st.Server.Total()}
		for c := columnCalls; c < counterColumns; c++ {
			d := *w.field(c) - w.predict(c)
			cols[c] = binary.AppendVarint(cols[c], d)
			filled[c] = filled[c] || d != 0
		}
	}
	filled[columnID] = len(r.IDs) > 0
	dst = binary.AppendUvarint(dst, uint64(len(r.IDs)))
	for c := range cols {
		if filled[c] {
			dst = appendColumn(dst, c, cols[c])
		}
	}
	return dst
}

// ReadCounters replaces the rows of r by those in src, which is not kept.
// Sketches are empty.
func ReadCounters(src []byte, r *Rows) error {
	r.Reset()
	in := reader{rest: src}
	n := in.count("number of rows", MaxRows)
	if in.err == nil {
		r.grow(n)
	}
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	next := columnID // the column that is due
	for in.err == nil && len(in.rest) > 0 {
		c := in.count("number of a column", 1<<16)
		if in.err == nil && c >= counterColumns {
			return fmt.Errorf("wire: counters: column %d: %w", c, ErrNewer)
		}
		for ; in.err == nil && next < c; next++ {
			in.err = r.fill(next, nil)
		}
		if in.err == nil {
			in.err = r.readColumn(&in, c, next, buf)
			next = c + 1
		}
	}
	for ; in.err == nil && next < counterColumns; next++ {
		in.err = r.fill(next, nil)
	}
	if in.err != nil {
		r.Reset()
		return fmt.Errorf("wire: counters: %w", in.err)
	}
	return nil
}

// readColumn reads column c where the one that is due is next.
func (r *Rows) readColumn(in *reader, c, next int, buf *[]byte) error {
	if c < next {
		in.fail("order of columns")
		return in.err
	}
	raw := in.column(*buf)
	if in.err != nil {
		return in.err
	}
	*buf = raw
	return r.fill(c, raw)
}

// grow gives r n rows of zeros.
func (r *Rows) grow(n int) {
	for len(r.IDs) < n {
		r.Append(0)
	}
	r.totals = append(r.totals[:0], make([][2]int64, n)...)
}

// fill sets a column of every row from its bytes, to what is expected if there
// are none.
func (r *Rows) fill(column int, raw []byte) error {
	if column == columnID {
		return r.fillIDs(raw)
	}
	in := reader{rest: raw}
	for i := range r.Stats {
		t := &r.totals[i]
		w := row{&r.Stats[i], t[client], t[server]}
		v := w.predict(column)
		if raw != nil {
			v += in.varint("column of counters")
		}
		*w.field(column) = v
		t[client], t[server] = w.clientCount, w.serverCount
	}
	return in.end("a column of counters")
}

func (r *Rows) fillIDs(raw []byte) error {
	in := reader{rest: raw}
	next := uint64(0)
	for i := range r.IDs {
		gap := in.uvarint("ids")
		if gap > 1<<32-1 || next+gap > 1<<32-1 {
			in.fail("ids")
			break
		}
		r.IDs[i] = uint32(next + gap)
		next += gap + 1
	}
	return in.end("ids")
}
