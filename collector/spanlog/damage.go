package spanlog

import (
	"errors"
	"fmt"
	"path/filepath"
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

// findGaps finds where a file begins behind what is left of the one before.
func (l *Log) findGaps() {
	for i := 1; i < len(l.files); i++ {
		end := Position{l.files[i-1].number, l.files[i-1].end}
		if next := l.files[i].before; end.Before(next) {
			l.found.Gaps = append(l.found.Gaps, Gap{end, next})
		}
	}
}
