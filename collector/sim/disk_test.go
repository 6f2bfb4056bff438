package sim

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"graphctl/collector/files"
)

var (
	errDead = errors.New("the process is dead")
	errFull = errors.New("no space left on device")
	errIO   = errors.New("input/output error")
)

// A disk is a file system in memory. What a process has written survives the
// process; a power cut leaves what was synced, and of the rest what chance
// decides: a part of the names, a part of the writes, the last one torn.
type disk struct {
	mu       sync.Mutex
	rng      *rand.Rand
	names    map[string]*inode
	durable  map[string]*inode // names after a power cut
	changes  []change          // of names, since they were durable
	capacity int64             // bytes in all files; 0: no bound
	syncFail bool              // the next syncs fail
	budget   int               // operations until the process dies; below 0: it does not
	life     int               // number of the process that may use it
	failures int
}

type inode struct {
	data    []byte
	synced  []byte
	pending []write // since data was synced
}

type write struct {
	at   int64
	data []byte // nil: truncated to at
}

// A change is a name that came to stand for another file, or none, and by a
// rename a name that is no more.
type change struct {
	name string
	node *inode
	from string
}

func newDisk(rng *rand.Rand) *disk {
	return &disk{rng: rng, names: map[string]*inode{}, durable: map[string]*inode{}, budget: -1}
}

// view returns the disk for a new process; that of the one before fails.
func (d *disk) view() *view {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life++
	d.budget = -1
	return &view{d, d.life}
}

// kill ends the process after so many more operations, in the middle of the
// last; 0 ends it now, and below 0 it lives.
func (d *disk) kill(operations int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.budget != 0 { // the dead stay dead
		d.budget = operations
	}
}

func (d *disk) set(capacity int64, syncFail bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity, d.syncFail = capacity, syncFail
}

// cutPower loses what was not synced.
func (d *disk) cutPower() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.changes[:d.rng.IntN(len(d.changes)+1)] {
		d.apply(c)
	}
	d.changes = nil
	d.names = maps.Clone(d.durable)
	for _, name := range slices.Sorted(maps.Keys(d.names)) {
		d.names[name].cutPower(d.rng)
	}
}

func (d *disk) apply(c change) {
	delete(d.durable, c.from)
	if c.node == nil {
		delete(d.durable, c.name)
	} else {
		d.durable[c.name] = c.node
	}
}

// cutPower leaves each write since the last sync with one chance in two, and
// one of them torn.
func (n *inode) cutPower(rng *rand.Rand) {
	n.data = slices.Clone(n.synced)
	for i, w := range n.pending {
		if rng.IntN(2) == 0 {
			continue
		}
		if w.data != nil && i == len(n.pending)-1 {
			w.data = w.data[:rng.IntN(len(w.data)+1)]
		}
		n.write(w)
	}
	n.pending = nil
	n.synced = slices.Clone(n.data)
}

func (n *inode) write(w write) {
	switch end := int(w.at) + len(w.data); {
	case w.data == nil && len(n.data) > int(w.at):
		n.data = n.data[:w.at]
	case len(n.data) < end:
		n.data = append(n.data, make([]byte, end-len(n.data))...)
	}
	copy(n.data[min(int(w.at), len(n.data)):], w.data)
}

func (d *disk) used() (n int64) {
	for _, f := range d.names {
		n += int64(len(f.data))
	}
	return n
}

// A view is the disk as one process has it. It implements files.FS.
type view struct {
	d    *disk
	life int
}

// begin counts an operation; it fails once the process is dead. last means that
// the process dies in this one. It returns with the lock held, in any case.
func (v *view) begin() (last bool, err error) {
	v.d.mu.Lock()
	switch {
	case v.life != v.d.life || v.d.budget == 0:
		return false, errDead
	case v.d.budget > 0:
		v.d.budget--
		return v.d.budget == 0, nil
	}
	return false, nil
}

func (v *view) rename(name string, node *inode) {
	if node == nil {
		delete(v.d.names, name)
	} else {
		v.d.names[name] = node
	}
	v.d.changes = append(v.d.changes, change{name: name, node: node})
}

