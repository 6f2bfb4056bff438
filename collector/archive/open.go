package archive

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"time"
)

// Open opens the archive in a folder, which is made if it is not there, with the
// segments that a checkpoint named, in the order of Seal. Other segments in the
// folder are removed: a run that ended before its checkpoint wrote them, and the
// replay writes them again. A named segment that is missing or damaged is left
// out, and is in the second result and in Stats.Lost; its file gets the name
// NAME.corrupt-SECONDS.
func Open(dir string, named []string, o Options) (*Archive, []error, error) {
	a := newArchive(dir, o)
	lost, err := a.load(named)
	if err != nil {
		return nil, nil, fmt.Errorf("archive: open %s: %w", dir, errors.Join(err, a.Close()))
	}
	a.stats.lost.Add(uint64(len(lost)))
	a.publish()
	return a, lost, nil
}

func (a *Archive) path(name string) string { return path.Join(a.dir, name) }

func (a *Archive) load(named []string) (lost []error, err error) {
	if err := a.sweep(named); err != nil {
		return nil, err
	}
	for _, name := range named {
		cause, err := a.openSegment(name)
		if cause != nil {
			lost = append(lost, fmt.Errorf("archive: open segment %s: %w", a.path(name), cause))
		}
		if err != nil {
			return nil, err
		}
	}
	a.forget()
	a.planned = a.traces / groupsPerHorizon
	for i, s := range a.sealed {
		if i == 0 || s.first <= a.oldest {
			a.oldest = s.first - 1
		}
	}
	for _, s := range slices.Clone(a.sealed) {
		cause := s.readIndex(func(low uint64) { a.note(s, low) })
		if cause == nil {
			continue
		}
		lost = append(lost, fmt.Errorf("archive: open segment %s: %w", a.path(s.name), cause))
		a.drop(s)
		s.file.Close()
		if err := a.setAside(s.name); err != nil {
			return nil, err
		}
	}
	return lost, nil
}

// sweep makes the folder, removes segments that are not named, and finds the
// number of the next one.
func (a *Archive) sweep(named []string) error {
	fs := a.o.FS
	if err := fs.MkdirAll(a.dir); err != nil {
		return err
	}
	if err := fs.SyncDir(path.Dir(a.dir)); err != nil {
		return err
	}
	list, err := fs.List(a.dir)
	if err != nil {
		return err
	}
	for _, f := range list {
		number, ok := segmentNumber(f.Name)
		if !ok {
			continue
		}
		a.next = max(a.next, number+1)
		if slices.Contains(named, f.Name) {
			continue
		}
		if err := fs.Remove(a.path(f.Name)); err != nil {
			return err
		}
	}
	for _, name := range named {
		if number, ok := segmentNumber(name); ok {
			a.next = max(a.next, number+1)
		}
	}
	return nil
}

// openSegment opens a named segment and reads its footer. The first result says
// why the segment is left out, the second why the archive cannot be opened.
func (a *Archive) openSegment(name string) (lost, err error) {
	if _, ok := segmentNumber(name); !ok {
		return fmt.Errorf("%w: not a segment's name: %q", ErrDamaged, name), nil
	}
	if slices.ContainsFunc(a.sealed, func(s *segment) bool { return s.name == name }) {
		return fmt.Errorf("%w: named twice: %q", ErrDamaged, name), nil
	}
	f, err := a.o.FS.Open(a.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	s := &segment{name: name, file: f, state: durable}
	if err := s.readFooter(); err != nil {
		f.Close()
		return err, a.setAside(name)
	}
	a.enlist(s)
	return nil, nil
}

// setAside gives a file that cannot be used a name under which it is left alone.
func (a *Archive) setAside(name string) error {
	aside := fmt.Sprintf("%s.corrupt-%d", name, time.Now().Unix())
	if err := a.o.FS.Rename(a.path(name), a.path(aside)); err != nil {
		return fmt.Errorf("set aside: %w", err)
	}
	return a.o.FS.SyncDir(a.dir)
}
