package spanlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"graphctl/collector"
	"graphctl/collector/files"
	"graphctl/collector/wire"
)

const (
	defaultMaxFile = 128 << 20 // half a minute at 100,000 spans/s: what is kept beyond the last checkpoint
	defaultMinFree = 64 << 20  // so that the store can still commit

	retryAfter = 30 * time.Second // what a refused sender is told: space does not come back sooner
	freeEvery  = time.Second      // how often free space is looked at, by the time of records

	// namesStep is how many names of a series one record defines at most: 4 MB
	// of the longest.
	namesStep = 1024
	// keptBuffer bounds the memory that is kept from one append to the next.
	keptBuffer = 4 << 20
)

// Options of a Log. Zero fields select the defaults.
type Options struct {
	FS      files.FS // default files.Disk
	MaxFile int64    // bytes of records after which a new file is begun; default 128 MiB
	MinFree int64    // free bytes of the disk below which nothing is appended; default 64 MiB
	Epoch   uint64   // of the first file in an empty folder, if Begin does not say another
}

// A Log takes spans. It is made by Open.
type Log struct {
	dir    string
	o      Options
	syms   *collector.Symbols
	found  Found
	begins Position // of the first record when it was opened

	// Of whoever appends.
	epoch    uint64
	nextTick uint64
	last     uint64      // highest number that a file ever had
	end      Position    // of the log
	counts   wire.Counts // names defined in cur
	bodyFrom int64       // offset in cur behind the names it began with
	torn     bool        // cur ends where l.end says, whatever it holds: no more is written to it
	now      int64       // time of the last record, never goes back
	freeAt   int64       // when to look at free space next
	full     bool
	buf      []byte

	mu    sync.Mutex // taken last
	files []file     // oldest first

	// turn is held by whoever syncs or changes the file that is written to.
	turn   chan struct{}
	cur    files.File // nil until a file is begun; changed by who appends, with the turn
	base   uint64     // what appended was at offset 0 of cur
	closed bool

	appended atomic.Uint64 // bytes ever
	synced   atomic.Uint64 // of them
	failing  atomic.Pointer[failure]
	stats    counters
}

// A file of the log.
type file struct {
	header
	number uint64
	end    int64 // of its good records
	size   int64 // on disk
}

// A failure is why the log takes nothing until Begin.
type failure struct{ error }

var errClosed = errors.New("spanlog: closed")

// Append writes a record of the spans of b and returns its end. now is Unix
// time in ns; a step back is held at the highest time seen. The error is a
// collector.BusyError when the disk does not take it.
func (l *Log) Append(now int64, b *collector.Batch) (Position, error) {
	if err := l.ready(now); err != nil {
		return Position{}, err
	}
	buf, counts := l.buf[:0], l.counts
	if !counts.Covers(b) {
		all := wire.CountsOf(l.syms)
		for counts != all {
			next := counts.Next(all, namesStep)
			buf = l.appendNames(buf, counts, next)
			counts = next
		}
	}
	at := len(buf)
	buf = wire.AppendSpans(beginFrame(buf), l.now, b)
	if n := len(buf) - at - frameLen; n > maxPayload {
		return Position{}, fmt.Errorf("spanlog: append: a batch of %d bytes, more than %d", n, maxPayload)
	}
	sealFrame(buf[at:], SpansRecord, l.now)
	pos, err := l.write(buf)
	if err == nil {
		l.counts = counts
	}
	if l.buf = buf; cap(buf) > keptBuffer {
		l.buf = nil
	}
	return pos, err
}

func (l *Log) appendNames(buf []byte, from, to wire.Counts) []byte {
	at := len(buf)
	buf = wire.AppendNames(beginFrame(buf), l.syms, from, to)
	sealFrame(buf[at:], names, l.now)
	return buf
}

// Tick writes a record of tick seq and returns its end. A tick that is refused
// did not happen.
func (l *Log) Tick(now int64, seq uint64) (Position, error) {
	pos, err := l.number(now, TickRecord, seq)
	if err == nil {
		l.nextTick = seq + 1
	}
	return pos, err
}

// Cut writes a record that says that archived traces are forgotten up to a
// time, and returns its end.
func (l *Log) Cut(now, before int64) (Position, error) {
	return l.number(now, CutRecord, uint64(before))
}

func (l *Log) number(now int64, kind Kind, n uint64) (Position, error) {
	if err := l.ready(now); err != nil {
		return Position{}, err
	}
	l.buf = binary.BigEndian.AppendUint64(beginFrame(l.buf[:0]), n)
	if kind == TickRecord {
		l.buf = binary.BigEndian.AppendUint64(l.buf, l.syncedOffset())
	}
	sealFrame(l.buf, kind, l.now)
	return l.write(l.buf)
}

// syncedOffset returns up to where the file that is written to is durable.
func (l *Log) syncedOffset() uint64 {
	synced := l.synced.Load()
	return synced - min(l.base, synced)
}

// ready makes sure that there is a file to write to and space for it.
func (l *Log) ready(now int64) error {
	l.now = max(l.now, now)
	switch {
	case l.closed:
		return errClosed
	case l.failing.Load() != nil:
		return l.refuse()
	}
	if l.now >= l.freeAt {
		l.lookForSpace()
	}
	if l.full {
		return l.refuse()
	}
	if l.cur == nil || l.torn || l.end.Offset-l.bodyFrom >= l.o.MaxFile {
		if err := l.Begin(l.epoch, l.nextTick); err != nil {
			l.stats.lastError.Store(&failure{err})
			l.lookForSpace()
			return l.refuse()
		}
	}
	return nil
}

