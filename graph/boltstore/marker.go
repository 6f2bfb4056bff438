package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A Notice says what Open found and did about it.
type Notice struct {
	// Damage is what was wrong with the file.
	Damage error
	// SetAside is the name that the file has now; a new one was begun.
	SetAside string
}

func (n *Notice) String() string {
	return fmt.Sprintf("the graph's file was damaged (%v); it was set aside as %s and a new one begun", n.Damage, n.SetAside)
}

// Notice returns what Open found, nil if all was well.
func (s *Store) Notice() *Notice { return s.notice }

// markerSuffix ends the name of the file that is there while a database is open.
// It holds the boot id of the kernel: if that is still the same after an unclean
// stop only the process died, and all that was written is there.
const markerSuffix = ".open"

// bootID returns what is different after each start of the machine, "" if that
// is not known.
func bootID() string {
	b, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func writeMarker(path string) error {
	f, err := os.OpenFile(path+markerSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(bootID() + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func removeMarker(path string) error {
	if err := os.Remove(path + markerSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// torn reports whether the file may be torn: it was open when the machine
// stopped.
func torn(path string) bool {
	b, err := os.ReadFile(path + markerSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	id := bootID()
	return err != nil || id == "" || strings.TrimSpace(string(b)) != id
}

// examine verifies a file that may be torn, and sets it aside if it is damaged.
func examine(path string, o Options) (*Notice, error) {
	if _, err := os.Stat(path); err != nil || !torn(path) {
		return nil, nil // openOrCreate finds out why it cannot be opened
	}
	verify := o.Verify
	if verify == nil {
		verify = func(path string) error {
			_, err := Verify(path, nil)
			return err
		}
	}
	err := verify(path)
	if errors.Is(err, ErrDamaged) {
		return setAside(path, o, err)
	}
	return nil, err
}

// setAside gives a damaged file another name.
func setAside(path string, o Options, damage error) (*Notice, error) {
	n := &Notice{Damage: damage, SetAside: path + ".corrupt-" + o.Now().UTC().Format("20060102T150405.000Z")}
	if _, err := os.Lstat(n.SetAside); err == nil {
		return nil, fmt.Errorf("%w; it cannot be set aside, for there is a file %s", damage, n.SetAside)
	}
	if err := rename(path, n.SetAside); err != nil {
		return nil, errors.Join(damage, fmt.Errorf("set it aside: %w", err))
	}
	return n, nil
}
