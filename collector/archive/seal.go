package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"graphctl/collector/files"
)

// Seal makes durable what was kept, and returns the names of the segments that a
// checkpoint has to name: those with a record newer than oldest, in the order in
// which they were written. After an error there must be no checkpoint; what was
// kept is still there, and the next call tries again.
func (a *Archive) Seal(oldest int64) ([]string, error) {
	names, err := a.seal(oldest)
	if err != nil {
		a.stats.failed.Add(1)
		err = fmt.Errorf("archive: seal in %s: %w", a.dir, err)
	}
	a.publish()
	return names, err
}

func (a *Archive) seal(oldest int64) ([]string, error) {
	if a.open.table.count > 0 {
		if err := a.finish(); err != nil {
			return nil, err
		}
	}
	a.oldest = oldest
	for _, s := range slices.Clone(a.sealed) {
		if s.last <= oldest {
			a.retire(s)
		}
	}
	names := make([]string, 0, len(a.sealed))
	for _, s := range a.sealed {
		if err := a.makeDurable(s); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		names = append(names, s.name)
	}
	if a.dirChanged {
		if err := a.o.FS.SyncDir(a.dir); err != nil {
			return nil, err
		}
		a.dirChanged = false
	}
	return names, nil
}

// makeDurable syncs a segment. What a file holds after a sync that failed is not
// known even if the next one succeeds, so it is then written anew.
func (a *Archive) makeDurable(s *segment) error {
	if s.state == durable {
		return nil
	}
	if s.state == suspect {
		if err := a.rewrite(s); err != nil {
			return fmt.Errorf("write anew: %w", err)
		}
	}
	if err := s.file.Sync(); err != nil {
		s.state = suspect
		return err
	}
	s.state = durable
	return nil
}

// rewrite copies a segment to a new file. What has been damaged shows by its
// checksum when it is read.
func (a *Archive) rewrite(s *segment) error {
	name := segmentName(a.next)
	f, err := a.o.FS.Create(a.path(name))
	if err != nil {
		return err
	}
	a.next++
	a.dirChanged = true
	if err := copyFile(f, s.file, s.size); err != nil {
		f.Close()
		a.retired = append(a.retired, &segment{name: name})
		return err
	}
	a.retired = append(a.retired, &segment{name: s.name, size: s.size})
	s.file.Close()
	s.name, s.file, s.state = name, f, written
	return nil
}

func copyFile(to, from files.File, size int64) error {
	buf := make([]byte, min(size, bufferBytes))
	for at := int64(0); at < size; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), size-at)]
		if err := readFull(from, buf, at); err != nil {
			return err
		}
		n, err := to.WriteAt(buf, at)
		if err == nil && n < len(buf) {
			err = io.ErrShortWrite
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Release removes the files of segments that Seal no longer returns, other than
// those in named, which is what the newest durable checkpoint names. What cannot
// be removed is tried again by the next call.
func (a *Archive) Release(named []string) error {
	var kept []*segment
	var errs []error
	for _, s := range a.retired {
		if slices.Contains(named, s.name) {
			kept = append(kept, s)
			continue
		}
		if err := a.o.FS.Remove(a.path(s.name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs = append(errs, err)
			kept = append(kept, s)
		}
	}
	a.retired = kept
	a.publish()
	if err := errors.Join(errs...); err != nil {
		a.stats.failed.Add(1)
		return fmt.Errorf("archive: release: %w", err)
	}
	return nil
}
