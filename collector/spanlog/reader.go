package spanlog

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"

	"graphctl/collector/files"
)

// readAhead is read at once.
const readAhead = 1 << 20

// A reader reads the records of a file one after the other.
type reader struct {
	f   files.File
	off int64 // of the next record
	end int64 // where reading ends

	buf []byte // bytes of the file from at on
	at  int64
}

func newReader(f files.File, end int64) *reader {
	return &reader{f: f, off: int64(headerLen), end: end}
}

// peek returns the n bytes that come next, of which there are so many. They are
// valid until the next call.
func (r *reader) peek(n int64) ([]byte, error) {
	if r.off < r.at || r.off+n > r.at+int64(len(r.buf)) {
		want := min(max(n, readAhead), r.end-r.off)
		if int64(cap(r.buf)) < want {
			r.buf = make([]byte, want)
		}
		r.buf, r.at = r.buf[:want], r.off
		if read, err := r.f.ReadAt(r.buf, r.off); int64(read) < want {
			r.buf = r.buf[:0]
			if err == io.EOF {
				err = io.ErrUnexpectedEOF // the file had this size a moment ago
			}
			return nil, err
		}
	}
	from := r.off - r.at
	return r.buf[from : from+n], nil
}

// next returns the next record, io.EOF at the end, errBad for what is none. The
// record is valid until the next call.
func (r *reader) next() (fr frame, err error) {
	left := r.end - r.off
	if left == 0 {
		return fr, io.EOF
	}
	if left < int64(frameLen) {
		return fr, errBad
	}
	head, err := r.peek(int64(frameLen))
	if err != nil {
		return fr, err
	}
	kind, time, payload, ok := frameHead(head, left)
	if !ok {
		return fr, errBad
	}
	record, err := r.peek(int64(frameLen) + payload)
	if err != nil {
		return fr, err
	}
	if crc32.Checksum(record[8:], castagnoli) != binary.BigEndian.Uint32(record[4:]) {
		return fr, errBad
	}
	r.off += int64(len(record))
	return frame{kind, time, record[frameLen:]}, nil
}

// Bounds of the search for a record behind damage: one that follows another by
// a hundred days is taken for noise, or nearly every place would have to be
// checked; and what takes longer than a second is not done.
const (
	maxGap      = 1 << 53 // ns
	maxSearched = 1 << 30 // bytes of checksums
)

// wasDurable reports whether the place where the reader met errBad had been made
// durable: a good tick behind it says so, the last good record before it being
// of time last, or math.MinInt64. If none does, a power cut may have lost what
// was there and left what is behind. It may answer true when it would take too
// long to know.
func (r *reader) wasDurable(last int64) (bool, error) {
	bad, searched := uint64(r.off), int64(0)
	for r.off++; r.end-r.off >= int64(frameLen); {
		head, err := r.peek(int64(frameLen))
		if err != nil {
			return false, err
		}
		_, time, payload, ok := frameHead(head, r.end-r.off)
		if !ok || last != math.MinInt64 && uint64(time)-uint64(last) > maxGap {
			r.off++
			continue
		}
		if searched += payload; searched > maxSearched {
			return true, nil
		}
		fr, err := r.next()
		switch {
		case err == errBad:
			r.off++
		case err != nil:
			return false, err
		case fr.kind == TickRecord && fr.durable() > bad:
			return true, nil
		}
	}
	return false, nil
}
