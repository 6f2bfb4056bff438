package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"unique"

	"graphctl/graph"
)

// batchMagic begins a batch; the last byte is the version of its form.
var batchMagic = [...]byte{'G', 'B', 1}

// Bounds of a batch. A delta of all edges that a store may hold is within them.
const (
	maxStrings = 1 << 21
	maxSeries  = 1 << 20
	maxRows    = 1 << 22  // of all blocks
	maxNames   = 64 << 20 // bytes of all strings, as of maxColumn each of the parts they come in
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type handles struct {
	subject unique.Handle[graph.Subject]
	facets  unique.Handle[graph.Facets]
}

// AppendBatch appends b, whole: names are carried along. The same batch gives
// the same bytes. Counters that are all zero are left out.
func AppendBatch(dst []byte, b *graph.Batch) []byte {
	start := len(dst)
	dst = append(dst, batchMagic[:]...)
	dst = binary.AppendUvarint(dst, uint64(b.Origin.Lane))
	dst = binary.AppendUvarint(dst, b.Origin.Epoch)
	dst = binary.AppendUvarint(dst, b.Seq)
	buckets, series := split(b.Delta)
	dst = appendNames(dst, series)
	dst = binary.AppendUvarint(dst, uint64(len(buckets)))
	before := graph.Instant(0)
	for _, bucket := range buckets {
		dst = binary.AppendVarint(dst, int64(bucket.start-before))
		before = bucket.start
		dst = appendBlocks(dst, bucket.cells)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(dst[start:], castagnoli))
}

// cell is a row before its series has a block.
type cell struct {
	id    uint32
	stats *graph.Stats
}

type bucketCells struct {
	start graph.Instant
	cells []cell // by id
}

// split returns the cells of d by bucket, both ascending, and the series that
// their ids number, in order of subject and facets.
func split(d *graph.Delta) ([]bucketCells, []handles) {
	type keyed struct {
		key   graph.Key
		stats *graph.Stats
	}
	cells := make([]keyed, 0, d.Len())
	for k, s := range d.Cells() {
		if !s.IsZero() {
			cells = append(cells, keyed{k, s})
		}
	}
	slices.SortFunc(cells, func(a, b keyed) int { // by series
		a.key.Bucket, b.key.Bucket = 0, 0
		return a.key.Compare(b.key)
	})
	var series []handles
	var list []bucketCells
	at := make(map[graph.Instant]int)
	for _, c := range cells {
		h := handles{c.key.Subject, c.key.Facets}
		if len(series) == 0 || series[len(series)-1] != h {
			series = append(series, h)
		}
		i, ok := at[c.key.Bucket]
		if !ok {
			i = len(list)
			at[c.key.Bucket] = i
			list = append(list, bucketCells{start: c.key.Bucket})
		}
		list[i].cells = append(list[i].cells, cell{uint32(len(series) - 1), c.stats})
	}
	slices.SortFunc(list, func(a, b bucketCells) int { return cmp.Compare(a.start, b.start) })
	return list, series
}

// appendNames appends the strings of the series, numbered from 1 as they first
// occur, and the series.
func appendNames(dst []byte, series []handles) []byte {
	var texts, records []byte
	numbers := make(map[string]uint64)
	number := func(s string) uint64 {
		n, ok := numbers[s]
		if !ok {
			n = uint64(len(numbers) + 1)
			numbers[s] = n
			texts = binary.AppendUvarint(texts, uint64(len(s)))
			texts = append(texts, s...)
		}
		return n
	}
	for _, h := range series {
		records = AppendSeries(records, &Series{h.subject.Value(), h.facets.Value()}, number)
	}
	dst = binary.AppendUvarint(dst, uint64(len(numbers)))
	dst = appendParts(dst, texts)
	dst = binary.AppendUvarint(dst, uint64(len(series)))
	return appendParts(dst, records)
}

// appendParts appends b cut into columns of at most maxColumn, after their
// number.
func appendParts(dst, b []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64((len(b)+maxColumn-1)/maxColumn))
	for part := range slices.Chunk(b, maxColumn) {
		dst = appendColumn(dst, 0, part)
	}
	return dst
}

