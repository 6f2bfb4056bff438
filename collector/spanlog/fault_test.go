package spanlog

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"graphctl/collector"
)

// A write that fails or comes to an end too early leaves no trace, and the next
// one succeeds.
func TestWriteFails(t *testing.T) {
	for _, written := range []int{0, 1, 20, 1 << 20} {
		fs := newMemFS()
		w := newWriter(t, fs, Options{})
		w.steps(10)
		for range 5 {
			fs.failOnce(is("write"), written)
			if err := w.step(); !isBusy(err) {
				t.Fatalf("after %d bytes: error %v", written, err)
			}
			wantReplay(t, fs.clone(), Position{}, w.wrote)
			w.steps(1)
		}
		s := w.log.Stats()
		if s.AppendErrors != 5 || s.Refused != 5 || s.Records != 15 || !errors.Is(s.LastError, errInjected) || s.Failing != nil {
			t.Errorf("stats %+v", s)
		}
		wantReplay(t, fs, Position{}, w.wrote)
	}
}

// A disk that writes less than it was told, and says nothing, is not believed.
func TestShortWriteWithoutError(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	w.steps(1)
	good := w.log.cur
	w.log.cur = shortWrites{good}
	if err := w.step(); !isBusy(err) {
		t.Errorf("error %v", err)
	}
	w.log.cur = good
	w.steps(1)
	wantReplay(t, fs, Position{}, w.wrote)
}

// If the end of a failed write cannot be cut off, the log goes on in a new file
// and what is behind the end of the old one does not count.
func TestTruncateFails(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	w.steps(10)
	fs.fail = func(op string) (int, error) {
		switch {
		case is("truncate")(op):
			return 0, errInjected
		case is("write")(op):
			return 1 << 20, errInjected // all is written, and the error a lie
		}
		return 0, nil
	}
	if err := w.step(); !isBusy(err) {
		t.Fatalf("error %v", err)
	}
	fs.fail = nil
	w.steps(10)
	if w.ends[9].File == w.ends[10].File {
		t.Error("the log goes on in the same file")
	}
	l := wantReplay(t, fs, Position{}, w.wrote)
	if f := l.Found(); f.SetAside != nil || f.Gaps != nil || f.CutBytes != 0 {
		t.Errorf("found %+v", f)
	}
}

// While the disk is full nothing is appended, ticks too, free space is looked at
// once a second, and when it is back so is the log.
func TestDiskFull(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{MinFree: 1000})
	w.steps(1)
	looked := fs.count("free")
	fs.free = 999
	w.steps(1) // it was looked at a moment ago
	w.now += 1e9
	for range 100 {
		if err := w.step(); !isBusy(err) {
			t.Fatalf("error %v", err)
		}
	}
	if got := fs.count("free") - looked; got != 1 {
		t.Errorf("looked for space %d times, want 1", got)
	}
	if !w.log.Stats().Full {
		t.Error("stats do not say that the disk is full")
	}
	fs.free = 1000
	w.now += 1e9
	w.steps(10)
	if w.log.Stats().Full {
		t.Error("stats still say that the disk is full")
	}
	wantReplay(t, fs, Position{}, w.wrote)
}

// A write that fails for lack of space is reason to look for it at once.
func TestDiskFillsUp(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	w.steps(5)
	fs.free = 10
	fs.failOnce(is("write"), 3)
	for range 5 {
		if err := w.step(); !isBusy(err) {
			t.Fatalf("error %v", err)
		}
	}
	if got := w.log.Stats().AppendErrors; got != 1 {
		t.Errorf("%d writes failed, want 1", got)
	}
	fs.free = 1 << 40
	w.now += 1e9
	w.steps(5)
	wantReplay(t, fs, Position{}, w.wrote)
}

// A disk that does not say how much is free counts as full.
func TestFreeFails(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	fs.failOnce(is("free"), 0)
	if err := w.step(); !isBusy(err) {
		t.Errorf("error %v", err)
	}
	w.now += 1e9
	w.steps(1)
}

// After a failed fsync nothing is taken until Begin, which leaves behind what
// was not synced, without a gap.
func TestSyncFails(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	w.steps(10)
	w.sync()
	w.steps(10)
	covered := w.ends[19]
	fs.failOnce(is("sync"), 0)
	for range 3 {
		if err := w.log.Sync(context.Background()); !errors.Is(err, errInjected) {
			t.Errorf("sync: %v", err)
		}
		if err := w.step(); !isBusy(err) {
			t.Errorf("append: %v", err)
		}
	}
	if got := w.log.Stats(); !errors.Is(got.Failing, errInjected) || got.Syncs != 2 {
		t.Errorf("stats %+v", got)
	}
	if err := w.log.Begin(1, w.seq+1); err != nil { // a checkpoint covers it all
		t.Fatal(err)
	}
	w.steps(10)
	w.sync()
	for _, disk := range []*memFS{fs.clone(), fs.powerCut(w.rng)} {
		l := wantReplay(t, disk, covered, w.wrote[20:])
		if f := l.Found(); f.SetAside != nil || f.Gaps != nil || !l.Covers(covered) {
			t.Errorf("found %+v", f)
		}
	}
}

