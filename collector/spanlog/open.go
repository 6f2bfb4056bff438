package spanlog

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"graphctl/collector"
	"graphctl/collector/files"
)

// Found is what Open found in the folder; zero if it was empty.
type Found struct {
	Epoch     uint64   // of the newest file
	FirstTick uint64   // the number of the first tick that was to come when that file was begun
	NextTick  uint64   // one more than that of the last tick
	End       Position // of the last record
	Time      int64    // of the last record, ns
	CutBytes  int64    // of a torn end, which was never acknowledged as written
	SetAside  []string // names that damaged files have now
	Gaps      []Gap    // between two records, in order
}

// A Gap is where records that were written are missing: after From, before To.
// What was lost at the end of the log is none, since nobody knows of it any more:
// whoever knows of later ticks sees it by NextTick. Nor is what was lost, or
// dropped, at the beginning: see Covers.
type Gap struct{ From, To Position }

// Open reads what is in a folder, which it makes if need be. A torn end of the
// newest file is cut off. A file that is damaged elsewhere gets another name;
// what precedes the damage stays. Open writes no records: the first append does,
// in a new file, or Begin.
func Open(dir string, o Options, syms *collector.Symbols) (*Log, error) {
	o.FS = cmp.Or(o.FS, files.Disk)
	o.MaxFile = cmp.Or(o.MaxFile, defaultMaxFile)
	o.MinFree = cmp.Or(o.MinFree, defaultMinFree)
	l := &Log{dir: dir, o: o, syms: syms, turn: make(chan struct{}, 1), epoch: o.Epoch, nextTick: 1, now: math.MinInt64}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("spanlog: open %s: %w", dir, err)
	}
	l.freeAt = l.now
	if n := len(l.files); n > 0 {
		newest := &l.files[n-1]
		l.begins = l.files[0].before
		l.end = Position{newest.number, newest.end}
		l.epoch = newest.epoch
		l.found.Epoch, l.found.FirstTick, l.found.NextTick = newest.epoch, newest.firstTick, l.nextTick
		l.found.End, l.found.Time = l.end, max(l.now, 0)
	}
	for i := range l.files {
		l.stats.bytes.Add(l.files[i].size)
	}
	return l, nil
}

// Found returns what Open found.
func (l *Log) Found() Found { return l.found }

// Covers reports whether, when the log was opened, it reached to a position and
// a replay from there passed over no gap. If it did not, the replay makes
// something else of the log than was made of it before.
func (l *Log) Covers(from Position) bool {
	for _, g := range l.found.Gaps {
		if from.Before(g.To) {
			return false
		}
	}
	return !from.Before(l.begins) && !l.found.End.Before(from)
}

func (l *Log) open() error {
	if err := l.o.FS.MkdirAll(l.dir); err != nil {
		return err
	}
	if err := l.o.FS.SyncDir(filepath.Dir(l.dir)); err != nil {
		return err
	}
	if err := l.list(); err != nil {
		return err
	}
	found := l.files
	l.files = nil
	for i := range found {
		f := &found[i]
		nextTick := l.nextTick
		end, whole, err := l.check(f, found[i+1:])
		if err != nil {
			return fmt.Errorf("%s: %w", fileName(f.number), err)
		}
		if !whole {
			kept, err := l.setAside(f.number, end)
			if err != nil {
				return err
			}
			if !kept {
				l.nextTick = nextTick
				continue
			}
			f.size = end
		}
		f.end = end
		l.files = append(l.files, *f)
	}
	l.findGaps()
	return l.o.FS.SyncDir(l.dir)
}

// list fills l.files with the files that have a header, and l.last.
func (l *Log) list() error {
	all, err := l.o.FS.List(l.dir)
	if err != nil {
		return err
	}
	for _, info := range all {
		number, ending, ok := fileNumber(info.Name)
		if !ok {
			continue
		}
		l.last = max(l.last, number)
		switch ending {
		case fileEnding:
			err = l.listFile(file{number: number, size: info.Size})
		case tmpEnding: // of a crash in setAside
			err = l.o.FS.Remove(filepath.Join(l.dir, info.Name))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", info.Name, err)
		}
	}
	slices.SortFunc(l.files, func(a, b file) int { return cmp.Compare(a.number, b.number) })
	return l.removeUnused()
}

// removeUnused removes files that could not be begun, and that could not be
// removed then: the next one was begun as if they were not there.
func (l *Log) removeUnused() error {
	for i := len(l.files) - 2; i >= 0; i-- {
		f := &l.files[i]
		if l.files[i+1].before.File >= f.number {
			continue
		}
		if err := l.o.FS.Remove(l.path(f.number)); err != nil {
			return err
		}
		l.found.CutBytes += f.size
		l.files = slices.Delete(l.files, i, i+1)
	}
	return nil
}

// listFile adds f to l.files if it has a header.
func (l *Log) listFile(f file) (err error) {
	f.header, err = l.readHeader(f.number, f.size)
	switch {
	case err == nil:
		l.files = append(l.files, f)
		l.last = max(l.last, f.before.File)
		return nil
	case !errors.Is(err, errBad):
		return err
	case f.size <= int64(headerLen): // a crash in create
		l.found.CutBytes += f.size
		return l.o.FS.Remove(l.path(f.number))
	default:
		_, err = l.setAside(f.number, 0)
		return err
	}
}

func (l *Log) readHeader(number uint64, size int64) (header, error) {
	f, err := l.o.FS.Open(l.path(number))
	if err != nil {
		return header{}, err
	}
	h, err := readHeader(f, size)
	return h, errors.Join(err, f.Close())
}

// check reads the records of f. It returns where the good ones end, and whether
// that is where they should end, or where they end after a torn end was cut.
// later are the files that follow.
func (l *Log) check(f *file, later []file) (end int64, whole bool, err error) {
	opened, err := l.o.FS.Open(l.path(f.number))
	if err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, opened.Close()) }()
	limit := f.size
	if len(later) > 0 && later[0].before.File == f.number {
		// What lies behind was refused, or lost its acknowledgement to a failed fsync.
		limit = min(limit, max(later[0].before.Offset, int64(headerLen)))
	}
	r := newReader(opened, limit)
	l.nextTick = f.firstTick
	last, err := l.checkRecords(r)
	if err != errBad && err != io.EOF {
		return 0, false, err
	}
	end, whole = r.off, err == io.EOF
	if len(later) > 0 {
		return end, whole, nil
	}
	if !whole {
		durable, err := r.wasDurable(last)
		if err != nil || durable {
			return end, false, err
		}
		l.found.CutBytes += f.size - end
		if err := opened.Truncate(end); err != nil {
			return 0, false, err
		}
		f.size = end
	}
	return end, true, opened.Sync() // the process that wrote it may not have
}

// checkRecords reads to the end or to what is no record, and returns the time of
// the last record.
func (l *Log) checkRecords(r *reader) (last int64, err error) {
	last = math.MinInt64
	for {
		fr, err := r.next()
		if err != nil {
			return last, err
		}
		last = fr.time
		l.now = max(l.now, fr.time)
		if fr.kind == TickRecord {
			l.nextTick = fr.number() + 1
		}
	}
}
