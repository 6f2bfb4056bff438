package spanlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"
	"graphctl/collector"
	"graphctl/collector/files"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	dir   = "log"
	start = int64(1_760_000_000e9)
)

// A writer appends to a log and remembers what it appended, as text that any
// process would write.
type writer struct {
	t    testing.TB
	fs   *memFS
	syms *collector.Symbols
	log  *Log
	rng  *rand.Rand
	now  int64
	seq  uint64

	wrote []string   // records
	ends  []Position // of wrote
}

func newWriter(t testing.TB, fs *memFS, o Options) *writer {
	t.Helper()
	w := &writer{t: t, fs: fs, syms: collector.NewSymbols(), rng: rand.New(rand.NewPCG(1, 2)), now: start}
	w.log = open(t, fs, o, w.syms)
	return w
}

func open(t testing.TB, fs *memFS, o Options, syms *collector.Symbols) *Log {
	t.Helper()
	o.FS = fs
	l, err := Open(dir, o, syms)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// batch makes some spans, now and then with a new name.
func (w *writer) batch() *collector.Batch {
	b := new(collector.Batch)
	for range 1 + w.rng.IntN(8) {
		name := fmt.Sprint("service-", w.rng.IntN(10+len(w.wrote)))
		s := collector.Span{
			Trace: collector.TraceID{1, 15: byte(w.rng.Uint32())}, Start: w.now - w.rng.Int64N(1e9), End: w.now,
			Weight: collector.WeightOne, Messages: collector.NoCount, FirstLink: uint32(len(b.Links)),
			Name:     w.syms.Intern([]byte("GET /" + name)),
			Resource: w.syms.InternResource(collector.Resource{Name: name}),
			Far:      w.syms.InternFar(collector.Far{Host: name}),
		}
		binary.BigEndian.PutUint64(s.ID[:], w.rng.Uint64()|1)
		if w.rng.IntN(4) == 0 {
			s.Links = 1
			b.Links = append(b.Links, collector.Link{Trace: s.Trace, ID: s.ID})
		}
		b.Spans = append(b.Spans, s)
	}
	return b
}

// textOf writes a record with names in full.
func textOf(syms *collector.Symbols, r Record) string {
	if r.Kind != SpansRecord {
		return fmt.Sprint(r.Kind, r.Time, r.Seq, r.Before)
	}
	text := fmt.Appendf(nil, "spans %d", r.Time)
	for i := range r.Batch.Spans {
		s := &r.Batch.Spans[i]
		text = fmt.Appendf(text, " %x %x %d %d ", s.Trace, s.ID, s.Start, s.End)
		text = syms.AppendForm(text, s, r.Batch.LinksOf(s))
	}
	return string(text)
}

// step appends a record of some kind, and remembers it unless it was refused.
func (w *writer) step() error {
	w.now += 1e6
	r := Record{Kind: SpansRecord, Time: w.now}
	var err error
	switch n := w.rng.IntN(10); {
	case n < 7:
		r.Batch = w.batch()
		r.End, err = w.log.Append(w.now, r.Batch)
	case n < 9:
		r.Kind, r.Seq = TickRecord, w.seq+1
		if r.End, err = w.log.Tick(w.now, r.Seq); err == nil {
			w.seq++
		}
	default:
		r.Kind, r.Before = CutRecord, w.now-1e9
		r.End, err = w.log.Cut(w.now, r.Before)
	}
	if err == nil {
		w.wrote = append(w.wrote, textOf(w.syms, r))
		w.ends = append(w.ends, r.End)
	}
	return err
}

// steps appends n records, which must not fail.
func (w *writer) steps(n int) {
	w.t.Helper()
	for range n {
		if err := w.step(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// replayed returns the records of a log as text, and their ends.
func replayed(t testing.TB, l *Log, from Position) (got []string, ends []Position) {
	t.Helper()
	if err := l.Replay(from, func(r Record) error {
		got, ends = append(got, textOf(l.syms, r)), append(ends, r.End)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got, ends
}

// wantReplay opens a disk with symbols of its own and compares what it replays.
func wantReplay(t testing.TB, fs *memFS, from Position, want []string) *Log {
	t.Helper()
	syms := collector.NewSymbols()
	syms.Intern([]byte("numbers differ"))
	syms.InternFar(collector.Far{Host: "numbers differ"})
	l := open(t, fs, Options{}, syms)
	got, _ := replayed(t, l, from)
	if !slices.Equal(got, want) {
		t.Fatalf("from %v: replayed %d records, want %d:\n%.2000q\nwant\n%.2000q", from, len(got), len(want), got, want)
	}
	return l
}

// isBusy reports whether err tells the sender to come back because of the disk.
func isBusy(err error) bool {
	var busy *collector.BusyError
	return errors.As(err, &busy) && busy.Why == collector.ThrottleDisk && busy.After == retryAfter
}

// A later process replays what was appended, from any place, through files and
// with other numbers for the names.
func TestReplay(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{MaxFile: 2000, Epoch: 7})
	if got := w.log.Found(); !got.End.isZero() || got.Epoch != 0 {
		t.Errorf("found %+v in an empty folder", got)
	}
	w.steps(200)
	if n := fs.count("create"); n < 5 {
		t.Fatalf("%d files, too few to test anything", n)
	}
	l := wantReplay(t, fs.clone(), Position{}, w.wrote) // written is kept, without Close
	got := l.Found()
	if got.Epoch != 7 || got.NextTick != w.seq+1 || got.FirstTick > got.NextTick || got.End != w.ends[199] || got.Time != w.now ||
		got.CutBytes != 0 || got.SetAside != nil || got.Gaps != nil {
		t.Errorf("found %+v", got)
	}
	for i, end := range w.ends {
		if i%7 == 0 {
			wantReplay(t, fs.clone(), end, w.wrote[i+1:])
		}
	}
	if !l.Covers(Position{}) || !l.Covers(w.ends[100]) || !l.Covers(w.ends[199]) || l.Covers(Position{99, 0}) {
		t.Error("a whole log does not cover what it holds")
	}
}

func (p Position) isZero() bool { return p == Position{} }

// A log goes on where it ended, process after process, and time never goes back.
func TestReopen(t *testing.T) {
	fs := newMemFS()
	var wrote []string
	var seq uint64
	now := start
	for range 5 {
		w := newWriter(t, fs, Options{})
		w.now, w.seq = now, seq
		if found := w.log.Found(); seq > 0 && found.NextTick != seq+1 {
			t.Errorf("next tick %d, want %d", found.NextTick, seq+1)
		}
		w.steps(20)
		wrote, seq, now = append(wrote, w.wrote...), w.seq, w.now
		if err := w.log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := wantReplay(t, fs, Position{}, wrote)
	if _, err := l.Tick(now-1e9, 99); err != nil {
		t.Fatal(err)
	}
	if err := l.Replay(l.Found().End, func(r Record) error {
		if r.Time != now || r.Seq != 99 {
			t.Errorf("tick %d at %d, want 99 at %d", r.Seq, r.Time, now)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Of a file that another follows the ticks count that come before its first.
func TestTicksOfTheNextFile(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	for seq := uint64(1); seq <= 5; seq++ {
		if _, err := w.log.Tick(start, seq); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.log.Begin(8, 4); err != nil {
		t.Fatal(err)
	}
	if f := open(t, fs.clone(), Options{}, w.syms).Found(); f.Epoch != 8 || f.FirstTick != 4 || f.NextTick != 4 {
		t.Errorf("found %+v", f)
	}
	if _, err := w.log.Tick(start, 4); err != nil {
		t.Fatal(err)
	}
	var got []uint64
	var epochs []uint64
	l := open(t, fs, Options{}, collector.NewSymbols())
	if err := l.Replay(Position{}, func(r Record) error {
		got, epochs = append(got, r.Seq), append(epochs, r.Epoch)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, []uint64{1, 2, 3, 4}) || !slices.Equal(epochs, []uint64{0, 0, 0, 8}) {
		t.Errorf("ticks %v of epochs %v", got, epochs)
	}
}

// Drop removes files that lie wholly before a position, and no others.
func TestDrop(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{MaxFile: 2000})
	w.steps(200)
	before := w.log.Stats().Bytes
	for i := 0; i < len(w.ends); i += 20 {
		if err := w.log.Drop(w.ends[i]); err != nil {
			t.Fatal(err)
		}
		l := wantReplay(t, fs.clone(), w.ends[i], w.wrote[i+1:])
		if !l.Covers(w.ends[i]) {
			t.Errorf("what is left does not cover what is behind %v", w.ends[i])
		}
		if oldest := l.files[0]; oldest.end < w.ends[i].Offset && oldest.number <= w.ends[i].File {
			t.Errorf("file %d, which ends at %d, is still there after dropping to %v", oldest.number, oldest.end, w.ends[i])
		}
	}
	if l := open(t, fs.clone(), Options{}, w.syms); l.Covers(Position{}) || l.Covers(w.ends[0]) {
		t.Error("what was dropped is said to be covered")
	}
	if err := w.log.Drop(Position{1000, 0}); err != nil {
		t.Fatal(err)
	}
	if n := len(fs.names); n != 1 || w.log.Stats().Bytes >= before/2 {
		t.Errorf("%d files with %d of %d bytes are left, want the newest", n, w.log.Stats().Bytes, before)
	}
	w.steps(3)
}

// Who waits for a sync while one runs shares the next one.
func TestSyncIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fs := newMemFS()
		w := newWriter(t, fs, Options{})
		w.steps(3)
		first, release := fs.count("sync"), make(chan struct{})
		slow := &slowSync{w.log.cur, release, func() { w.steps(1) }} // more comes all the time
		w.log.cur = slow
		var wg sync.WaitGroup
		wg.Go(func() { w.sync() })
		synctest.Wait() // the first fsync has begun
		w.steps(3)
		for range 10 {
			wg.Go(func() { w.sync() })
		}
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if err := w.log.Sync(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("a caller who gave up got %v", err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		close(release)
		wg.Wait()
		slow.after = func() {}
		if got := fs.count("sync") - first; got != 2 {
			t.Errorf("%d fsyncs, want 2", got)
		}
		if s := w.log.Stats(); s.Syncs != 2 {
			t.Errorf("stats say %d syncs", s.Syncs)
		}
	})
}

// A slowSync waits for release before each fsync, and does something after it.
type slowSync struct {
	files.File
	release chan struct{}
	after   func()
}

func (f *slowSync) Sync() error {
	<-f.release
	defer f.after()
	return f.File.Sync()
}

// There is no fsync when nothing is new.
func TestSyncOfNothing(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	w.sync()
	w.steps(3)
	w.sync()
	if err := w.log.Begin(1, w.seq+1); err != nil {
		t.Fatal(err)
	}
	before := fs.count("sync")
	w.sync()
	if got := fs.count("sync") - before; got != 0 {
		t.Errorf("%d fsyncs, want none", got)
	}
}

// What a process wrote and did not sync before it was killed is durable once a
// later one has synced.
func TestKilledThenPowerCut(t *testing.T) {
	fs := newMemFS()
	killed := newWriter(t, fs, Options{})
	killed.steps(20)
	w := newWriter(t, fs, Options{})
	w.now = killed.now
	w.steps(3)
	w.sync()
	wantReplay(t, fs.powerCut(w.rng), Position{}, append(killed.wrote, w.wrote...))
}

// A file that was being begun when the process died never held anything: it
// goes, and its number with it.
func TestKilledInBegin(t *testing.T) {
	whole := (&header{}).append(nil)
	whole[9] ^= 1
	for _, begun := range [][]byte{nil, whole[:10], whole} {
		fs := newMemFS()
		w := newWriter(t, fs, Options{})
		w.steps(5)
		fs.names["log/0000000002.log"] = &memData{now: begun}
		l := wantReplay(t, fs, Position{}, w.wrote)
		f := l.Found()
		if f.SetAside != nil || f.Gaps != nil || f.CutBytes != int64(len(begun)) || len(fs.names) != 1 {
			t.Errorf("found %+v, %d files", f, len(fs.names))
		}
		if end, err := l.Tick(w.now, 9); err != nil || end.File != 3 {
			t.Errorf("the log goes on at %v, %v, want file 3", end, err)
		}
	}
}

func (w *writer) sync() {
	w.t.Helper()
	if err := w.log.Sync(context.Background()); err != nil {
		w.t.Error(err)
	}
}

// A newer format is refused, with both versions named, and left alone.
func TestNewerFormat(t *testing.T) {
	fs := newMemFS()
	newWriter(t, fs, Options{}).steps(5)
	data := fs.names["log/0000000001.log"].now
	binary.BigEndian.PutUint16(data[len(magic):], version+1)
	resealHeader(data)
	before := slices.Clone(data)
	_, err := Open(dir, Options{FS: fs}, collector.NewSymbols())
	if err == nil || !strings.Contains(err.Error(), "version 2") || !strings.Contains(err.Error(), "than 1,") {
		t.Errorf("error %v", err)
	}
	if !slices.Equal(fs.names["log/0000000001.log"].now, before) {
		t.Error("the file was changed")
	}
}

// After Close nothing is taken, and all of it is durable.
func TestClose(t *testing.T) {
	fs := newMemFS()
	w := newWriter(t, fs, Options{})
	w.steps(5)
	if err := w.log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.step(); !errors.Is(err, errClosed) {
		t.Errorf("append: %v", err)
	}
	if err := w.log.Begin(1, 1); !errors.Is(err, errClosed) {
		t.Errorf("begin: %v", err)
	}
	if err := w.log.Close(); !errors.Is(err, errClosed) {
		t.Errorf("close: %v", err)
	}
	wantReplay(t, fs.powerCut(w.rng), Position{}, w.wrote)
}
