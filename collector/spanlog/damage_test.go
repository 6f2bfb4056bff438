package spanlog

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"graphctl/collector"
)

// flips is how much damage the tests do: a thousand bits at night.
var flips = flag.Int("flips", 100, "bits to flip, five for each file to cut")

// damagedLog is a log of some files to damage.
func damagedLog(t *testing.T) *writer {
	t.Helper()
	fs := newMemFS()
	w := newWriter(t, fs, Options{MaxFile: 1500})
	w.steps(60)
	w.sync()
	if n := len(fs.names); n < 4 {
		t.Fatalf("%d files, too few", n)
	}
	return w
}

// wantDamageKnown opens a damaged disk and checks that what is replayed was
// written, in order, and that what is missing is reported: that the log does not
// cover it, or at the end that something was cut or set aside.
func wantDamageKnown(t *testing.T, w *writer, fs *memFS, what string) {
	t.Helper()
	l, err := Open(dir, Options{FS: fs}, collector.NewSymbols())
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer l.Close()
	got, ends := replayed(t, l, Position{})
	next, missing := 0, -1 // index of the last record that is missing
	for i, g := range got {
		at := slices.Index(w.wrote[next:], g)
		if at < 0 || w.ends[next+at] != ends[i] {
			t.Fatalf("%s: record %d, %.100q at %v, was not written, or not here", what, i, g, ends[i])
		}
		if at > 0 {
			missing = next + at - 1
		}
		next += at + 1
	}
	found := l.Found()
	before := Position{} // of the last missing record
	if missing > 0 {
		before = w.ends[missing-1]
	}
	if missing >= 0 && l.Covers(before) {
		t.Fatalf("%s: record %d is missing, and nobody says so: %+v", what, missing, found)
	}
	if next < len(w.wrote) && found.CutBytes == 0 && found.SetAside == nil && found.Gaps == nil && !strings.HasPrefix(what, "cut") {
		t.Fatalf("%s: the last %d records are missing, and nobody says so", what, len(w.wrote)-next)
	}
	if len(found.SetAside) > 0 {
		again := open(t, fs, Options{}, collector.NewSymbols())
		if f := again.Found(); !slices.Equal(f.Gaps, found.Gaps) || f.SetAside != nil || f.CutBytes != 0 {
			t.Fatalf("%s: found %+v, and the next time %+v", what, found, f)
		}
		if more, _ := replayed(t, again, Position{}); !slices.Equal(more, got) {
			t.Fatalf("%s: %d records, and the next time %d", what, len(got), len(more))
		}
	}
}

// One flipped bit anywhere is found.
func TestBitFlips(t *testing.T) {
	w := damagedLog(t)
	names := w.fs.fileNames()
	rng := rand.New(rand.NewPCG(5, 6))
	aside := 0
	for range *flips {
		fs := w.fs.clone()
		name := names[rng.IntN(len(names))]
		data := fs.names[name].now
		at, bit := rng.IntN(len(data)), rng.IntN(8)
		data[at] ^= 1 << bit
		wantDamageKnown(t, w, fs, "flip in "+name)
		if len(fs.names) > len(names) {
			aside++
		}
	}
	if aside < *flips/2 {
		t.Errorf("%d of %d files were set aside", aside, *flips)
	}
}

// A file that ends too early is found, unless it is the newest and ends between
// two records.
func TestCuts(t *testing.T) {
	w := damagedLog(t)
	names := w.fs.fileNames()
	rng := rand.New(rand.NewPCG(7, 8))
	for range *flips / 5 {
		fs := w.fs.clone()
		i := rng.IntN(len(names))
		d := fs.names[names[i]]
		d.now = d.now[:rng.IntN(len(d.now))]
		what := "cut of " + names[i]
		if i < len(names)-1 {
			what = "early " + what
		}
		wantDamageKnown(t, w, fs, what)
	}
}

// Zeroed pages and files that are gone are found.
func TestZeroesAndMissingFiles(t *testing.T) {
	w := damagedLog(t)
	names := w.fs.fileNames()
	for i, name := range names {
		fs := w.fs.clone()
		data := fs.names[name].now
		clear(data[len(data)/3 : len(data)/3+400])
		wantDamageKnown(t, w, fs, "zeroes in "+name)
		if i > 0 && i < len(names)-1 {
			fs = w.fs.clone()
			delete(fs.names, name)
			wantDamageKnown(t, w, fs, "without "+name)
		}
	}
}