func (v *view) Create(name string) (files.File, error) {
	_, err := v.begin()
	defer v.d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if v.d.names[name] != nil {
		return nil, fs.ErrExist
	}
	n := new(inode)
	v.rename(name, n)
	return &file{v, n}, nil
}

func (v *view) Open(name string) (files.File, error) {
	_, err := v.begin()
	defer v.d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	n := v.d.names[name]
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return &file{v, n}, nil
}

func (v *view) Rename(from, to string) error {
	_, err := v.begin()
	defer v.d.mu.Unlock()
	if err != nil {
		return err
	}
	n := v.d.names[from]
	if n == nil {
		return fs.ErrNotExist
	}
	delete(v.d.names, from)
	v.d.names[to] = n
	v.d.changes = append(v.d.changes, change{to, n, from})
	return nil
}

func (v *view) Remove(name string) error {
	_, err := v.begin()
	defer v.d.mu.Unlock()
	if err != nil {
		return err
	}
	if v.d.names[name] == nil {
		return fs.ErrNotExist
	}
	v.rename(name, nil)
	return nil
}

func (v *view) MkdirAll(string) error { return nil }

func (v *view) List(dir string) ([]files.Info, error) {
	_, err := v.begin()
	defer v.d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []files.Info
	for name, n := range v.d.names {
		if filepath.Dir(name) == dir {
			list = append(list, files.Info{Name: filepath.Base(name), Size: int64(len(n.data))})
		}
	}
	slices.SortFunc(list, func(a, b files.Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (v *view) SyncDir(dir string) error {
	last, err := v.begin()
	defer v.d.mu.Unlock()
	switch {
	case err != nil:
		return err
	case v.d.syncFail:
		return errIO
	}
	var rest []change
	for _, c := range v.d.changes {
		if filepath.Dir(c.name) == dir {
			v.d.apply(c)
		} else {
			rest = append(rest, c)
		}
	}
	v.d.changes = rest
	if last {
		return errDead
	}
	return nil
}

func (v *view) Free(string) (int64, error) {
	_, err := v.begin()
	defer v.d.mu.Unlock()
	if v.d.capacity == 0 {
		return 1 << 40, err
	}
	return max(0, v.d.capacity-v.d.used()), err
}

// A file is open in a process. It implements files.File.
type file struct {
	v *view
	n *inode
}

func (f *file) ReadAt(p []byte, at int64) (int, error) {
	_, err := f.v.begin()
	defer f.v.d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if at >= int64(len(f.n.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.n.data[at:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, at int64) (int, error) {
	last, err := f.v.begin()
	d := f.v.d
	defer d.mu.Unlock()
	if err != nil {
		return 0, err
	}
	n := len(p)
	if last {
		n, err = d.rng.IntN(n+1), errDead
	} else if room := d.capacity - d.used(); d.capacity > 0 && at+int64(n) > int64(len(f.n.data)) && int64(n) > room {
		n, err = int(max(0, room)), errFull
		d.failures++
	}
	if n > 0 {
		w := write{at, slices.Clone(p[:n])}
		f.n.write(w)
		f.n.pending = append(f.n.pending, w)
	}
	return n, err
}

func (f *file) Truncate(size int64) error {
	_, err := f.v.begin()
	defer f.v.d.mu.Unlock()
	if err != nil {
		return err
	}
	w := write{at: size}
	f.n.write(w)
	f.n.pending = append(f.n.pending, w)
	return nil
}

func (f *file) Size() (int64, error) {
	_, err := f.v.begin()
	defer f.v.d.mu.Unlock()
	return int64(len(f.n.data)), err
}

func (f *file) Sync() error {
	last, err := f.v.begin()
	defer f.v.d.mu.Unlock()
	switch {
	case err != nil:
		return err
	case f.v.d.syncFail:
		f.n.pending, f.n.synced = nil, slices.Clone(f.n.synced) // what was not written is lost, and will not be tried again
		f.v.d.failures++
		return errIO
	}
	f.n.synced = slices.Clone(f.n.data)
	f.n.pending = nil
	if last {
		return errDead
	}
	return nil
}

func (f *file) Close() error { return nil }

// dead reports whether the process that uses the disk has died.
func (d *disk) dead() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.budget == 0
}

func (d *disk) syncsFail() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.syncFail
}

func (d *disk) size() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.used()
}
