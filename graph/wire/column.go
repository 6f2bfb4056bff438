package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/klauspost/compress/huff0"
	"github.com/klauspost/compress/zstd"
)

// ErrMalformed reports input that is not in the form of this package.
var ErrMalformed = errors.New("malformed")

// ErrNewer reports input with parts that this version of the program does not
// know.
var ErrNewer = errors.New("written by a newer version of the program")

const (
	// maxColumn bounds a column, uncompressed: MaxRows rows of two sketches
	// with every bucket filled, two bytes a bucket, take 4.6 MB.
	maxColumn = 8 << 20
	// minCompressed is the size under which compressing gains nothing: a
	// compressed column has at least 10 bytes around its content.
	minCompressed = 24
)

// How the bytes of a column are kept.
const (
	packNone    = 0
	packZstd    = 1
	packHuffman = 2
)

// The codecs are made when first used. Both may be used in parallel.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderCRC(false), // values have a checksum of their own
			zstd.WithSingleSegment(true),
			zstd.WithAllLitEntropyCompression(true), // columns have skew rather than repeats
			zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic("wire: options of the encoder: " + err.Error())
		}
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(maxColumn))
		if err != nil {
			panic("wire: options of the decoder: " + err.Error())
		}
		return d
	})
)

// appendColumn appends a column: its number, its packing, its size, its bytes.
// Most columns have skew and no repeats, and Huffman codes alone pack them as
// well as zstd does in a tenth of the time. Where they leave little there are
// runs, and zstd is tried too.
func appendColumn(dst []byte, number int, raw []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(number))
	if len(raw) < minCompressed {
		return appendPacked(dst, packNone, raw)
	}
	p, q := scratch.Get().(*[]byte), scratch.Get().(*[]byte)
	defer func() { scratch.Put(p); scratch.Put(q) }()
	packing, best := byte(packNone), raw
	var ok bool
	if *p, ok = appendHuffman((*p)[:0], raw); ok && len(*p) < len(best) {
		packing, best = packHuffman, *p
	}
	if !ok || len(best) < len(raw)/4 {
		*q = encoder().EncodeAll(raw, (*q)[:0])
		if len(*q) < len(best) {
			packing, best = packZstd, *q
		}
	}
	return appendPacked(dst, packing, best)
}

// appendHuffman appends raw in blocks: size, size packed, table and data. It
// reports false where Huffman codes do not apply.
func appendHuffman(dst, raw []byte) ([]byte, bool) {
	s := huffmen.Get().(*huff0.Scratch)
	defer huffmen.Put(s)
	s.Reuse = huff0.ReusePolicyNone
	for len(raw) > 0 {
		block := raw[:min(len(raw), huff0.BlockSizeMax)]
		raw = raw[len(block):]
		packed, _, err := huff0.Compress4X(block, s)
		if err != nil {
			return dst, false
		}
		dst = binary.AppendUvarint(dst, uint64(len(block)))
		dst = binary.AppendUvarint(dst, uint64(len(packed)))
		dst = append(dst, packed...)
	}
	return dst, true
}

// readHuffman reads what appendHuffman wrote.
func readHuffman(dst, packed []byte) ([]byte, error) {
	s := huffmen.Get().(*huff0.Scratch)
	defer huffmen.Put(s)
	in := reader{rest: packed}
	for len(in.rest) > 0 {
		size := in.count("size of a block", huff0.BlockSizeMax)
		block := in.bytes(in.count("size of a packed block", len(in.rest)), "block")
		if in.err != nil {
			return dst, in.err
		}
		if len(dst)+size > maxColumn {
			in.fail("size of a column")
			return dst, in.err
		}
		_, data, err := huff0.ReadTable(block, s)
		if err != nil {
			return dst, err
		}
		dst = slices.Grow(dst, size)
		at := len(dst)
		got, err := s.Decoder().Decompress4X(dst[at:at:at+size], data)
		if err != nil {
			return dst, err
		}
		if len(got) != size {
			in.fail("size of a block")
			return dst, in.err
		}
		dst = dst[:at+size]
	}
	return dst, nil
}

var huffmen = sync.Pool{New: func() any { return new(huff0.Scratch) }}

func appendPacked(dst []byte, packing byte, b []byte) []byte {
	dst = append(dst, packing)
	dst = binary.AppendUvarint(dst, uint64(len(b)))
	return append(dst, b...)
}

var scratch = sync.Pool{New: func() any { return new([]byte) }}

// A reader reads from the front of a slice. After the first failure it returns
// zeros and keeps the error.
type reader struct {
	rest []byte
	err  error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", what, ErrMalformed)
	}
	r.rest = nil
}

func (r *reader) uvarint(what string) uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		v := uint64(r.rest[0])
		r.rest = r.rest[1:]
		return v
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail(what)
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint(what string) int64 {
	u := r.uvarint(what)
	return int64(u>>1) ^ -int64(u&1)
}

// count reads a number of things of which each takes at least one of the bytes
// that follow.
func (r *reader) count(what string, limit int) int {
	n := r.uvarint(what)
	if n > uint64(limit) {
		r.fail(what)
		return 0
	}
	return int(n)
}

func (r *reader) bytes(n int, what string) []byte {
	if n > len(r.rest) {
		r.fail(what)
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// column reads the packing, the size and the bytes of a column and returns the
// bytes unpacked, in the memory of into when they fit there.
func (r *reader) column(into []byte) []byte {
	packing := r.bytes(1, "packing of a column")
	packed := r.bytes(r.count("size of a column", len(r.rest)), "column")
	if r.err != nil {
		return nil
	}
	switch packing[0] {
	case packNone:
		return append(into[:0], packed...)
	case packZstd:
		raw, err := decoder().DecodeAll(packed, into[:0])
		if err != nil || len(raw) > maxColumn {
			r.fail("compressed column")
			return nil
		}
		return raw
	case packHuffman:
		raw, err := readHuffman(into[:0], packed)
		if err != nil {
			r.fail("compressed column")
			return nil
		}
		return raw
	}
	r.fail("packing of a column")
	return nil
}

// end fails when bytes are left over.
func (r *reader) end(what string) error {
	if r.err == nil && len(r.rest) > 0 {
		r.fail("end of " + what)
	}
	return r.err
}
