package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

var (
	firstSeed = flag.Uint64("archive.seed", 0, "first seed of the property tests")
	seeds     = flag.Uint64("archive.seeds", 25, "number of seeds of the property tests")
)

const dir = "data/archive"

// eachSeed runs a property test for each seed. It reports whether they are so
// many that all that can happen has happened in some.
func eachSeed(t *testing.T, test func(t *testing.T, rng *rand.Rand)) (many bool) {
	n := *seeds
	if testing.Short() {
		n /= 10
	}
	for seed := *firstSeed; seed < *firstSeed+n && !t.Failed(); seed++ {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			test(t, rand.New(rand.NewPCG(seed, 1)))
		})
	}
	return n >= 20
}

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
	names, err := w.a.Seal(w.oldest())
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

// An archive answers as a map does, whatever is kept, sealed, released, reopened
// and lost in crashes. Files that no checkpoint names do not stay.
func TestAgainstMap(t *testing.T) {
	eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		w := newWorld(t, rng, 1<<20)
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		for range 3000 {
			switch p := rng.IntN(1000); {
			case p < 600:
				must(w.keep())
			case p < 970:
				w.recall()
			case p < 980:
				must(w.seal())
			case p < 985: // the checkpoint fails: the one before stays
				_, err := w.a.Seal(w.oldest())
				must(err)
			case p < 993:
				must(w.a.Release(w.saved.names))
			case p < 996:
				must(w.seal())
				must(w.a.Close())
				w.reopen()
			default:
				w.crash()
			}
			w.now += rng.Int64N(3)
		}
		w.checkEnd()
	})
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

// Where calls to the disk fail, what Keep took is found, what it refused is not,
// and once the disk is well the next checkpoint has it all, power cut or not.
func TestDiskFailures(t *testing.T) {
	var refused, unsealed int
	many := eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		w := newWorld(t, rng, 1<<20)
		calls := []string{"create", "write", "sync", "syncdir", "remove", "truncate"}
		for range 20 {
			w.disk.room = -1
			w.disk.fail = func(call, name string) error {
				if slices.Contains(calls, call) && rng.IntN(4) == 0 {
					return syscall.EIO
				}
				return nil
			}
			if rng.IntN(2) == 0 {
				w.disk.room = rng.Int64N(20000)
			}
			for range rng.IntN(200) {
				if w.keep() != nil {
					refused++
				}
				w.recall()
				if rng.IntN(50) == 0 && w.seal() != nil {
					unsealed++
				}
				if rng.IntN(50) == 0 {
					w.a.Release(w.saved.names)
				}
				w.now++
			}
			w.disk.room, w.disk.fail = -1, nil
			w.checkFiles()
			w.crash()
			for range 100 {
				w.recall()
			}
		}
		w.checkEnd()
	})
	if many && (refused == 0 || unsealed == 0) {
		t.Errorf("%d records refused, %d seals failed: the disk did not fail", refused, unsealed)
	}
}

// A replay from a checkpoint finds what the first run found, also where the
// filters are full and segments were forgotten.
func TestReplayFindsTheSame(t *testing.T) {
	var forgotten uint64
	many := eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		w := newWorld(t, rng, 1<<10, 4<<10)
		type call struct {
			low, op          uint64
			lastSeen, oldest int64
			record, found    []byte
		}
		var calls []call
		do := func(c call) []byte {
			switch c.op {
			case 0:
				if err := w.a.Keep(c.low, c.lastSeen, c.record); err != nil {
					t.Fatal(err)
				}
			case 1:
				found, err := w.a.Recall(c.low, c.oldest)
				if err != nil {
					t.Fatal(err)
				}
				return slices.Clone(found)
			}
			return nil
		}
		for range 1 + rng.IntN(6) {
			if err := w.seal(); err != nil {
				t.Fatal(err)
			}
			if rng.IntN(2) == 0 {
				if err := w.a.Release(w.saved.names); err != nil {
					t.Fatal(err)
				}
			}
			calls = calls[:0]
			for range rng.IntN(2000) {
				c := call{low: w.low(), op: rng.Uint64N(2), lastSeen: w.now, oldest: w.oldest(), record: binary.BigEndian.AppendUint64(nil, rng.Uint64())[:rng.IntN(9)]}
				c.found = do(c)
				calls = append(calls, c)
				w.now += rng.Int64N(2)
			}
		}
		forgotten += w.a.Stats().Forgotten
		w.crash()
		for i, c := range calls {
			if got := do(c); !bytes.Equal(got, c.found) || (got == nil) != (c.found == nil) {
				t.Fatalf("call %d: found %q, %q before the crash", i, got, c.found)
			}
		}
		if got, bound := w.a.Stats().FilterBytes, w.o.FilterBytes+int64(64*len(w.a.groups)+8*len(w.a.sealed)); got > bound {
			t.Errorf("filters take %d bytes, over %d", got, bound)
		}
	})
	if many && forgotten == 0 {
		t.Error("nothing was forgotten: the filters were never full")
	}
}

