package stream

import (
	"encoding/binary"
	"math"
	"slices"

	"graphctl/graph"
	"graphctl/graph/live"
)

// The binary form of docs/protocol.md: a header, a directory of columns, and
// the columns, little-endian, each at a multiple of 8.

const (
	headerBytes = 32
	entryBytes  = 12
	alignment   = 8
	magic       = "GCS1"
)

// Messages and element types, by their numbers on the wire.
const (
	binarySnapshot = 1
	binaryDelta    = 2

	typeU8  = 1
	typeU32 = 2
	typeF32 = 3
	typeF64 = 4
)

// Columns. A row set begins with its ids; what follows has the same order as
// the fields of live.Service and live.Call.
const (
	colEpoch           = 1
	colStatus          = 2
	colText            = 10
	colTextEnds        = 11
	colEnvironments    = 19 // beside the row set of new services, which has no room for two
	colNewServices     = 20
	colTeams           = 29
	colServices        = 30
	colNewCalls        = 40
	colCalls           = 60
	colRemovedServices = 80
	colRemovedCalls    = 81
)

// frame collects columns, in ascending order of their numbers.
type frame struct {
	columns []column
	data    []byte // of all columns, each padded
}

type column struct {
	number uint16
	typ    uint8
	start  int // in data
	count  int
}

// begin starts a column. A column without elements is left out.
func (f *frame) begin(number uint16, typ uint8, count int) bool {
	if count == 0 {
		return false
	}
	for len(f.data)%alignment != 0 {
		f.data = append(f.data, 0)
	}
	f.columns = append(f.columns, column{number, typ, len(f.data), count})
	return true
}

func (f *frame) bytes(number uint16, b []byte) {
	if f.begin(number, typeU8, len(b)) {
		f.data = append(f.data, b...)
	}
}

func (f *frame) numbers(number uint16, v []uint32) {
	if f.begin(number, typeU32, len(v)) {
		for _, n := range v {
			f.data = binary.LittleEndian.AppendUint32(f.data, n)
		}
	}
}

func u8s[T any](f *frame, number uint16, rows []T, value func(*T) uint8) {
	if f.begin(number, typeU8, len(rows)) {
		for i := range rows {
			f.data = append(f.data, value(&rows[i]))
		}
	}
}

func u32s[T any](f *frame, number uint16, rows []T, value func(*T) uint32) {
	if f.begin(number, typeU32, len(rows)) {
		for i := range rows {
			f.data = binary.LittleEndian.AppendUint32(f.data, value(&rows[i]))
		}
	}
}

func f32s[T any](f *frame, number uint16, rows []T, value func(*T) float32) {
	if f.begin(number, typeF32, len(rows)) {
		for i := range rows {
			f.data = binary.LittleEndian.AppendUint32(f.data, math.Float32bits(value(&rows[i])))
		}
	}
}

func f64s[T any](f *frame, number uint16, rows []T, value func(*T) int64) {
	if f.begin(number, typeF64, len(rows)) {
		for i := range rows {
			f.data = binary.LittleEndian.AppendUint64(f.data, math.Float64bits(float64(value(&rows[i]))))
		}
	}
}

// seal puts header and directory before the columns.
func (f *frame) seal(message uint8, seq, base uint64, time graph.Instant, lagMS int64) []byte {
	first := headerBytes + entryBytes*len(f.columns)
	first = (first + alignment - 1) / alignment * alignment
	b := make([]byte, 0, first+len(f.data))
	b = append(b, magic...)
	b = append(b, message, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(f.columns)))
	b = binary.LittleEndian.AppendUint32(b, uint32(seq))
	b = binary.LittleEndian.AppendUint32(b, uint32(base))
	b = binary.LittleEndian.AppendUint64(b, math.Float64bits(float64(milliseconds(time))))
	b = binary.LittleEndian.AppendUint32(b, uint32(min(max(lagMS, 0), math.MaxUint32)))
	b = binary.LittleEndian.AppendUint32(b, uint32(first+len(f.data)))
	for _, c := range f.columns {
		b = binary.LittleEndian.AppendUint16(b, c.number)
		b = append(b, c.typ, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(first+c.start))
		b = binary.LittleEndian.AppendUint32(b, uint32(c.count))
	}
	for len(b) < first {
		b = append(b, 0)
	}
	return append(b, f.data...)
}

// text is the string table of a frame.
type text struct {
	bytes []byte
	ends  []uint32
	index map[string]uint32
}

// add returns the number of s. Equal strings share one.
func (t *text) add(s string) uint32 {
	n, ok := t.index[s]
	if !ok {
		n = uint32(len(t.ends))
		t.bytes = append(t.bytes, s...)
		t.ends = append(t.ends, uint32(len(t.bytes)))
		if t.index == nil {
			t.index = make(map[string]uint32)
		}
		t.index[s] = n
	}
	return n
}

