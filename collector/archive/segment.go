package archive

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
	"strconv"
	"strings"

	"graphctl/collector/files"
)

// The layout of a segment file; docs/format.md has it in words.
const (
	headerBytes = 24 // of a record: lastSeen, low, length, checksum

	entryBytes   = 12 // of the index: low, place
	blockEntries = 256
	blockBytes   = blockEntries*entryBytes + 4 // with its checksum

	magic         = "gctraces"
	formatVersion = 1
	footerBytes   = 44
)

const segmentSuffix = ".traces"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A segment is a sealed file.
type segment struct {
	name    string // within the folder
	file    files.File
	records int64 // bytes of records, where the index begins
	size    int64
	traces  int
	first   int64    // least lastSeen
	last    int64    // greatest lastSeen
	fences  []uint64 // the first trace of each block of the index
	hints   hints
	state   durability
}

type durability uint8

const (
	written durability = iota
	suspect            // a sync failed: what it holds after the next one cannot be known
	durable
)

func segmentName(number uint64) string { return fmt.Sprintf("%010d%s", number, segmentSuffix) }

// segmentNumber is the inverse of segmentName.
func segmentNumber(name string) (number uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 10, 64)
	return number, err == nil && segmentName(number) == name
}

// appendHeader appends the header of a record.
func appendHeader(b []byte, low uint64, lastSeen int64, record []byte) []byte {
	n := len(b)
	b = binary.BigEndian.AppendUint64(b, uint64(lastSeen))
	b = binary.BigEndian.AppendUint64(b, low)
	b = binary.BigEndian.AppendUint32(b, uint32(len(record)))
	sum := crc32.Update(crc32.Checksum(b[n:], castagnoli), castagnoli, record)
	return binary.BigEndian.AppendUint32(b, sum)
}

// recordBytes returns how many bytes the record that begins with header takes,
// with its header.
func recordBytes(header []byte) int64 {
	return headerBytes + int64(binary.BigEndian.Uint32(header[16:]))
}

// parseRecord returns the record of the trace, which b holds with its header.
func parseRecord(b []byte, low uint64) (record []byte, lastSeen int64, err error) {
	record = b[headerBytes:]
	sum := crc32.Update(crc32.Checksum(b[:headerBytes-4], castagnoli), castagnoli, record)
	switch {
	case binary.BigEndian.Uint32(b[headerBytes-4:]) != sum:
		return nil, 0, fmt.Errorf("%w record: wrong checksum", ErrDamaged)
	case binary.BigEndian.Uint64(b[8:]) != low:
		return nil, 0, fmt.Errorf("%w: record of another trace", ErrDamaged)
	}
	return record, int64(binary.BigEndian.Uint64(b)), nil
}

// appendBlock appends a block of the index.
func appendBlock(b []byte, entries []entry) []byte {
	n := len(b)
	for _, e := range entries {
		b = binary.BigEndian.AppendUint64(b, e.low)
		b = binary.BigEndian.AppendUint32(b, e.at)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[n:], castagnoli))
}

// checkBlock checks a block of the index and returns its entries.
func checkBlock(b []byte) ([]byte, error) {
	entries := b[:len(b)-4]
	if binary.BigEndian.Uint32(b[len(entries):]) != crc32.Checksum(entries, castagnoli) {
		return nil, fmt.Errorf("%w: wrong checksum", ErrDamaged)
	}
	return entries, nil
}

// entryLow returns the trace of an entry of a block.
func entryLow(entries []byte, i int) uint64 {
	return binary.BigEndian.Uint64(entries[i*entryBytes:])
}

// blockAt returns where a block of the index is and how long it is.
func (s *segment) blockAt(i int) (at int64, bytes int) {
	n := min(blockEntries, s.traces-i*blockEntries)
	return s.records + int64(i)*blockBytes, n*entryBytes + 4
}

// blocks returns how many blocks the index has.
func (s *segment) blocks() int { return (s.traces + blockEntries - 1) / blockEntries }

