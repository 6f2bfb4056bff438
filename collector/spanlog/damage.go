package spanlog

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"graphctl/collector/files"
)

// setAside gives a damaged file another name, and keeps under its own name what
// precedes good, if anything does and there is room. It returns whether it did.
func (l *Log) setAside(number uint64, good int64) (kept bool, err error) {
	path := l.path(number)
	tmp := path + ".tmp"
	if good > int64(headerLen) {
		kept = copyFile(l.o.FS, path, tmp, good) == nil
	}
	aside := l.asideName(number)
	if err := l.o.FS.Rename(path, filepath.Join(l.dir, aside)); err != nil {
		return false, err
	}
	l.found.SetAside = append(l.found.SetAside, aside)
	if kept {
		err = l.o.FS.Rename(tmp, path)
	}
	return kept, err
}

// asideName returns a name that no file has.
func (l *Log) asideName(number uint64) string {
	for at := time.Now().Unix(); ; at++ {
		name := fmt.Sprintf("%010d%s%d", number, corrupt, at)
		f, err := l.o.FS.Open(filepath.Join(l.dir, name))
		if err != nil {
			return name
		}
		f.Close()
	}
}

// copyFile makes a file of the first n bytes of another.
func copyFile(fs files.FS, from, to string, n int64) error {
	src, err := fs.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := fs.Create(to)
	if err != nil {
		return err
	}
	buf := make([]byte, min(n, readAhead))
	for off := int64(0); off < n && err == nil; off += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), n-off)]
		if _, err = src.ReadAt(buf, off); err == nil {
			err = writeAt(dst, buf, off)
		}
	}
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return errors.Join(err, fs.Remove(to))
	}
	return nil
}

// findGaps finds where records are missing: behind what is left of a damaged
// file, and where a file begins behind the end of the one before.
func (l *Log) findGaps(damaged []uint64) {
	left := map[uint64]int64{} // by file
	var gaps []Gap
	for i, f := range l.files {
		left[f.number] = f.end
		end := Position{f.number, f.end}
		if i+1 < len(l.files) && end.Before(l.files[i+1].before) {
			gaps = append(gaps, Gap{end, l.files[i+1].before})
		}
	}
	for _, number := range damaged {
		gaps = append(gaps, Gap{Position{number, left[number]}, Position{number + 1, 0}})
	}
	slices.SortFunc(gaps, func(a, b Gap) int {
		if a.From.Before(b.From) {
			return -1
		}
		return 1
	})
	for _, g := range gaps {
		if last := len(l.found.Gaps) - 1; last >= 0 && !l.found.Gaps[last].To.Before(g.From) {
			if l.found.Gaps[last].To.Before(g.To) {
				l.found.Gaps[last].To = g.To
			}
			continue
		}
		l.found.Gaps = append(l.found.Gaps, g)
	}
}
