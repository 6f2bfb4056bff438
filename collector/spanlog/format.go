package spanlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"graphctl/collector/files"
)

// A Position is a place between two records of a log. The zero Position is
// before all records.
type Position struct {
	File   uint64 // number of the file, from 1
	Offset int64  // in the file
}

// Before reports whether p comes before q.
func (p Position) Before(q Position) bool {
	return p.File < q.File || p.File == q.File && p.Offset < q.Offset
}

// A Kind says what a record is.
type Kind uint8

// The kinds of records, as in a file.
const (
	names Kind = 1 + iota // definitions, which Replay keeps to itself
	SpansRecord
	TickRecord
	CutRecord
)

const (
	magic   = "gcslog"
	version = 1 // highest that is read, and the one that is written

	// headerLen is that of every version, and its last four bytes are a
	// checksum, so that a newer file can be told from a damaged one.
	headerLen = len(magic) + 2 + 4*8 + 4
	frameLen  = 4 + 4 + 1 + 8 // payload length, checksum, kind, time

	// maxPayload is over what a request of collector.MaxSpans makes, and bounds
	// what is read into memory for a damaged length.
	maxPayload = 64 << 20
	numberLen  = 8  // payload of a cut
	tickLen    = 16 // of a tick
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errBad reports bytes that are no header or no record.
var errBad = errors.New("damaged")

// A header begins a file.
type header struct {
	epoch     uint64
	firstTick uint64   // number of the first tick that was to come
	before    Position // end of the log when the file was begun
}

func (h *header) append(dst []byte) []byte {
	at := len(dst)
	dst = binary.BigEndian.AppendUint16(append(dst, magic...), version)
	for _, n := range [...]uint64{h.epoch, h.firstTick, h.before.File, uint64(h.before.Offset)} {
		dst = binary.BigEndian.AppendUint64(dst, n)
	}
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst[at:], castagnoli))
}

// parseHeader returns errBad for what is no header, and another error for one
// of a newer program.
func parseHeader(b []byte) (h header, err error) {
	if len(b) < headerLen || string(b[:len(magic)]) != magic {
		return h, errBad
	}
	sum := headerLen - 4
	if crc32.Checksum(b[:sum], castagnoli) != binary.BigEndian.Uint32(b[sum:]) {
		return h, errBad
	}
	b = b[len(magic):]
	if v := binary.BigEndian.Uint16(b); v > version {
		return h, fmt.Errorf("format version %d is newer than %d, the newest that is read here", v, version)
	}
	b = b[2:]
	h.epoch, h.firstTick = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
	h.before = Position{binary.BigEndian.Uint64(b[16:]), int64(binary.BigEndian.Uint64(b[24:]))}
	return h, nil
}

// A frame is a record as it lies in a file.
type frame struct {
	kind    Kind
	time    int64
	payload []byte
}

// beginFrame appends room for what sealFrame writes; the payload follows.
func beginFrame(dst []byte) []byte { return append(dst, make([]byte, frameLen)...) }

// sealFrame completes a record, whose payload is there.
func sealFrame(record []byte, kind Kind, time int64) {
	record[8] = byte(kind)
	binary.BigEndian.PutUint64(record[9:], uint64(time))
	binary.BigEndian.PutUint32(record, uint32(len(record)-frameLen))
	binary.BigEndian.PutUint32(record[4:], crc32.Checksum(record[8:], castagnoli))
}

// frameHead reads the beginning of a record, and returns false if no record
// begins so with left bytes to the end.
func frameHead(b []byte, left int64) (kind Kind, time, payload int64, ok bool) {
	payload = int64(binary.BigEndian.Uint32(b))
	kind, time = Kind(b[8]), int64(binary.BigEndian.Uint64(b[9:]))
	ok = kind >= names && kind <= CutRecord && payload <= maxPayload && payload <= left-int64(frameLen)
	switch kind {
	case TickRecord:
		ok = ok && payload == tickLen
	case CutRecord:
		ok = ok && payload == numberLen
	}
	return kind, time, payload, ok
}

// Names of files: a number of ten digits or more, and an ending.
const (
	fileEnding = ".log"
	tmpEnding  = ".log.tmp"
	corrupt    = ".log.corrupt-" // and a Unix time: set aside
)

func fileName(number uint64) string { return fmt.Sprintf("%010d%s", number, fileEnding) }

// fileNumber returns the number in the name of a file of a log, and its ending.
func fileNumber(name string) (number uint64, ending string, ok bool) {
	const digits = 10
	i := strings.IndexByte(name, '.')
	if i < digits {
		return 0, "", false
	}
	number, err := strconv.ParseUint(name[:i], 10, 64)
	ending = name[i:]
	known := ending == fileEnding || ending == tmpEnding || strings.HasPrefix(ending, corrupt)
	return number, ending, err == nil && known
}

// readHeader returns the header of a file of some size.
func readHeader(f files.File, size int64) (header, error) {
	if size < int64(headerLen) {
		return header{}, errBad
	}
	b := make([]byte, headerLen)
	if _, err := f.ReadAt(b, 0); err != nil {
		return header{}, err
	}
	return parseHeader(b)
}
