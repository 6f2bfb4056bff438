package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A dataDir is the directory of a server, locked against a second one.
type dataDir struct {
	path string
	lock *os.File
}

var errDataLocked = errors.New("data directory is in use by another process")

// openData makes the directory if it is missing and locks it.
func openData(path string) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, hint{fmt.Errorf("data directory: %w", err), "choose another with --data"}
	}
	f, err := os.OpenFile(filepath.Join(path, "LOCK"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, hint{fmt.Errorf("data directory: %w", err), "choose another with --data"}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = errDataLocked
		}
		return nil, hint{fmt.Errorf("open %s: %w", path, err), `is "graphctl serve" running? Use --server to read from it, or choose another directory with --data`}
	}
	return &dataDir{path, f}, nil
}

func (d *dataDir) close() { d.lock.Close() }

// graphFile and stateFile are the files of the directory.
func (d *dataDir) graphFile() string { return filepath.Join(d.path, "graph.db") }
func (d *dataDir) stateFile() string { return filepath.Join(d.path, "lane.state") }

// readState returns the open calls of the last stop, nil if there are none.
func (d *dataDir) readState() ([]byte, error) {
	b, err := os.ReadFile(d.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// setStateAside keeps a state that cannot be used under another name.
func (d *dataDir) setStateAside() error {
	return os.Rename(d.stateFile(), d.stateFile()+".unused")
}

// writeState replaces the state: after a power cut the old or the new one is
// there, whole.
func (d *dataDir) writeState(state []byte) error {
	tmp := d.stateFile() + ".tmp"
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("save open calls: %w", err)
	}
	_, err = f.Write(state)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(tmp, d.stateFile())
	}
	if err == nil {
		err = syncDir(d.path)
	}
	if err != nil {
		return fmt.Errorf("save open calls: %w", err)
	}
	return nil
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
