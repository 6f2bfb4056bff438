// Package files is the part of a file system that the span log and the archive
// need, as an interface, so that a simulated or a failing disk can take the
// place of the real one in tests.
//
// Names are slash-separated paths. What a File holds survives the end of the
// process once written, and a power cut once Sync has returned; a name survives
// a power cut once SyncDir of its folder has.
package files

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// An FS is a file system. Its methods may be called in parallel.
type FS interface {
	// Create makes a file, which must not exist, for reading and writing.
	Create(name string) (File, error)
	// Open opens a file, which must exist, for reading and writing.
	Open(name string) (File, error)
	// Rename gives a file a new name, in place of what has that name.
	Rename(from, to string) error
	// Remove removes a file.
	Remove(name string) error
	// MkdirAll makes a folder and those above it.
	MkdirAll(dir string) error
	// List returns the files in a folder, by name.
	List(dir string) ([]Info, error)
	// SyncDir makes the names in a folder durable.
	SyncDir(dir string) error
	// Free returns how many bytes may still be written to the disk of dir.
	Free(dir string) (int64, error)
}

// A File is an open file. Reads may be in parallel with one another and with
// one writer.
type File interface {
	io.ReaderAt
	io.WriterAt
	Truncate(size int64) error
	Size() (int64, error)
	Sync() error
	Close() error
}

// Info is what List says of a file.
type Info struct {
	Name string // within the folder
	Size int64
}

// Disk is the file system of the operating system.
var Disk FS = disk{}

type disk struct{}

type diskFile struct{ *os.File }

func (f diskFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (disk) open(name string, flags int) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|flags, 0o600)
	if err != nil {
		return nil, err
	}
	return diskFile{f}, nil
}

func (d disk) Create(name string) (File, error) { return d.open(name, os.O_CREATE|os.O_EXCL) }
func (d disk) Open(name string) (File, error)   { return d.open(name, 0) }
func (disk) Rename(from, to string) error       { return os.Rename(from, to) }
func (disk) Remove(name string) error           { return os.Remove(name) }
func (disk) MkdirAll(dir string) error          { return os.MkdirAll(dir, 0o700) }

func (disk) List(dir string) ([]Info, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []Info
	for _, e := range entries {
		info, err := e.Info()
		switch {
		case errors.Is(err, os.ErrNotExist): // removed meanwhile
		case err != nil:
			return nil, err
		case info.Mode().IsRegular():
			list = append(list, Info{e.Name(), info.Size()})
		}
	}
	slices.SortFunc(list, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (disk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (disk) Free(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// WriteFile replaces the file name by one that holds parts, one behind the
// other: after a power cut the old or the new one is there, whole. name.tmp is
// used on the way.
func WriteFile(fs FS, name string, parts ...[]byte) error {
	tmp := name + ".tmp"
	if err := fs.Remove(tmp); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := fs.Create(tmp)
	if err != nil {
		return err
	}
	var end int64
	for _, p := range parts {
		if err == nil {
			_, err = f.WriteAt(p, end)
			end += int64(len(p))
		}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(tmp, name); err != nil {
		return err
	}
	return fs.SyncDir(filepath.Dir(name))
}

// ReadFile returns what a file holds.
func ReadFile(fs FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	if _, err := f.ReadAt(data, 0); err != nil && (err != io.EOF || size > 0) {
		return nil, err
	}
	return data, nil
}