// The same when it is a full file that cannot be synced.
func TestSyncFailsAtTheEndOfAFile(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{MaxFile: 1})
	w.steps(1)
	fs.failOnce(is("sync"), 0)
	for range 3 {
		if err := w.step(); !isBusy(err) {
			t.Errorf("append: %v", err)
		}
	}
	if w.log.Stats().Failing == nil {
		t.Error("stats do not say that the log fails")
	}
	if err := w.log.Begin(1, w.seq+1); err != nil {
		t.Fatal(err)
	}
	w.steps(1)
	if l := wantReplay(t, fs, w.ends[0], w.wrote[1:]); l.Found().Gaps != nil {
		t.Errorf("found %+v", l.Found())
	}
}

// A file that could not be begun, and not be removed, changes nothing: neither
// while the log goes on nor when it is opened, whatever the file holds.
func TestBeginFails(t *testing.T) {
	for _, fails := range []string{"create", "write", "sync", "syncdir"} {
		fs := newMemFS()
		w := newWriter(t, fs, Options{})
		w.steps(10)
		w.sync() // or it is the sync of the old file that fails
		fs.fail = func(op string) (int, error) {
			if is(fails)(op) || is("remove")(op) {
				return headerLen, errInjected
			}
			return 0, nil
		}
		for range 2 {
			if err := w.log.Begin(1, w.seq+1); !errors.Is(err, errInjected) {
				t.Errorf("%s fails: %v", fails, err)
			}
		}
		fs.fail = nil
		wantReplay(t, fs.clone(), Position{}, w.wrote)
		w.steps(10)
		w.sync()
		for _, disk := range []*memFS{fs.clone(), fs.powerCut(w.rng)} {
			l := wantReplay(t, disk, Position{}, w.wrote)
			if f := l.Found(); f.Gaps != nil || len(l.files) != 2 || !l.Covers(Position{}) {
				t.Errorf("%s fails: found %+v in %d files", fails, f, len(l.files))
			}
		}
	}
}

// A file is made durable, with its name, before anything is written to it, and
// the one before it first.
func TestNewFileIsDurable(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{MaxFile: 1})
	w.steps(2)
	got := slices.DeleteFunc(fs.ops, func(op string) bool { return op == "free ." || is("syncdir")(op) && !strings.HasSuffix(op, dir) })
	want := []string{"syncdir log",
		"create 0000000001.log", "write 0000000001.log", "sync 0000000001.log", "syncdir log", "write 0000000001.log",
		"sync 0000000001.log",
		"create 0000000002.log", "write 0000000002.log", "write 0000000002.log", "sync 0000000002.log", "syncdir log", "write 0000000002.log"}
	if !slices.Equal(got, want) {
		t.Errorf("operations\n%q, want\n%q", got, want)
	}
}

// Whatever operation fails, once: what was said to be written is replayed, what
// was refused is not, and what was synced survives a power cut. A log whose
// fsync failed goes on behind a checkpoint.
func TestAnyOperationFails(t *testing.T) {
	for at := 0; ; at++ {
		for _, written := range []int{0, 30} {
			if !failAt(t, at, written) {
				t.Logf("%d operations", at)
				return
			}
		}
	}
}

// failAt runs a load in which the operation with a number fails, and reports
// whether there was one.
func failAt(t *testing.T, at, written int) (reached bool) {
	t.Helper()
	fs := newMemFS()
	w := newWriter(t, fs, Options{MaxFile: 1500})
	n := 0
	fs.fail = func(op string) (int, error) {
		if n++; n-1 == at {
			reached = true
			return written, errInjected
		}
		return 0, nil
	}
	var covered, synced int // records, by a checkpoint and by a sync
	for i := range 60 {
		if err := w.step(); err != nil && !isBusy(err) {
			t.Fatalf("operation %d fails: %v", at, err)
		}
		if i%5 == 0 {
			if w.log.Sync(context.Background()) == nil {
				synced = len(w.wrote)
			}
		}
		if w.log.Stats().Failing != nil {
			covered = len(w.wrote)
			for w.log.Begin(1, w.seq+1) != nil {
			}
		}
	}
	fs.fail = nil
	var from Position
	if covered > 0 {
		from = w.ends[covered-1]
	}
	l := wantReplay(t, fs.clone(), from, w.wrote[covered:])
	if !l.Covers(from) || l.Found().SetAside != nil {
		t.Fatalf("operation %d fails: found %+v", at, l.Found())
	}
	wantPowerCut(t, w, fs, from, max(covered, synced), covered)
	return reached
}

// wantPowerCut opens what a power cut leaves and checks that all records up to
// synced are there, and then some, in order.
func wantPowerCut(t *testing.T, w *writer, fs *memFS, from Position, synced, covered int) {
	t.Helper()
	l := open(t, fs.powerCut(w.rng), Options{}, collector.NewSymbols())
	got, _ := replayed(t, l, from)
	got = append(slices.Clone(w.wrote[:covered]), got...)
	if len(got) < synced || len(got) > len(w.wrote) || !slices.Equal(got, w.wrote[:len(got)]) {
		t.Fatalf("%d of %d records after a power cut, %d were synced; found %+v", len(got), len(w.wrote), synced, l.Found())
	}
}

// Whenever the power is cut, what was synced is there, and of the rest a prefix.
func TestPowerCut(t *testing.T) {
	for seed := range uint64(200) {
		fs := newMemFS()
		w := newWriter(t, fs, Options{MaxFile: 1500})
		w.rng = rand.New(rand.NewPCG(seed, 3))
		synced := 0
		for range 1 + w.rng.IntN(60) {
			w.steps(1)
			if w.rng.IntN(8) == 0 {
				w.sync()
				synced = len(w.wrote)
			}
		}
		wantPowerCut(t, w, fs, Position{}, synced, 0)
	}
}
