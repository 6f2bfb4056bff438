package archive

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"graphctl/collector/files"
)

// A Sealing is what a checkpoint has to wait for.
type Sealing struct {
	// Names of the segments that the checkpoint has to name: those with a record
	// newer than Seal's oldest, in the order in which they were written.
	Names []string

	a        *Archive
	segments []*segment // to be synced
	files    []files.File
	failed   []bool // of segments
	changes  int    // of the folder, to be synced
	synced   bool
	err      error
}

// Seal ends the open segment, so that a checkpoint can name it. The result has
// to be synced, which may take its time and needs not be done by the owner of
// the Archive, and then to be given to Synced before Seal is called again. After
// an error there must be no checkpoint; what was kept is still there, and the
// next call tries again.
func (a *Archive) Seal(oldest int64) (*Sealing, error) {
	s, err := a.seal(oldest)
	if err != nil {
		a.stats.failed.Add(1)
		err = fmt.Errorf("archive: seal in %s: %w", a.dir, err)
	}
	a.publish()
	return s, err
}

func (a *Archive) seal(oldest int64) (*Sealing, error) {
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
	sealing := &Sealing{a: a, Names: make([]string, 0, len(a.sealed))}
	for _, s := range a.sealed {
		// What a file holds after a sync that failed is not known even if the
		// next one succeeds, so it is then written anew.
		if s.state == suspect {
			if err := a.rewrite(s); err != nil {
				return nil, fmt.Errorf("%s: write anew: %w", s.name, err)
			}
		}
		if s.state == written {
			sealing.segments = append(sealing.segments, s)
			sealing.files = append(sealing.files, s.file)
		}
		sealing.Names = append(sealing.Names, s.name)
	}
	sealing.failed = make([]bool, len(sealing.segments))
	sealing.changes = a.changes
	return sealing, nil
}

// Sync makes durable what was sealed. After an error there must be no
// checkpoint. Any goroutine may call it, once.
func (s *Sealing) Sync() error {
	s.synced = true
	var errs []error
	for i, f := range s.files {
		if err := f.Sync(); err != nil {
			s.failed[i] = true
			errs = append(errs, fmt.Errorf("%s: %w", s.segments[i].name, err))
		}
	}
	if s.changes > 0 {
		errs = append(errs, s.a.o.FS.SyncDir(s.a.dir))
	}
	if s.err = errors.Join(errs...); s.err != nil {
		s.a.stats.failed.Add(1)
		return fmt.Errorf("archive: sync %s: %w", s.a.dir, s.err)
	}
	return nil
}

// Synced takes note of what became of a Sealing. One that was not synced leaves
// that to the next.
func (a *Archive) Synced(s *Sealing) {
	if !s.synced {
		return
	}
	for i, segment := range s.segments {
		if s.failed[i] {
			segment.state = suspect
		} else {
			segment.state = durable
		}
	}
	if s.err == nil {
		a.changes -= s.changes
	}
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
	a.changes++
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