func (l *Log) refuse() error {
	l.stats.refused.Add(1)
	return &collector.BusyError{Why: collector.ThrottleDisk, After: retryAfter}
}

// lookForSpace finds out whether the disk is full. One that does not say counts
// as full.
func (l *Log) lookForSpace() {
	free, err := l.o.FS.Free(l.dir)
	if err != nil {
		l.stats.lastError.Store(&failure{fmt.Errorf("spanlog: free space of %s: %w", l.dir, err)})
	}
	l.full = err != nil || free < l.o.MinFree
	l.stats.full.Store(l.full)
	l.freeAt = l.now + int64(freeEvery)
}

// write appends a record, with the names in front of it, or nothing.
func (l *Log) write(b []byte) (Position, error) {
	if err := writeAt(l.cur, b, l.end.Offset); err != nil {
		l.stats.appendErrors.Add(1)
		l.stats.lastError.Store(&failure{fmt.Errorf("spanlog: write %s: %w", l.path(l.end.File), err)})
		l.torn = l.cur.Truncate(l.end.Offset) != nil
		l.lookForSpace()
		return Position{}, l.refuse()
	}
	l.end.Offset += int64(len(b))
	l.mu.Lock()
	f := &l.files[len(l.files)-1]
	f.end, f.size = l.end.Offset, l.end.Offset
	l.mu.Unlock()
	l.stats.bytes.Add(int64(len(b)))
	l.stats.records.Add(1)
	l.appended.Add(uint64(len(b)))
	return l.end, nil
}

func writeAt(f files.File, b []byte, off int64) error {
	n, err := f.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

func (l *Log) path(number uint64) string { return filepath.Join(l.dir, fileName(number)) }

// Begin starts a new file, in which nextTick is the number of the first tick.
// What the old one holds is synced first. If it cannot be, or could not be
// before, the caller sees to it that a checkpoint covers all that was appended,
// and calls Begin again: the log then goes on without the end of the old file.
func (l *Log) Begin(epoch, nextTick uint64) error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.closed {
		return errClosed
	}
	before := l.end
	switch {
	case l.cur == nil:
	case l.failing.Load() != nil:
		before.Offset = int64(l.synced.Load() - l.base)
	default:
		if err := l.sync(); err != nil {
			return err
		}
	}
	f := file{header: header{epoch: epoch, firstTick: nextTick, before: before}, number: l.last + 1}
	l.last++ // a number is not used again even if the file cannot be made
	created, counts, err := l.create(&f)
	if err != nil {
		l.torn = true // what was made may come back after a power cut, and says where the old file ends
		return fmt.Errorf("spanlog: begin %s: %w", l.path(f.number), err)
	}
	l.mu.Lock()
	if l.cur != nil {
		l.cur.Close() // it is synced, or given up
		l.files[len(l.files)-1].end = before.Offset
	}
	l.files = append(l.files, f)
	l.mu.Unlock()
	l.cur, l.counts, l.torn = created, counts, false
	l.epoch, l.nextTick = epoch, nextTick
	l.end, l.bodyFrom = Position{f.number, f.end}, f.end
	l.base = l.appended.Load()
	l.appended.Add(uint64(f.end))
	l.synced.Store(l.appended.Load())
	l.stats.bytes.Add(f.end)
	l.failing.Store(nil)
	return nil
}

// create makes a file that defines all names there are, and makes it durable.
// It sets f's end.
func (l *Log) create(f *file) (made files.File, counts wire.Counts, err error) {
	path := l.path(f.number)
	if made, err = l.o.FS.Create(path); err != nil {
		return nil, counts, err
	}
	all := wire.CountsOf(l.syms)
	counts = counts.Next(all, 0)
	buf := f.header.append(l.buf[:0])
	for {
		if err = writeAt(made, buf, f.end); err != nil {
			break
		}
		f.end += int64(len(buf))
		if counts == all {
			break
		}
		next := counts.Next(all, namesStep)
		buf = l.appendNames(buf[:0], counts, next)
		counts = next
	}
	f.size = f.end
	if err == nil {
		err = made.Sync()
	}
	if err == nil {
		err = l.o.FS.SyncDir(l.dir)
	}
	if err != nil {
		return nil, counts, errors.Join(err, made.Close(), l.o.FS.Remove(path))
	}
	return made, counts, nil
}

// Drop removes the files that lie wholly before a position.
func (l *Log) Drop(before Position) error {
	for {
		f, ok := l.oldest()
		if !ok || before.Before(Position{f.number, f.end}) {
			return nil
		}
		if err := l.o.FS.Remove(l.path(f.number)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("spanlog: drop: %w", err)
		}
		l.mu.Lock()
		if l.files[0].number == f.number {
			l.files = l.files[1:]
			l.stats.bytes.Add(-f.size)
		}
		l.mu.Unlock()
	}
}

// oldest returns the oldest file, unless it is the last, which says how the log
// goes on.
func (l *Log) oldest() (file, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.files) < 2 {
		return file{}, false
	}
	return l.files[0], true
}

// Close syncs what was appended and closes the log.
func (l *Log) Close() error {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	if l.closed {
		return errClosed
	}
	l.closed = true
	if l.cur == nil {
		return nil
	}
	return errors.Join(l.sync(), l.cur.Close())
}

// End returns where the next record begins.
func (l *Log) End() Position { return l.end }
