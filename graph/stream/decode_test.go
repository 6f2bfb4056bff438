package stream

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// decoded is a binary frame as a reader of docs/protocol.md sees it. Rows are
// maps by the JSON names of their fields, so that both forms can be compared.
type decoded struct {
	message                       byte
	seq, base                     uint64
	timeMS                        float64
	lagMS                         uint32
	epoch, status                 string
	services, calls               []map[string]any // new ones, then changed ones
	removedServices, removedCalls []float64
}

type decodedColumn struct {
	typ   byte
	count int
	data  []byte
}

var (
	nodeKinds = []string{"service", "database", "messaging", "external", "user"}
	edgeKinds = []string{"rpc", "database", "messaging", "link"}
)

// fields of the row sets, in the order of their columns.
var rowSets = []struct {
	first  uint16
	types  string // 1 u8, 2 u32, 3 f32, 4 f64
	fields []string
}{
	{20, "222213333", []string{"id", "name", "namespace", "label", "kind", "rate", "error_rate", "p50_ms", "p99_ms"}},
	{30, "23333", []string{"id", "rate", "error_rate", "p50_ms", "p99_ms"}},
	{40, "2221333334444", []string{"id", "from", "to", "kind", "rate", "error_rate", "p50_ms", "p95_ms", "p99_ms", "calls", "errors", "first_seen_ms", "last_seen_ms"}},
	{60, "233333444", []string{"id", "rate", "error_rate", "p50_ms", "p95_ms", "p99_ms", "calls", "errors", "last_seen_ms"}},
}

// decode reads a frame as strictly as the protocol asks of a reader.
func decode(b []byte) (*decoded, error) {
	if len(b) < 32 || string(b[:4]) != "GCS1" || b[5] != 0 {
		return nil, fmt.Errorf("header % x", b[:min(len(b), 32)])
	}
	le := binary.LittleEndian
	if n := le.Uint32(b[28:]); int(n) != len(b) {
		return nil, fmt.Errorf("length %d of %d bytes", n, len(b))
	}
	d := &decoded{
		message: b[4],
		seq:     uint64(le.Uint32(b[8:])),
		base:    uint64(le.Uint32(b[12:])),
		timeMS:  math.Float64frombits(le.Uint64(b[16:])),
		lagMS:   le.Uint32(b[24:]),
	}
	columns, err := decodeDirectory(b, int(le.Uint16(b[6:])))
	if err != nil {
		return nil, err
	}
	d.epoch, d.status = string(columns[1].data), string(columns[2].data)
	strings := decodeStrings(columns)
	for _, set := range rowSets {
		rows := make([]map[string]any, columns[set.first].count)
		for i := range rows {
			rows[i] = make(map[string]any)
		}
		for n, field := range set.fields {
			c := columns[set.first+uint16(n)]
			if c.count != len(rows) || len(rows) > 0 && c.typ != set.types[n]-'0' {
				return nil, fmt.Errorf("column %d has %d elements of type %d, want %d of %c", set.first+uint16(n), c.count, c.typ, len(rows), set.types[n])
			}
			for i, v := range c.values() {
				decodeField(rows[i], set.first, field, v, strings)
			}
		}
		if set.first == colNewServices {
			if err := decodeHomes(rows, columns, strings); err != nil {
				return nil, err
			}
		}
		if set.first < 40 {
			d.services = append(d.services, rows...)
		} else {
			d.calls = append(d.calls, rows...)
		}
	}
	d.removedServices, d.removedCalls = columns[80].values(), columns[81].values()
	return d, nil
}

// decodeHomes reads the two columns that may be left out.
func decodeHomes(rows []map[string]any, columns map[uint16]decodedColumn, strings []string) error {
	for number, field := range map[uint16]string{colTeams: "team", colEnvironments: "environment"} {
		c := columns[number]
		if c.count == 0 {
			continue
		}
		if c.count != len(rows) || c.typ != typeU32 {
			return fmt.Errorf("column %d has %d elements of type %d, want %d of 2", number, c.count, c.typ, len(rows))
		}
		for i, v := range c.values() {
			if s := strings[int(v)]; s != "" {
				rows[i][field] = s
			}
		}
	}
	return nil
}

func decodeField(row map[string]any, set uint16, field string, v float64, strings []string) {
	switch {
	case v != v: // absent
	case field == "name" || field == "namespace" || field == "label":
		row[field] = strings[int(v)]
	case field == "kind" && set == 20:
		row[field] = nodeKinds[int(v)]
	case field == "kind":
		row[field] = edgeKinds[int(v)]
	default:
		row[field] = v
	}
}

func decodeDirectory(b []byte, n int) (map[uint16]decodedColumn, error) {
	le := binary.LittleEndian
	columns := make(map[uint16]decodedColumn)
	last, end := -1, 32+12*n
	for i := range n {
		e := b[32+12*i:]
		number, typ, start, count := int(le.Uint16(e)), e[2], int(le.Uint32(e[4:])), int(le.Uint32(e[8:]))
		size := map[byte]int{1: 1, 2: 4, 3: 4, 4: 8}[typ]
		if number <= last || e[3] != 0 || size == 0 || start%8 != 0 || start < end || start+size*count > len(b) {
			return nil, fmt.Errorf("directory entry %d: column %d type %d start %d count %d", i, number, typ, start, count)
		}
		if slices.ContainsFunc(b[end:start], func(c byte) bool { return c != 0 }) {
			return nil, fmt.Errorf("bytes before column %d are not 0", number)
		}
		columns[uint16(number)] = decodedColumn{typ, count, b[start : start+size*count]}
		last, end = number, start+size*count
	}
	if end != len(b) {
		return nil, fmt.Errorf("%d bytes behind the last column", len(b)-end)
	}
	return columns, nil
}

func decodeStrings(columns map[uint16]decodedColumn) (all []string) {
	start := 0
	for _, end := range columns[11].values() {
		all = append(all, string(columns[10].data[start:int(end)]))
		start = int(end)
	}
	return all
}

// values returns the elements as numbers; single precision as the shortest
// decimal that means it, which is what JSON holds.
func (c decodedColumn) values() (v []float64) {
	le := binary.LittleEndian
	for i := range c.count {
		switch c.typ {
		case 1:
			v = append(v, float64(c.data[i]))
		case 2:
			v = append(v, float64(le.Uint32(c.data[4*i:])))
		case 3:
			v = append(v, float64(math.Float32frombits(le.Uint32(c.data[4*i:]))))
		case 4:
			v = append(v, math.Float64frombits(le.Uint64(c.data[8*i:])))
		}
	}
	return v
}
