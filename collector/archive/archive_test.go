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
				_, err := seal(w.a, w.oldest())
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
	names, err := seal(a, 0)
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
	now, err := seal(a, 0)
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
		names, err := seal(a, 0)
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
			if _, err := seal(a, 0); err != nil {
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
	names, err := seal(a, n/2)
	if err != nil {
		t.Fatal(err)
	}
	<-read
	if got := a.Stats(); int(got.Segments) != len(names) || got.Traces < n/2-1 || got.Recalled < n/2 || got.Oldest > n/2 {
		t.Errorf("%d segments, %+v", len(names), got)
	}
}
