package archive

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"graphctl/collector/files"
)

const (
	// MaxRecord is the size of the largest record: a trace of a million spans,
	// the most that one may have, takes some 30 MB.
	MaxRecord = 256 << 20

	segmentBytes    = 64 << 20 // 140,000 traces of 16 spans
	maxSegmentBytes = 1 << 30  // places are 32 bits
	filterBytes     = 32 << 20 // an hour of 3,000 traces a second

	// segmentTraces bounds the table, and the time a lane waits for the index:
	// three quarters of 2^19 slots.
	segmentTraces = 3 << 17
)

var (
	// ErrDamaged is in errors of Open and Recall when a file does not hold what
	// was written to it.
	ErrDamaged = errors.New("damaged")
	// ErrTooLarge is returned by Keep for a record over MaxRecord.
	ErrTooLarge = errors.New("record too large")
)

// Options are the bounds of an Archive. The zero value holds the defaults.
type Options struct {
	// FS is the disk; files.Disk if nil.
	FS files.FS
	// SegmentBytes is the size at which a segment is sealed: 64 MiB, at most
	// 1 GiB. More segments mean more reads to find a trace, larger ones keep
	// expired traces longer.
	SegmentBytes int64
	// FilterBytes bounds the filters: 32 MiB, at least 1 KiB. A trace takes 16
	// bits; 6 more are room, for the newest filter is partly empty and the oldest
	// partly expired. Beyond it the oldest segments are forgotten early.
	FilterBytes int64
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = files.Disk
	}
	o.SegmentBytes = min(cmp.Or(o.SegmentBytes, segmentBytes), maxSegmentBytes)
	o.FilterBytes = max(cmp.Or(o.FilterBytes, filterBytes), 1<<10)
	return o
}

// An Archive is made by Open.
type Archive struct {
	o         Options
	dir       string
	seed      seed
	maxTraces int    // in sealed segments
	next      uint64 // number of the next segment
	stats     counters

	open    writer
	sealed  []*segment // oldest first
	traces  int        // in sealed
	groups  []*group   // of sealed, oldest first
	retired []*segment // no longer sealed, closed; their files wait for Release

	oldest  int64 // that Seal was given last; of what Open found before
	newest  int64 // greatest lastSeen in sealed
	planned int   // traces for which the next filter is made if nothing is known

	changes int    // of names in the folder that are not durable yet
	block   []byte // of an index, read by a question
	record  []byte // read by a question
}

func newArchive(dir string, o Options) *Archive {
	o = o.withDefaults()
	a := &Archive{
		o: o, dir: dir, oldest: math.MinInt64, newest: math.MinInt64,
		seed:      seed{rand.Uint64(), rand.Uint64() | 1},
		maxTraces: int(o.FilterBytes * 8 / (filterBits*(groupsPerHorizon+2)/groupsPerHorizon + hintBits)),
		block:     make([]byte, blockBytes),
	}
	a.open.table.seed = a.seed
	a.open.maxTraces = min(segmentTraces, a.maxTraces/4)
	return a
}

// Keep adds the record of the trace, which is borrowed; lastSeen is the log time
// of its last span in ns. An earlier record of the trace is superseded. After an
// error the record is not kept, what was kept before still is, and the Archive
// can be used on.
func (a *Archive) Keep(low uint64, lastSeen int64, record []byte) error {
	if err := a.keep(low, lastSeen, record); err != nil {
		a.stats.failed.Add(1)
		return fmt.Errorf("archive: keep trace %016x in %s: %w", low, a.dir, err)
	}
	a.stats.kept.Add(1)
	return nil
}

func (a *Archive) keep(low uint64, lastSeen int64, record []byte) error {
	if len(record) > MaxRecord {
		return ErrTooLarge
	}
	if a.open.full(a.o.SegmentBytes) {
		if err := a.finish(); err != nil {
			return err
		}
	}
	if a.open.file == nil {
		if err := a.begin(); err != nil {
			return err
		}
	}
	return a.open.keep(a.seed.hash(low), low, lastSeen, record)
}

