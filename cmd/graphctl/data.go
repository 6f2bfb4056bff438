package main

import (
	"errors"
	"fmt"
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

// graphFile and spansDir are what the directory holds.
func (d *dataDir) graphFile() string { return filepath.Join(d.path, "graph.db") }
func (d *dataDir) spansDir() string  { return filepath.Join(d.path, "spans") }