func (s *segment) appendFooter(b []byte) []byte {
	n := len(b)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint32(b, formatVersion)
	b = binary.BigEndian.AppendUint32(b, uint32(s.traces))
	b = binary.BigEndian.AppendUint64(b, uint64(s.first))
	b = binary.BigEndian.AppendUint64(b, uint64(s.last))
	b = binary.BigEndian.AppendUint64(b, uint64(s.records))
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[n:], castagnoli))
}

// readFooter sets what the footer says, which is at the end of the file.
func (s *segment) readFooter() error {
	size, err := s.file.Size()
	if err != nil {
		return err
	}
	if size < footerBytes {
		return fmt.Errorf("%w: %d bytes are less than a footer", ErrDamaged, size)
	}
	b := make([]byte, footerBytes)
	if err := readFull(s.file, b, size-footerBytes); err != nil {
		return err
	}
	if string(b[:8]) != magic || binary.BigEndian.Uint32(b[footerBytes-4:]) != crc32.Checksum(b[:footerBytes-4], castagnoli) {
		return fmt.Errorf("%w: no footer at the end", ErrDamaged)
	}
	if v := binary.BigEndian.Uint32(b[8:]); v != formatVersion {
		return fmt.Errorf("format %d is not known", v)
	}
	s.size = size
	s.traces = int(binary.BigEndian.Uint32(b[12:]))
	s.first = int64(binary.BigEndian.Uint64(b[16:]))
	s.last = int64(binary.BigEndian.Uint64(b[24:]))
	s.records = int64(binary.BigEndian.Uint64(b[32:]))
	index := int64(s.traces)*entryBytes + int64(s.blocks())*4
	if s.traces == 0 || s.records < 0 || s.records > size || s.records+index+footerBytes != size {
		return fmt.Errorf("%w: footer does not fit the size %d", ErrDamaged, size)
	}
	return nil
}

// readIndex checks the whole index, sets the fences and gives each trace to note.
func (s *segment) readIndex(note func(low uint64)) error {
	s.fences = make([]uint64, 0, s.blocks())
	buf := make([]byte, min(bufferBytes/blockBytes*blockBytes, s.size-footerBytes-s.records))
	var held []byte // read, not looked at
	for i, last := 0, uint64(0); i < s.blocks(); i++ {
		at, n := s.blockAt(i)
		if len(held) == 0 {
			held = buf[:min(int64(len(buf)), s.size-footerBytes-at)]
			if err := readFull(s.file, held, at); err != nil {
				return fmt.Errorf("index: %w", err)
			}
		}
		entries, err := checkBlock(held[:n])
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
		held = held[n:]
		s.fences = append(s.fences, entryLow(entries, 0))
		for k := range len(entries) / entryBytes {
			low := entryLow(entries, k)
			if low <= last && (i > 0 || k > 0) {
				return fmt.Errorf("index: %w: not in order", ErrDamaged)
			}
			last = low
			note(low)
		}
	}
	return nil
}

// find returns the place of the trace's record, reading one block of the index
// into buf.
func (s *segment) find(low uint64, buf []byte) (at uint32, ok bool, err error) {
	i, exact := slices.BinarySearch(s.fences, low)
	if !exact {
		if i == 0 {
			return 0, false, nil
		}
		i--
	}
	place, n := s.blockAt(i)
	if err := readFull(s.file, buf[:n], place); err != nil {
		return 0, false, err
	}
	entries, err := checkBlock(buf[:n])
	if err != nil {
		return 0, false, err
	}
	if entryLow(entries, 0) != s.fences[i] {
		return 0, false, fmt.Errorf("%w: another block", ErrDamaged)
	}
	from, to := 0, len(entries)/entryBytes
	for from < to {
		mid := (from + to) / 2
		if entryLow(entries, mid) < low {
			from = mid + 1
		} else {
			to = mid
		}
	}
	if from == len(entries)/entryBytes || entryLow(entries, from) != low {
		return 0, false, nil
	}
	return binary.BigEndian.Uint32(entries[from*entryBytes+8:]), true, nil
}

// readFull fills b; a file that ends before is damaged.
func readFull(f files.File, b []byte, at int64) error {
	n, err := f.ReadAt(b, at)
	switch {
	case n == len(b):
		return nil
	case err == nil || err == io.EOF:
		return fmt.Errorf("%w: ends at %d", ErrDamaged, at+int64(n))
	}
	return err
}
