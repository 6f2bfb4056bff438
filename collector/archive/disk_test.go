package archive

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"

	"graphctl/collector/files"
)

// A disk is a file system in memory that can fail and lose its power. It is used
// by one goroutine.
type disk struct {
	names, durable map[string]*node // durable as SyncDir left them
	open           int              // files
	room           int64            // bytes that may still be written; negative: no bound
	// fail is asked before each call and may make it fail. A write that fails
	// has written half, a sync that fails has lost what was to be synced.
	fail func(call, name string) error
}

type node struct {
	data, synced []byte
	spoilt       bool // a sync failed: later ones succeed and do nothing
}

type handle struct {
	d      *disk
	n      *node
	name   string
	closed bool
}

func newDisk() *disk {
	return &disk{names: map[string]*node{}, durable: map[string]*node{}, room: -1}
}

// after returns what is found after the power was cut, or the process killed.
func (d *disk) after(powerCut bool) *disk {
	c := newDisk()
	from := d.names
	if powerCut {
		from = d.durable
	}
	for name, n := range from {
		data := n.data
		if powerCut {
			data = n.synced
		}
		m := &node{data: slices.Clone(data), synced: slices.Clone(data)}
		c.names[name], c.durable[name] = m, m
	}
	return c
}

func (d *disk) failing(call, name string) error {
	if d.fail == nil {
		return nil
	}
	return d.fail(call, name)
}

func (d *disk) handle(name string, n *node) files.File {
	d.open++
	return &handle{d: d, n: n, name: name}
}

func (d *disk) Create(name string) (files.File, error) {
	if err := d.failing("create", name); err != nil {
		return nil, err
	}
	if d.names[name] != nil {
		return nil, os.ErrExist
	}
	d.names[name] = &node{}
	return d.handle(name, d.names[name]), nil
}

func (d *disk) Open(name string) (files.File, error) {
	if err := d.failing("open", name); err != nil {
		return nil, err
	}
	if d.names[name] == nil {
		return nil, os.ErrNotExist
	}
	return d.handle(name, d.names[name]), nil
}

func (d *disk) Rename(from, to string) error {
	if err := d.failing("rename", from); err != nil {
		return err
	}
	n := d.names[from]
	if n == nil {
		return os.ErrNotExist
	}
	delete(d.names, from)
	d.names[to] = n
	return nil
}

func (d *disk) Remove(name string) error {
	if err := d.failing("remove", name); err != nil {
		return err
	}
	if d.names[name] == nil {
		return os.ErrNotExist
	}
	delete(d.names, name)
	return nil
}

func (d *disk) MkdirAll(string) error { return nil }

func (d *disk) List(dir string) ([]files.Info, error) {
	var list []files.Info
	for name, n := range d.names {
		if path.Dir(name) == dir {
			list = append(list, files.Info{Name: path.Base(name), Size: int64(len(n.data))})
		}
	}
	slices.SortFunc(list, func(a, b files.Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (d *disk) SyncDir(dir string) error {
	if err := d.failing("syncdir", dir); err != nil {
		return err
	}
	for name := range d.durable {
		if path.Dir(name) == dir {
			delete(d.durable, name)
		}
	}
	for name, n := range d.names {
		if path.Dir(name) == dir {
			d.durable[name] = n
		}
	}
	return nil
}

func (d *disk) Free(string) (int64, error) { return d.room, nil }

func (h *handle) ReadAt(b []byte, at int64) (int, error) {
	if h.closed {
		return 0, os.ErrClosed
	}
	if err := h.d.failing("read", h.name); err != nil {
		return 0, err
	}
	if at >= int64(len(h.n.data)) {
		return 0, io.EOF
	}
	n := copy(b, h.n.data[at:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (h *handle) WriteAt(b []byte, at int64) (int, error) {
	if h.closed {
		return 0, os.ErrClosed
	}
	err := h.d.failing("write", h.name)
	n := len(b)
	if err != nil {
		n /= 2
	}
	if room := h.d.room; room >= 0 && int64(n) > room {
		n, err = int(room), syscall.ENOSPC
	}
	if h.d.room >= 0 {
		h.d.room -= int64(n)
	}
	if end := int(at) + n; end > len(h.n.data) {
		h.n.data = append(h.n.data, make([]byte, end-len(h.n.data))...)
	}
	copy(h.n.data[at:], b[:n])
	return n, err
}

func (h *handle) Truncate(size int64) error {
	if err := h.d.failing("truncate", h.name); err != nil {
		return err
	}
	h.n.data = h.n.data[:size]
	return nil
}

func (h *handle) Size() (int64, error) { return int64(len(h.n.data)), nil }

func (h *handle) Sync() error {
	if err := h.d.failing("sync", h.name); err != nil {
		h.n.spoilt = true
		return err
	}
	if !h.n.spoilt {
		h.n.synced = slices.Clone(h.n.data)
	}
	return nil
}

func (h *handle) Close() error {
	if h.closed {
		return os.ErrClosed
	}
	h.closed = true
	h.d.open--
	return nil
}

// The disk of these tests loses what was not synced, and what a sync that failed
// was to keep.
func TestDiskLosesWhatIsNotSynced(t *testing.T) {
	d := newDisk()
	f, err := d.Create("dir/a")
	if err != nil {
		t.Fatal(err)
	}
	write := func(s string, at int64) {
		t.Helper()
		if _, err := f.WriteAt([]byte(s), at); err != nil {
			t.Fatal(err)
		}
	}
	write("one", 0)
	if err := errors.Join(f.Sync(), d.SyncDir("dir")); err != nil {
		t.Fatal(err)
	}
	write("two", 3)
	d.fail = func(call, _ string) error { return syscall.EIO }
	if err := f.Sync(); err == nil {
		t.Fatal("a sync that is to fail did not")
	}
	d.fail = nil
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	for powerCut, want := range map[bool]string{true: "one", false: "onetwo"} {
		got, err := files.ReadFile(d.after(powerCut), "dir/a")
		if err != nil || !bytes.Equal(got, []byte(want)) {
			t.Errorf("power cut %v: read %q, %v; want %q", powerCut, got, err, want)
		}
	}
}
