package archive

import (
	"fmt"
	"io"
	"slices"

	"graphctl/collector/files"
)

const (
	// bufferBytes is written at once: 550 traces of 16 spans.
	bufferBytes = 256 << 10
	// firstRead is what a question reads of a record before it knows the length;
	// most are shorter.
	firstRead = 1 << 10
	// keptRead is the largest record for which the memory is kept.
	keptRead = 1 << 20
)

// A writer is the open segment: a file, and behind it what is not written yet.
// Its memory is used again for the next segment.
type writer struct {
	file        files.File // nil if no segment is open
	name        string
	maxTraces   int
	table       table
	sorted      []entry // of table, if finish failed and nothing was kept since
	buf         []byte  // belongs at base
	base        int64
	high        int64 // end of what may be in the file, in vain if above base
	first, last int64 // lastSeen
}

func (w *writer) begin(f files.File, name string) {
	if w.buf == nil {
		w.buf = make([]byte, 0, bufferBytes)
	}
	w.file, w.name = f, name
}

// reset is for the next segment.
func (w *writer) reset() {
	w.table.clear()
	*w = writer{maxTraces: w.maxTraces, table: w.table, buf: w.buf[:0]}
}

// end is where the next record belongs.
func (w *writer) end() int64 { return w.base + int64(len(w.buf)) }

func (w *writer) full(bytes int64) bool {
	return w.end() >= bytes || w.table.count >= w.maxTraces
}

// keep adds the record of the trace, whose hash is h.
func (w *writer) keep(h, low uint64, lastSeen int64, record []byte) error {
	if len(w.buf)+headerBytes+len(record) > bufferBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	at := w.end()
	w.buf = appendHeader(w.buf, low, lastSeen, record)
	if headerBytes+len(record) <= bufferBytes {
		w.buf = append(w.buf, record...)
	} else if err := w.writeLarge(record); err != nil {
		return err
	}
	if w.table.count == 0 {
		w.first, w.last = lastSeen, lastSeen
	}
	w.first, w.last = min(w.first, lastSeen), max(w.last, lastSeen)
	w.table.put(h, low, uint32(at))
	w.sorted = nil
	return nil
}

// writeLarge writes the header, which is all that the buffer holds, and a record
// that the buffer has no room for: both or none.
func (w *writer) writeLarge(record []byte) error {
	err := w.writeAt(record, w.end())
	if err == nil {
		err = w.writeAt(w.buf, w.base)
	}
	if err == nil {
		w.base += int64(len(w.buf) + len(record))
	}
	w.buf = w.buf[:0]
	return err
}

// flush writes what the buffer holds, which stays there if that fails.
func (w *writer) flush() error {
	if len(w.buf) == 0 {
		return nil
	}
	if err := w.writeAt(w.buf, w.base); err != nil {
		return err
	}
	w.base, w.buf = w.end(), w.buf[:0]
	return nil
}

func (w *writer) writeAt(b []byte, at int64) error {
	w.high = max(w.high, at+int64(len(b)))
	n, err := w.file.WriteAt(b, at)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// finish writes index and footer. The writer keeps its table, and goes on as if
// nothing had been written if that fails.
func (w *writer) finish() (*segment, []entry, error) {
	if err := w.flush(); err != nil {
		return nil, nil, err
	}
	if w.sorted == nil {
		w.sorted = w.table.sorted()
	}
	s := &segment{
		name: w.name, file: w.file, records: w.base,
		traces: len(w.sorted), first: w.first, last: w.last,
	}
	if err := w.writeIndex(s, w.sorted); err != nil {
		w.base, w.buf = s.records, w.buf[:0]
		return nil, nil, err
	}
	s.size = w.base
	return s, w.sorted, nil
}

func (w *writer) writeIndex(s *segment, entries []entry) error {
	s.fences = make([]uint64, 0, s.blocks())
	for len(entries) > 0 {
		block := entries[:min(blockEntries, len(entries))]
		entries = entries[len(block):]
		if len(w.buf)+blockBytes > bufferBytes {
			if err := w.flush(); err != nil {
				return err
			}
		}
		w.buf = appendBlock(w.buf, block)
		s.fences = append(s.fences, block[0].low)
	}
	if len(w.buf)+footerBytes > bufferBytes {
		if err := w.flush(); err != nil {
			return err
		}
	}
	w.buf = s.appendFooter(w.buf)
	if err := w.flush(); err != nil {
		return err
	}
	if w.high > w.base { // left by a write that failed; the footer must be last
		return w.file.Truncate(w.base)
	}
	return nil
}

// readOpen returns a record of the open segment.
func (a *Archive) readOpen(low uint64, at uint32) ([]byte, int64, error) {
	w := &a.open
	if int64(at) < w.base {
		return a.read(w.file, low, int64(at), w.base)
	}
	b := w.buf[int64(at)-w.base:]
	return parseRecord(b[:recordBytes(b)], low)
}

// read returns a record from a file that has records up to end.
func (a *Archive) read(f files.File, low uint64, at, end int64) ([]byte, int64, error) {
	n := min(firstRead, end-at)
	if n < headerBytes {
		return nil, 0, fmt.Errorf("%w record: beyond the records", ErrDamaged)
	}
	if a.record == nil || cap(a.record) > keptRead {
		a.record = make([]byte, firstRead)
	}
	b := a.record[:n]
	if err := readFull(f, b, at); err != nil {
		return nil, 0, err
	}
	if m := recordBytes(b); m > end-at {
		return nil, 0, fmt.Errorf("%w record: beyond the records", ErrDamaged)
	} else if m > n {
		b = slices.Grow(b, int(m-n))[:m]
		a.record = b
		if err := readFull(f, b[n:], at+n); err != nil {
			return nil, 0, err
		}
	}
	return parseRecord(b[:recordBytes(b)], low)
}
