package archive

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// kept is what a map knows of a trace.
type kept struct {
	lastSeen int64
	record   []byte
}

// A world drives an archive and a map alike.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	o       Options
	disk    *disk
	a       *Archive
	now     int64
	horizon int64
	traces  uint64 // that there may be
	model   map[uint64]kept
	saved   checkpoint
}

type checkpoint struct {
	names []string
	model map[uint64]kept
	now   int64
}

func newWorld(t *testing.T, rng *rand.Rand, filterBytes ...int64) *world {
	d := newDisk()
	w := &world{
		t: t, rng: rng, disk: d, now: 1000,
		o: Options{
			FS:           d,
			SegmentBytes: []int64{1, 400, 8 << 10, 1 << 20}[rng.IntN(4)],
			FilterBytes:  filterBytes[rng.IntN(len(filterBytes))],
		},
		horizon: 50 + rng.Int64N(2000),
		traces:  20 + rng.Uint64N(3000),
		model:   map[uint64]kept{},
	}
	w.save(nil)
	w.reopen()
	return w
}

func (w *world) oldest() int64 { return w.now - w.horizon }

func (w *world) save(names []string) {
	copied := map[uint64]kept{}
	for low, k := range w.model {
		copied[low] = k
	}
	w.saved = checkpoint{names, copied, w.now}
}

// reopen opens the archive that the last checkpoint named.
func (w *world) reopen() {
	w.t.Helper()
	a, lost, err := Open(dir, w.saved.names, w.o)
	if err != nil || len(lost) > 0 {
		w.t.Fatalf("open: %v, lost %v", err, lost)
	}
	w.a = a
}

// low returns the low bits of one of the traces; zero is one of them.
func (w *world) low() uint64 {
	const odd = 0xd6e8feb86659fd93
	return w.rng.Uint64N(w.traces) * odd
}

func (w *world) record() []byte {
	n := w.rng.IntN(200)
	switch w.rng.IntN(200) {
	case 0:
		n = 0
	case 1:
		n = w.rng.IntN(5 << 10)
	case 2:
		n = bufferBytes - headerBytes - 1 + w.rng.IntN(3) // about what the buffer takes
	}
	b := make([]byte, n)
	for i := range min(n, 64) {
		b[i] = byte(w.rng.Uint32())
	}
	return b
}

// keep keeps a record in both; what the archive refuses the map has not.
func (w *world) keep() error {
	low, record := w.low(), w.record()
	lastSeen := max(w.model[low].lastSeen, w.now-w.rng.Int64N(20))
	borrowed := slices.Clone(record)
	err := w.a.Keep(low, lastSeen, borrowed)
	clear(borrowed)
	if err == nil {
		w.model[low] = kept{lastSeen, record}
	}
	return err
}

// recall asks both for a trace.
func (w *world) recall() {
	w.t.Helper()
	low := w.low()
	got, err := w.a.Recall(low, w.oldest())
	if err != nil {
		w.t.Fatalf("recall %016x: %v", low, err)
	}
	want, ok := w.model[low]
	if !ok || want.lastSeen <= w.oldest() {
		want.record = nil
	}
	if !bytes.Equal(got, want.record) || (got == nil) != (want.record == nil) {
		w.t.Fatalf("recall %016x after %d: got %d bytes, want %d seen at %d", low, w.oldest(), len(got), len(want.record), want.lastSeen)
	}
}

// seal seals, and notes what it returned as the checkpoint.
func (w *world) seal() error {
	names, err := seal(w.a, w.oldest())
	if err == nil {
		w.save(names)
	}
	return err
}

// crash goes on from the last checkpoint, after a kill or a power cut.
func (w *world) crash() {
	w.t.Helper()
	w.a.Close()
	w.disk = w.disk.after(w.rng.IntN(2) == 0)
	w.o.FS = w.disk
	w.model, w.now = w.saved.model, w.saved.now
	w.save(w.saved.names)
	w.reopen()
}

// checkEnd checks what is left in the end, and that Close closes it.
func (w *world) checkEnd() {
	w.t.Helper()
	w.checkFiles()
	oldest, ok := w.a.Oldest()
	if ok != (len(w.saved.names) > 0) {
		w.t.Errorf("oldest is %v with %d segments", ok, len(w.saved.names))
	}
	for low, k := range w.model {
		if k.lastSeen > w.oldest() && (!ok || k.lastSeen < oldest) {
			w.t.Errorf("trace %016x was seen at %d, oldest is %d, %v", low, k.lastSeen, oldest, ok)
		}
	}
	if err := w.a.Close(); err != nil {
		w.t.Error(err)
	}
	if w.disk.open != 0 {
		w.t.Errorf("%d files are open after Close", w.disk.open)
	}
}

// checkFiles makes a checkpoint, and checks that its files and no others stay.
// Bytes counts what a write that failed may have left as written.
func (w *world) checkFiles() {
	w.t.Helper()
	if err := w.seal(); err != nil {
		w.t.Fatal(err)
	}
	if err := w.a.Release(w.saved.names); err != nil {
		w.t.Fatal(err)
	}
	var names []string
	var bytes int64
	list, _ := w.disk.List(dir)
	for _, f := range list {
		names = append(names, f.Name)
		bytes += f.Size
	}
	want := slices.Sorted(slices.Values(w.saved.names))
	if w.a.open.file != nil { // begun, and then every record failed
		want = append(want, w.a.open.name)
	}
	if !slices.Equal(names, want) {
		w.t.Errorf("files %v, want %v", names, want)
	}
	if got := w.a.Bytes(); got < bytes || got > bytes && w.a.open.file == nil || got != w.a.Stats().Bytes {
		w.t.Errorf("%d bytes, %d in statistics; there are %d", got, w.a.Stats().Bytes, bytes)
	}
}

// spoil damages a file of the archive.
func (w *world) spoil() {
	list, _ := w.disk.List(dir)
	f := list[w.rng.IntN(len(list))]
	n := w.disk.names[dir+"/"+f.Name]
	switch w.rng.IntN(4) {
	case 0: // ends early
		n.data = n.data[:w.rng.IntN(len(n.data))]
	case 1: // a page of zeros
		at := w.rng.IntN(len(n.data))
		clear(n.data[at:min(len(n.data), at+4096)])
	default: // bits in the records or, as often, near the end, where the index is
		at := w.rng.IntN(len(n.data))
		if w.rng.IntN(2) == 0 {
			at = max(0, len(n.data)-1-w.rng.IntN(min(len(n.data), 4000)))
		}
		n.data[at] ^= 1 << w.rng.IntN(8)
	}
}