// begin makes a new segment the open one.
func (a *Archive) begin() error {
	name := segmentName(a.next)
	f, err := a.o.FS.Create(a.path(name))
	if err != nil {
		return err
	}
	a.next++
	a.changes++
	a.open.begin(f, name)
	return nil
}

// finish seals the open segment, which is not durable thereby.
func (a *Archive) finish() error {
	s, entries, err := a.open.finish()
	if err != nil {
		return err
	}
	a.enlist(s)
	a.forget()
	for _, e := range entries {
		a.note(s, e.low)
	}
	a.open.reset()
	a.publish()
	return nil
}

// Recall returns the newest record of the trace if its lastSeen is greater than
// oldest, and nil if it is not or there is none. The record may be read until
// the next call. After an error (a read failed, or what was read is damaged)
// there may have been one.
func (a *Archive) Recall(low uint64, oldest int64) ([]byte, error) {
	record, lastSeen, err := a.find(low, oldest)
	switch {
	case err != nil:
		if errors.Is(err, ErrDamaged) {
			a.stats.damaged.Add(1)
		} else {
			a.stats.failed.Add(1)
		}
		return nil, fmt.Errorf("archive: recall trace %016x: %w", low, err)
	case record == nil || lastSeen <= oldest:
		return nil, nil
	}
	a.stats.recalled.Add(1)
	return record, nil
}

// find returns the newest record of the trace and its lastSeen, nil if there is
// none. It need not look at segments in which nothing is newer than oldest.
func (a *Archive) find(low uint64, oldest int64) ([]byte, int64, error) {
	h := a.seed.hash(low)
	if at, ok := a.open.table.find(h, low); ok {
		return a.readOpen(low, at)
	}
	pattern := filterPattern(h)
	for i := len(a.groups) - 1; i >= 0; i-- {
		g := a.groups[i]
		if !g.filter.has(h, pattern) {
			continue
		}
		record, lastSeen, err := a.search(g, low, h, oldest)
		if record != nil || err != nil {
			return record, lastSeen, err
		}
		a.stats.misled.Add(1)
	}
	return nil, 0, nil
}

// search looks for the trace in the segments of a group.
func (a *Archive) search(g *group, low, h uint64, oldest int64) ([]byte, int64, error) {
	for i := len(g.segments) - 1; i >= 0; i-- {
		s := g.segments[i]
		if s.last <= oldest || !s.hints.has(h, filterPattern(h)) {
			continue
		}
		at, ok, err := s.find(low, a.block)
		if err != nil {
			return nil, 0, fmt.Errorf("index of %s: %w", a.path(s.name), err)
		}
		if !ok {
			continue
		}
		record, lastSeen, err := a.read(s.file, low, int64(at), s.records)
		if err != nil {
			return nil, 0, fmt.Errorf("%s at %d: %w", a.path(s.name), at, err)
		}
		return record, lastSeen, nil
	}
	return nil, 0, nil
}

// Oldest returns the lastSeen of the oldest record that is kept; ok is false if
// none is.
func (a *Archive) Oldest() (lastSeen int64, ok bool) {
	lastSeen = math.MaxInt64
	for _, s := range a.sealed {
		lastSeen = min(lastSeen, s.first)
	}
	if a.open.table.count > 0 {
		lastSeen = min(lastSeen, a.open.first)
	}
	return lastSeen, len(a.sealed) > 0 || a.open.table.count > 0
}

// Bytes returns the size of all files, those that wait for Release included.
func (a *Archive) Bytes() int64 {
	n := max(a.open.end(), a.open.high)
	for _, s := range a.sealed {
		n += s.size
	}
	for _, s := range a.retired {
		n += s.size
	}
	return n
}

// Close closes the files. What was kept since the last Seal is lost.
func (a *Archive) Close() error {
	var errs []error
	for _, s := range a.sealed {
		errs = append(errs, s.file.Close())
	}
	if a.open.file != nil {
		errs = append(errs, a.open.file.Close())
	}
	return errors.Join(errs...)
}
