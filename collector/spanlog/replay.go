package spanlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"graphctl/collector"
	"graphctl/collector/wire"
)

// A Record is what Append, Tick or Cut wrote.
type Record struct {
	Kind   Kind
	Time   int64            // ns
	Epoch  uint64           // of the file
	Seq    uint64           // of a TickRecord
	Before int64            // of a CutRecord
	Batch  *collector.Batch // of a SpansRecord; borrowed for the call
	End    Position
}

// number returns what a tick or a cut holds, durable up to where the file was
// durable when a tick was written.
func (fr *frame) number() uint64  { return binary.BigEndian.Uint64(fr.payload) }
func (fr *frame) durable() uint64 { return binary.BigEndian.Uint64(fr.payload[8:]) }

// Replay calls f with the records behind a position, in order, and stops at its
// first error. Gaps are passed over. Left out are ticks whose number the next
// file begins with or is behind: that file was begun by a process that did not
// know of them.
func (l *Log) Replay(from Position, f func(Record) error) error {
	l.mu.Lock()
	all := slices.Clone(l.files)
	l.mu.Unlock()
	p := replay{log: l, from: from, f: f}
	for i := range all {
		if all[i].number < from.File {
			continue
		}
		p.ticks = math.MaxUint64
		if i+1 < len(all) {
			p.ticks = all[i+1].firstTick
		}
		if err := p.file(&all[i]); err != nil {
			return err
		}
	}
	return nil
}

// A replay is one call of Replay.
type replay struct {
	log   *Log
	from  Position
	ticks uint64 // numbers from here on are of the next file
	f     func(Record) error

	names wire.Names
	batch collector.Batch
}

// file replays a file. Names are read from its beginning.
func (p *replay) file(of *file) (err error) {
	path := p.log.path(of.number)
	opened, err := p.log.o.FS.Open(path)
	if err != nil {
		return fmt.Errorf("spanlog: replay: %w", err)
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	p.names.Reset()
	r := newReader(opened, of.end)
	for {
		at := r.off
		fr, err := r.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("spanlog: replay %s at %d: %w", path, at, err)
		}
		rec := Record{Kind: fr.kind, Time: fr.time, Epoch: of.epoch, End: Position{of.number, r.off}}
		wanted, err := p.read(&rec, &fr)
		if err != nil {
			return fmt.Errorf("spanlog: replay %s at %d: %w", path, at, err)
		}
		if wanted {
			if err := p.f(rec); err != nil {
				return err
			}
		}
	}
}

// read completes rec and reports whether it is to be replayed.
func (p *replay) read(rec *Record, fr *frame) (wanted bool, err error) {
	if fr.kind == names {
		return false, p.names.Read(fr.payload, p.log.syms)
	}
	if !p.from.Before(rec.End) {
		return false, nil
	}
	switch fr.kind {
	case SpansRecord:
		p.batch.Reset()
		rec.Batch = &p.batch
		return true, p.names.ReadSpans(fr.payload, fr.time, &p.batch)
	case TickRecord:
		rec.Seq = fr.number()
		return rec.Seq < p.ticks, nil
	default:
		rec.Before = int64(fr.number())
		return true, nil
	}
}
