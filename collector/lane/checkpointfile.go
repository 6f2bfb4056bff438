package lane

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"path/filepath"

	"graphctl/collector/files"
)

// A checkpoint file is
//
//	magic, version (1 byte)
//	lane u32, epoch u64, sequence u64, emitted u64, time i64, cut i64,
//	log file u64, log offset i64, lanes u32
//	of each lane: segments u32, each name with its length u32;
//	              length u64 of the engine's state, and that
//	CRC-32C of all before
//
// in little-endian order.
const (
	checkpointMagic   = "gccheck\x00"
	checkpointVersion = 1
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors of reading a checkpoint.
var (
	errDamaged = errors.New("damaged checkpoint")
	// ErrNewer reports a checkpoint that a newer version wrote.
	ErrNewer = errors.New("written by a newer version")
)

// writeCheckpoint replaces the file name: after a power cut the old or the new
// one is there, whole.
func writeCheckpoint(fs files.FS, name string, c *checkpoint) error {
	b := append([]byte(checkpointMagic), checkpointVersion)
	b = binary.LittleEndian.AppendUint32(b, c.origin.Lane)
	for _, n := range []uint64{c.origin.Epoch, c.seq, c.emitted, uint64(c.now), uint64(c.cut), c.log.File, uint64(c.log.Offset)} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(c.lanes)))
	parts := [][]byte{b}
	for _, l := range c.lanes {
		b = binary.LittleEndian.AppendUint32(nil, uint32(len(l.segments)))
		for _, s := range l.segments {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
			b = append(b, s...)
		}
		length := 0
		for _, p := range l.engine {
			length += len(p)
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(length))
		parts = append(append(parts, b), l.engine...)
	}
	var sum uint32
	for _, p := range parts {
		sum = crc32.Update(sum, castagnoli, p)
	}
	parts = append(parts, binary.LittleEndian.AppendUint32(nil, sum))
	return files.WriteFile(fs, name, parts...)
}

// readCheckpoint returns the checkpoint in file name.
func readCheckpoint(fs files.FS, name string) (*checkpoint, error) {
	data, err := files.ReadFile(fs, name)
	if err != nil {
		return nil, err
	}
	head := len(checkpointMagic) + 1
	if len(data) < head+4 || string(data[:head-1]) != checkpointMagic {
		return nil, errDamaged
	}
	if v := data[head-1]; v > checkpointVersion {
		return nil, fmt.Errorf("checkpoint of version %d, this program knows %d: %w", v, checkpointVersion, ErrNewer)
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errDamaged
	}
	p := parser{rest: body[head:]}
	c := new(checkpoint)
	c.origin.Lane = p.uint32()
	c.origin.Epoch, c.seq, c.emitted = p.uint64(), p.uint64(), p.uint64()
	c.now, c.cut = int64(p.uint64()), int64(p.uint64())
	c.log.File, c.log.Offset = p.uint64(), int64(p.uint64())
	lanes := p.uint32()
	if lanes == 0 || lanes > MaxLanes {
		return nil, errDamaged
	}
	for range lanes {
		var l laneState
		for range p.uint32() {
			if p.failed {
				break
			}
			l.segments = append(l.segments, string(p.bytes(uint64(p.uint32()))))
		}
		l.engine = [][]byte{p.bytes(p.uint64())}
		c.lanes = append(c.lanes, l)
	}
	if p.failed || len(p.rest) > 0 {
		return nil, errDamaged
	}
	for _, l := range c.lanes {
		for _, s := range l.segments {
			if s == "" || filepath.Base(s) != s {
				return nil, errDamaged
			}
		}
	}
	return c, nil
}

// A parser takes values off the front of a slice; after the first that is
// missing it yields zeros.
type parser struct {
	rest   []byte
	failed bool
}

func (p *parser) bytes(n uint64) []byte {
	if n > uint64(len(p.rest)) || n > math.MaxInt {
		p.failed, p.rest = true, nil
		return nil
	}
	b := p.rest[:n:n]
	p.rest = p.rest[n:]
	return b
}

func (p *parser) uint32() uint32 {
	if b := p.bytes(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (p *parser) uint64() uint64 {
	if b := p.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}