// appendBlocks appends the rows of a bucket in blocks of MaxRows.
func appendBlocks(dst []byte, cells []cell) []byte {
	var rows Rows
	var value []byte
	dst = binary.AppendUvarint(dst, uint64((len(cells)+MaxRows-1)/MaxRows))
	for block := range slices.Chunk(cells, MaxRows) {
		rows.Reset()
		for _, c := range block {
			rows.IDs = append(rows.IDs, c.id)
			rows.Stats = append(rows.Stats, *c.stats) // borrowed: only read
		}
		value = AppendCounters(value[:0], &rows)
		dst = binary.AppendUvarint(dst, uint64(len(value)))
		dst = append(dst, value...)
		value = AppendSketches(value[:0], &rows)
		dst = binary.AppendUvarint(dst, uint64(len(value)))
		dst = append(dst, value...)
	}
	return dst
}

// ReadBatch reads what AppendBatch wrote. On error b is unchanged. b.Delta is
// new and shares no memory with src.
func ReadBatch(src []byte, b *graph.Batch) error {
	got, err := readBatch(src)
	if err != nil {
		return fmt.Errorf("wire: batch: %w", err)
	}
	*b = got
	return nil
}

func readBatch(src []byte) (graph.Batch, error) {
	const around = len(batchMagic) + 4
	if len(src) < around || src[0] != batchMagic[0] || src[1] != batchMagic[1] {
		return graph.Batch{}, fmt.Errorf("head: %w", ErrMalformed)
	}
	if src[2] > batchMagic[2] {
		return graph.Batch{}, fmt.Errorf("version %d: %w", src[2], ErrNewer)
	}
	body := src[:len(src)-4]
	if binary.LittleEndian.Uint32(src[len(body):]) != crc32.Checksum(body, castagnoli) {
		return graph.Batch{}, fmt.Errorf("checksum: %w", ErrMalformed)
	}
	in := reader{rest: body[len(batchMagic):]}
	b := graph.Batch{
		Origin: graph.Origin{Lane: uint32(in.count("lane", 1<<32-1)), Epoch: in.uvarint("epoch")},
		Seq:    in.uvarint("sequence"),
		Delta:  new(graph.Delta),
	}
	series := in.names()
	budget := maxRows
	start := graph.Instant(0)
	for range in.count("number of buckets", len(in.rest)) {
		start += graph.Instant(in.varint("bucket"))
		in.blocks(start, series, b.Delta, &budget)
		if in.err != nil {
			break
		}
	}
	return b, in.end("a batch")
}

// names reads strings and series.
func (r *reader) names() []handles {
	texts := make([]string, 0, min(len(r.rest), 1024))
	number := r.count("number of strings", maxStrings)
	in := reader{rest: r.parts(), err: r.err}
	for range number {
		text := in.bytes(in.count("size of a string", len(in.rest)), "string")
		if in.err != nil {
			break
		}
		texts = append(texts, string(text))
	}
	if r.err = in.end("strings"); r.err != nil {
		return nil
	}
	text := func(n uint64) (string, bool) {
		if n > uint64(len(texts)) {
			return "", false
		}
		return texts[n-1], true
	}
	number = r.count("number of series", maxSeries)
	in = reader{rest: r.parts(), err: r.err}
	list := make([]handles, 0, min(number, len(in.rest)/15))
	for range number {
		var s Series
		if in.series(&s, text); in.err != nil {
			break
		}
		list = append(list, handles{unique.Make(s.Subject), unique.Make(s.Facets)})
	}
	r.err = in.end("series")
	return list
}

// parts reads what appendParts wrote.
func (r *reader) parts() []byte {
	var whole []byte
	for range r.count("number of parts", maxNames/maxColumn) {
		r.count("number of a part", 0)
		whole = append(whole, r.column(nil)...)
		if r.err != nil {
			return nil
		}
	}
	return whole
}

// blocks reads the rows of a bucket into d, at most budget of them.
func (r *reader) blocks(start graph.Instant, series []handles, d *graph.Delta, budget *int) {
	var rows Rows
	for range r.count("number of blocks", len(r.rest)) {
		counters := r.bytes(r.count("size of counters", len(r.rest)), "counters")
		sketches := r.bytes(r.count("size of sketches", len(r.rest)), "sketches")
		if r.err != nil {
			return
		}
		if r.err = ReadCounters(counters, &rows); r.err != nil {
			return
		}
		if r.err = ReadSketches(sketches, &rows); r.err != nil {
			return
		}
		if *budget -= len(rows.IDs); *budget < 0 {
			r.fail("rows over the bound")
			return
		}
		for i, id := range rows.IDs {
			if int(id) >= len(series) {
				r.fail("number of a series")
				return
			}
			h := series[id]
			d.At(graph.Key{Bucket: start, Subject: h.subject, Facets: h.facets}).Add(&rows.Stats[i])
		}
	}
}