// newServices writes the strings and the columns of services that are new.
func (f *frame) newServices(rows []live.Service) {
	var t text
	names, namespaces, labels := make([]uint32, len(rows)), make([]uint32, len(rows)), make([]uint32, len(rows))
	for i := range rows {
		s := &rows[i]
		names[i], namespaces[i], labels[i] = t.add(s.Name), t.add(s.Namespace), t.add(s.Label)
	}
	var teams, environments []uint32 // left out if no service has one
	if slices.ContainsFunc(rows, func(s live.Service) bool { return s.Team != "" || s.Environment != "" }) {
		for i := range rows {
			teams, environments = append(teams, t.add(rows[i].Team)), append(environments, t.add(rows[i].Environment))
		}
	}
	f.bytes(colText, t.bytes)
	f.numbers(colTextEnds, t.ends)
	f.numbers(colEnvironments, environments)
	u32s(f, colNewServices, rows, func(s *live.Service) uint32 { return s.ID })
	f.numbers(colNewServices+1, names)
	f.numbers(colNewServices+2, namespaces)
	f.numbers(colNewServices+3, labels)
	u8s(f, colNewServices+4, rows, func(s *live.Service) uint8 { return uint8(s.Kind - graph.Service) })
	f.serviceValues(colNewServices+5, rows)
	f.numbers(colTeams, teams)
}

func (f *frame) serviceValues(first uint16, rows []live.Service) {
	f32s(f, first, rows, func(s *live.Service) float32 { return s.Rate })
	f32s(f, first+1, rows, func(s *live.Service) float32 { return s.ErrorRate })
	f32s(f, first+2, rows, func(s *live.Service) float32 { return s.P50 })
	f32s(f, first+3, rows, func(s *live.Service) float32 { return s.P99 })
}

// services writes the columns of services that changed.
func (f *frame) services(rows []live.Service) {
	u32s(f, colServices, rows, func(s *live.Service) uint32 { return s.ID })
	f.serviceValues(colServices+1, rows)
}

// newCalls writes the columns of calls that are new.
func (f *frame) newCalls(rows []live.Call) {
	u32s(f, colNewCalls, rows, func(c *live.Call) uint32 { return c.ID })
	u32s(f, colNewCalls+1, rows, func(c *live.Call) uint32 { return c.From })
	u32s(f, colNewCalls+2, rows, func(c *live.Call) uint32 { return c.To })
	u8s(f, colNewCalls+3, rows, func(c *live.Call) uint8 { return uint8(c.Kind - graph.RPC) })
	f.callValues(colNewCalls+4, rows)
	f64s(f, colNewCalls+11, rows, func(c *live.Call) int64 { return milliseconds(c.First) })
	f64s(f, colNewCalls+12, rows, func(c *live.Call) int64 { return milliseconds(c.Last) })
}

func (f *frame) callValues(first uint16, rows []live.Call) {
	f32s(f, first, rows, func(c *live.Call) float32 { return c.Rate })
	f32s(f, first+1, rows, func(c *live.Call) float32 { return c.ErrorRate })
	f32s(f, first+2, rows, func(c *live.Call) float32 { return c.P50 })
	f32s(f, first+3, rows, func(c *live.Call) float32 { return c.P95 })
	f32s(f, first+4, rows, func(c *live.Call) float32 { return c.P99 })
	f64s(f, first+5, rows, func(c *live.Call) int64 { return c.Calls })
	f64s(f, first+6, rows, func(c *live.Call) int64 { return c.Errors })
}

// calls writes the columns of calls that changed.
func (f *frame) calls(rows []live.Call) {
	u32s(f, colCalls, rows, func(c *live.Call) uint32 { return c.ID })
	f.callValues(colCalls+1, rows)
	f64s(f, colCalls+8, rows, func(c *live.Call) int64 { return milliseconds(c.Last) })
}

// binarySnapshotOf encodes s.
func binarySnapshotOf(s *live.Snapshot, status statusMessage) []byte {
	var f frame
	f.bytes(colEpoch, []byte(s.Epoch))
	f.bytes(colStatus, encode(status))
	f.newServices(s.Services)
	f.newCalls(s.Calls)
	return f.seal(binarySnapshot, s.Seq, s.Seq, s.Time, status.LagMS)
}

// binaryDeltaOf encodes u; the status only if withStatus.
func binaryDeltaOf(u *live.Update, status statusMessage, withStatus bool) []byte {
	var f frame
	if withStatus {
		f.bytes(colStatus, encode(status))
	}
	f.newServices(u.NewServices)
	f.services(u.Services)
	f.newCalls(u.NewCalls)
	f.calls(u.Calls)
	f.numbers(colRemovedServices, u.RemovedServices)
	f.numbers(colRemovedCalls, u.RemovedCalls)
	return f.seal(binaryDelta, u.Seq, u.Base, u.Time, status.LagMS)
}