// Damage is an error or a segment that is set aside: never a record that was not
// kept for the trace, never silence.
func TestDamage(t *testing.T) {
	var inRecords, inIndex, lostSegments int
	many := eachSeed(t, func(t *testing.T, rng *rand.Rand) {
		w := newWorld(t, rng, 1<<20)
		all := map[uint64][][]byte{}
		for range 1000 {
			low, record := w.low(), w.record()
			if err := w.a.Keep(low, w.now, record); err != nil {
				t.Fatal(err)
			}
			all[low] = append(all[low], record)
			w.now++
		}
		w.horizon = math.MaxInt32
		if err := errors.Join(w.seal(), w.a.Release(w.saved.names)); err != nil {
			t.Fatal(err)
		}
		whileOpen := rng.IntN(2) == 0
		if whileOpen {
			w.spoil()
		} else {
			w.a.Close()
			w.spoil()
			a, lost, err := Open(dir, w.saved.names, w.o)
			if err != nil {
				t.Fatal(err)
			}
			w.a = a
			lostSegments += len(lost)
			if int(a.Stats().Lost) != len(lost) {
				t.Errorf("%d segments lost, %d counted", len(lost), a.Stats().Lost)
			}
		}
		before := w.a.Stats()
		var damaged uint64
		for low, records := range all {
			got, err := w.a.Recall(low, w.oldest())
			newest := records[len(records)-1]
			same := func(r []byte) bool { return bytes.Equal(r, got) }
			switch {
			case err != nil && errors.Is(err, ErrDamaged) && got == nil:
				damaged++
			case err != nil:
				t.Fatalf("recall %016x: %d bytes, %v", low, len(got), err)
			case got != nil && same(newest):
			case before.Lost > 0 && (got == nil || slices.ContainsFunc(records, same)):
			default:
				t.Fatalf("recall %016x: wrong record of %d bytes, lost %d", low, len(got), before.Lost)
			}
		}
		if got := w.a.Stats().Damaged - before.Damaged; got != damaged {
			t.Errorf("%d questions met damage, %d counted", damaged, got)
		}
		if whileOpen && damaged > 0 {
			inIndex++
		} else if damaged > 0 {
			inRecords++
		}
		w.a.Close()
	})
	if many && (inRecords == 0 || inIndex == 0 || lostSegments == 0) {
		t.Errorf("damage was met in %d archives, %d while open, and lost %d segments: it did nothing", inRecords, inIndex, lostSegments)
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

// A segment that cannot be used is set aside, also one that is missing is told,
// and neither name is used again.
func TestSetAside(t *testing.T) {
	d := newDisk()
	o := Options{FS: d, SegmentBytes: 1}
	a, _, err := Open(dir, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	for low := range uint64(4) {
		if err := a.Keep(low, 5, []byte{byte(low)}); err != nil {
			t.Fatal(err)
		}
	}
	names, err := a.Seal(0)
	if err != nil || len(names) != 4 {
		t.Fatalf("sealed %v, %v", names, err)
	}
	a.Close()
	delete(d.names, dir+"/"+names[3])
	d.names[dir+"/"+names[1]].data[3] ^= 1 // a record
	d.names[dir+"/"+names[2]].data = nil
	d.names[dir+"/other"] = &node{}
	a, lost, err := Open(dir, append(names, names[0], "../outside"), o)
	if err != nil || len(lost) != 4 || a.Stats().Lost != 4 {
		t.Fatalf("%v, lost %v", err, lost)
	}
	if !errors.Is(lost[0], ErrDamaged) || !errors.Is(lost[1], os.ErrNotExist) {
		t.Errorf("lost %v", lost)
	}
	if err := a.Keep(9, 5, nil); err != nil {
		t.Fatal(err)
	}
	now, err := a.Seal(0)
	if want := []string{names[0], names[1], "0000000004.traces"}; err != nil || !slices.Equal(now, want) {
		t.Errorf("sealed %v, %v; want %v", now, err, want)
	}
	list, _ := d.List(dir)
	var aside int
	for _, f := range list {
		var seconds int64
		if n, _ := fmt.Sscanf(f.Name, names[2]+".corrupt-%d", &seconds); n == 1 && seconds > 0 {
			aside++
		}
	}
	if aside != 1 || len(list) != 5 || d.names[dir+"/other"] == nil {
		t.Errorf("files %v", list)
	}
}

// Open refuses rather than loses where the disk fails, and closes what it opened.
func TestOpenFails(t *testing.T) {
	for _, call := range []string{"open", "remove", "syncdir", "rename"} {
		d := newDisk()
		o := Options{FS: d, SegmentBytes: 1}
		a, _, err := Open(dir, nil, o)
		if err != nil {
			t.Fatal(err)
		}
		for low := range uint64(3) {
			if err := a.Keep(low, 5, nil); err != nil {
				t.Fatal(err)
			}
		}
		names, err := a.Seal(0)
		if err != nil {
			t.Fatal(err)
		}
		a.Close()
		d.names[dir+"/0000000099.traces"] = &node{}
		last := dir + "/" + names[2]
		d.names[last].data[40] ^= 1
		d.fail = func(c, name string) error {
			if c == call && (c != "open" || name == last) {
				return syscall.EMFILE
			}
			return nil
		}
		if _, _, err := Open(dir, names, o); !errors.Is(err, syscall.EMFILE) {
			t.Errorf("%s fails: %v", call, err)
		}
		if d.open != 0 {
			t.Errorf("%s fails: %d files are open", call, d.open)
		}
	}
}

// A record over MaxRecord is refused, and nothing else.
func TestTooLarge(t *testing.T) {
	a, _, err := Open(dir, nil, Options{FS: newDisk()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Keep(1, 1, make([]byte, MaxRecord+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if err := a.Keep(1, 1, []byte("fits")); err != nil {
		t.Error(err)
	}
}

// Questions allocate nothing, found or not, on disk or in the buffer.
func TestRecallAllocatesNothing(t *testing.T) {
	a, _, err := Open(t.TempDir(), nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	record := make([]byte, 2000)
	for low := range uint64(3000) {
		if low == 2000 {
			if _, err := a.Seal(0); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.Keep(low, 5, record); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		what string
		low  uint64
		want bool
	}{{"sealed", 7, true}, {"written", 2000, true}, {"in the buffer", 2999, true}, {"absent", 1 << 40, false}} {
		ask := func() {
			got, err := a.Recall(c.low, 0)
			if err != nil || (got != nil) != c.want {
				t.Fatalf("%s: %d bytes, %v", c.what, len(got), err)
			}
		}
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("%s: %v allocations", c.what, n)
		}
	}
}

// Stats may be read while the archive works; the race detector looks on.
func TestStatsInParallel(t *testing.T) {
	a, _, err := Open(dir, nil, Options{FS: newDisk(), SegmentBytes: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	const n = 2000
	read := make(chan bool)
	go func() {
		defer close(read)
		for a.Stats().Kept < n {
			runtime.Gosched()
		}
	}()
	for low := range uint64(n) {
		if err := a.Keep(low, int64(low), nil); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Recall(low/2, 0); err != nil {
			t.Fatal(err)
		}
	}
	names, err := a.Seal(n / 2)
	if err != nil {
		t.Fatal(err)
	}
	<-read
	if got := a.Stats(); int(got.Segments) != len(names) || got.Traces < n/2-1 || got.Recalled < n/2 || got.Oldest > n/2 {
		t.Errorf("%d segments, %+v", len(names), got)
	}
}
