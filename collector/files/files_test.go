package files

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// WriteFile replaces a file whole, over a left-over of an earlier attempt.
func TestWriteFileReplaces(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a")
	if err := os.WriteFile(name+".tmp", []byte("left over, and longer"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "", "three"} {
		if err := WriteFile(Disk, name, []byte(want[:len(want)/2]), []byte(want[len(want)/2:])); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(Disk, name)
		if err != nil || !bytes.Equal(got, []byte(want)) {
			t.Errorf("read %q, %v; want %q", got, err, want)
		}
	}
	list, err := Disk.List(dir)
	if err != nil || len(list) != 1 || list[0] != (Info{"a", 5}) {
		t.Errorf("list %v, %v", list, err)
	}
}

// Create refuses a file that is there, Open one that is not.
func TestCreateAndOpen(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a")
	if _, err := Disk.Open(name); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("open: %v", err)
	}
	f, err := Disk.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if _, err := Disk.Create(name); !errors.Is(err, os.ErrExist) {
		t.Errorf("create again: %v", err)
	}
}