// What precedes damage stays, and what it is found in is kept.
func TestSetAside(t *testing.T) {
	w := damagedLog(t)
	fs := w.fs.clone()
	name := w.fs.fileNames()[1]
	data := fs.names[name].now
	data[len(data)-5] ^= 1
	bad := slices.Clone(data)
	l := open(t, fs, Options{}, collector.NewSymbols())
	lost := -1
	for i, end := range w.ends {
		if end.File == 2 {
			lost = i // the last of the file
		}
	}
	got, _ := replayed(t, l, Position{})
	if want := slices.Delete(slices.Clone(w.wrote), lost, lost+1); !slices.Equal(got, want) {
		t.Errorf("%d records, want %d: all but number %d", len(got), len(want), lost)
	}
	found := l.Found()
	if len(found.SetAside) != 1 || !strings.HasPrefix(found.SetAside[0], "0000000002.log.corrupt-") {
		t.Fatalf("set aside %q", found.SetAside)
	}
	if !slices.Equal(fs.names[filepath.Join(dir, found.SetAside[0])].now, bad) {
		t.Error("what was set aside is not what was there")
	}
	if len(found.Gaps) != 1 || found.Gaps[0].From.Before(w.ends[lost-1]) || !found.Gaps[0].From.Before(w.ends[lost]) ||
		found.Gaps[0].To != w.ends[lost] || l.Covers(w.ends[lost-1]) || !l.Covers(w.ends[lost]) {
		t.Errorf("gaps %v, want one from %v to %v", found.Gaps, w.ends[lost-1], w.ends[lost])
	}
}

// What is bad in the newest file is cut off, with what follows, if it was not
// durable: a power cut leaves such ends. The file is set aside if a tick tells
// that it was.
func TestTornOrDamaged(t *testing.T) {
	w := newWriter(t, newMemFS(), Options{})
	w.steps(10)
	w.sync()
	w.steps(30)
	for _, c := range []struct {
		record int // the one with a bad last byte
		torn   bool
	}{{39, true}, {38, true}, {10, true}, {9, false}, {0, false}} {
		fs := w.fs.clone()
		fs.names["log/0000000001.log"].now[w.ends[c.record].Offset-1] ^= 1
		l := wantReplay(t, fs, Position{}, w.wrote[:c.record])
		f := l.Found()
		if torn := f.CutBytes > 0; torn != c.torn || torn == (len(f.SetAside) > 0) || !l.Covers(f.End) || l.Covers(w.ends[39]) {
			t.Errorf("record %d is bad: found %+v", c.record, f)
		}
		if _, err := l.Tick(w.now, f.NextTick); err != nil { // the log goes on from what is left of it
			t.Fatal(err)
		}
		if l := open(t, fs, Options{}, w.syms); l.Found().Gaps != nil || !l.Covers(Position{}) {
			t.Errorf("record %d was bad: found %+v", c.record, l.Found())
		}
	}
}

// A damaged file is set aside and the rest kept whatever fails on the way, if
// not the first time then the next.
func TestSetAsideFails(t *testing.T) {
	w := damagedLog(t)
	for at, reached := 0, true; reached; at++ {
		fs := w.fs.clone()
		data := fs.names[w.fs.fileNames()[1]].now
		data[len(data)-5] ^= 1
		n := 0
		reached = false
		fs.fail = func(string) (int, error) {
			if n++; n-1 == at {
				reached = true
				return 0, errInjected
			}
			return 0, nil
		}
		if l, err := Open(dir, Options{FS: fs}, collector.NewSymbols()); err == nil {
			l.Close()
		}
		fs.fail = nil
		wantDamageKnown(t, w, fs, "set aside")
	}
}

// Where there is no room to keep what precedes damage, its ticks are not counted
// as found.
func TestSetAsideWithoutRoom(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	for seq := uint64(1); seq <= 6; seq++ {
		if seq == 4 {
			if err := w.log.Begin(0, 4); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.log.Tick(start, seq); err != nil {
			t.Fatal(err)
		}
	}
	w.sync()
	if _, err := w.log.Tick(start, 7); err != nil {
		t.Fatal(err)
	}
	fs.names["log/0000000002.log"].now[headerLen+2*(frameLen+tickLen)-1] ^= 1 // in tick 5
	fs.failOnce(is("create"), 0)
	l := open(t, fs, Options{}, w.syms)
	if got, _ := replayed(t, l, Position{}); len(got) != 3 || l.Found().NextTick != 4 || len(l.Found().SetAside) != 1 {
		t.Errorf("%d ticks, found %+v", len(got), l.Found())
	}
}

// fileNames returns the names of all files, in order.
func (m *memFS) fileNames() (names []string) {
	for name := range m.names {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
