package spanlog

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"graphctl/collector/files"
)

var errInjected = errors.New("injected")

// A memFS is a disk in memory that knows what a power cut would leave, and that
// can fail.
type memFS struct {
	mu      sync.Mutex
	names   map[string]*memData
	durable map[string]*memData // names after a power cut
	free    int64
	ops     []string // what was called, as "op name"

	// fail is asked before each operation. If it returns an error the operation
	// fails with it, a write after n of its bytes.
	fail func(op string) (n int, err error)
}

type memData struct {
	now, synced []byte
}

func newMemFS() *memFS {
	return &memFS{names: map[string]*memData{}, durable: map[string]*memData{}, free: 1 << 40}
}

// clone returns a copy of the disk as it is.
func (m *memFS) clone() *memFS {
	c := newMemFS()
	for name, d := range m.names {
		c.names[name] = &memData{now: slices.Clone(d.now), synced: slices.Clone(d.synced)}
	}
	c.durable = maps.Clone(c.names)
	return c
}

// powerCut returns the disk as a power cut may leave it: what was synced, and of
// what was not any part.
func (m *memFS) powerCut(rng *rand.Rand) *memFS {
	const block = 64
	c := newMemFS()
	for name, d := range m.durable {
		size := len(d.synced)
		if len(d.now) > size {
			size += rng.IntN(len(d.now) - size + 1)
		}
		data := make([]byte, size)
		copy(data, d.synced)
		for at := len(d.synced); at < size; at += block {
			if rng.IntN(4) > 0 {
				copy(data[at:min(at+block, size)], d.now[at:])
			}
		}
		c.names[name] = &memData{now: data, synced: slices.Clone(data)}
	}
	c.durable = maps.Clone(c.names)
	return c
}

// op notes an operation and returns how it fails.
func (m *memFS) op(op, name string) (n int, err error) {
	op += " " + filepath.Base(name)
	m.ops = append(m.ops, op)
	if m.fail == nil {
		return 0, nil
	}
	return m.fail(op)
}

func (m *memFS) Create(name string) (files.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.op("create", name); err != nil {
		return nil, err
	}
	if m.names[name] != nil {
		return nil, os.ErrExist
	}
	m.names[name] = new(memData)
	return &memFile{m, name, m.names[name]}, nil
}

func (m *memFS) Open(name string) (files.File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.op("open", name); err != nil {
		return nil, err
	}
	if m.names[name] == nil {
		return nil, os.ErrNotExist
	}
	return &memFile{m, name, m.names[name]}, nil
}

func (m *memFS) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.op("rename", from); err != nil {
		return err
	}
	if m.names[from] == nil {
		return os.ErrNotExist
	}
	m.names[to] = m.names[from]
	delete(m.names, from)
	return nil
}

func (m *memFS) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.op("remove", name); err != nil {
		return err
	}
	if m.names[name] == nil {
		return os.ErrNotExist
	}
	delete(m.names, name)
	return nil
}

func (m *memFS) MkdirAll(string) error { return nil }

func (m *memFS) List(dir string) (list []files.Info, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, d := range m.names {
		list = append(list, files.Info{Name: filepath.Base(name), Size: int64(len(d.now))})
	}
	slices.SortFunc(list, func(a, b files.Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (m *memFS) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.op("syncdir", dir); err != nil {
		return err
	}
	m.durable = maps.Clone(m.names)
	return nil
}

func (m *memFS) Free(string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, err := m.op("free", "")
	return m.free, err
}

type memFile struct {
	m    *memFS
	name string
	d    *memData
}

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n := copy(b, f.d.now[min(off, int64(len(f.d.now))):])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	n, err := f.m.op("write", f.name)
	if err != nil {
		b = b[:min(n, len(b))]
	}
	if grow := int(off) + len(b) - len(f.d.now); grow > 0 {
		f.d.now = append(f.d.now, make([]byte, grow)...)
	}
	return copy(f.d.now[off:], b), err
}

func (f *memFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if _, err := f.m.op("truncate", f.name); err != nil {
		return err
	}
	f.d.now = f.d.now[:size:size]
	return nil
}

func (f *memFile) Size() (int64, error) { return int64(len(f.d.now)), nil }

// Sync makes durable what is written. One that fails loses it: it is still read,
// but no later Sync writes it.
func (f *memFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if _, err := f.m.op("sync", f.name); err != nil {
		f.m.durable[f.name] = &memData{synced: slices.Clone(f.d.synced)}
		return err
	}
	f.d.synced = slices.Clone(f.d.now)
	return nil
}

func (f *memFile) Close() error { return nil }

// failOnce makes one operation fail with errInjected: the next one for which
// match is true.
func (m *memFS) failOnce(match func(op string) bool, written int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = func(op string) (int, error) {
		if !match(op) {
			return 0, nil
		}
		m.fail = nil
		return written, errInjected
	}
}

// is matches operations of one kind.
func is(kind string) func(string) bool {
	return func(op string) bool { return strings.HasPrefix(op, kind+" ") }
}

// count returns how many operations of a kind there were.
func (m *memFS) count(kind string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, op := range m.ops {
		if is(kind)(op) {
			n++
		}
	}
	return n
}

// shortWrites writes half of what it is told to.
type shortWrites struct{ files.File }

func (f shortWrites) WriteAt(b []byte, off int64) (int, error) {
	return f.File.WriteAt(b[:len(b)/2], off)
}
