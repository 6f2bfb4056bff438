package boltstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/memstore"
)

// heavyEdges times heavyCalls calls are in a heavy batch.
const (
	heavyEdges = 1100
	heavyCalls = 4
)

// heavy is a batch that takes some 30 kB, in buckets of its own.
func heavy(rng *rand.Rand, at time.Time, seq uint64) graph.Batch {
	d := new(graph.Delta)
	for i := range heavyEdges {
		st := d.At(edgeKey(at, fmt.Sprint("a", i%50), fmt.Sprint("b", i)))
		for range heavyCalls {
			addCalls(st, rng, 1)
		}
	}
	return graph.Batch{Origin: graph.Origin{Lane: 1}, Seq: seq, Delta: d}
}

// A file that nears its bound gives up the finest history, the oldest first,
// stays within the bound, says so, and keeps the coarser sums whole.
func TestMaxBytes(t *testing.T) {
	const bound = 5 << 20
	c := newClock()
	path := filepath.Join(t.TempDir(), "graph.db")
	s, err := Open(path, Options{Now: c.now, MaxBytes: bound})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rng := rand.New(rand.NewPCG(1, 1))
	begun := c.t
	const commits = 220
	for seq := uint64(1); seq <= commits; seq++ {
		c.t = c.t.Add(50 * time.Second)
		if err := s.Apply(t.Context(), []graph.Batch{heavy(rng, c.t, seq)}); err != nil {
			t.Fatalf("batch %d: %v; %+v", seq, err, s.Stats())
		}
	}
	st := s.Stats()
	if st.Bytes > bound || st.DroppedHours == 0 {
		t.Errorf("%+v, want at most %d bytes, and hours given up", st, bound)
	}
	if got := totalCalls(t, s, graph.Query{}); got != commits*heavyEdges*heavyCalls {
		t.Errorf("%d calls in all, want %d", got, commits*heavyEdges*heavyCalls)
	}
	for _, q := range []struct {
		at   time.Time
		want time.Duration
	}{{c.t.Add(-2 * time.Minute), graph.Fine}, {begun.Add(time.Minute), graph.Coarse}} {
		g, err := s.Read(t.Context(), graph.Query{At: graph.InstantOf(q.at)})
		if err != nil || g.Resolution > q.want || q.want == graph.Coarse && g.Resolution == graph.Fine {
			t.Errorf("at %v: resolution %v, error %v; want %v", q.at, g.Resolution, err, q.want)
		}
	}
	if _, err := s.Shrink(t.Context(), 1<<40); err != nil {
		t.Fatal(err)
	}
	if after := s.Stats(); after.FreeBytes <= st.FreeBytes || after.Bytes > bound {
		t.Errorf("after Shrink %+v, before %+v", after, st)
	}
	// Only hours before the present one may be given up at the coarsest level.
	if got := totalCalls(t, s, graph.Query{From: graph.InstantOf(c.t).Floor(graph.Coarse)}); got == 0 {
		t.Error("the present hour was given up")
	}
}

// A file that is larger than a bound which is new gives up history until what it
// holds fits; it can do so because it may grow a little.
func TestMaxBytesOfLargeFile(t *testing.T) {
	c := newClock()
	s, path := openTest(t, c)
	rng := rand.New(rand.NewPCG(1, 1))
	seq := uint64(0)
	commit := func(s *Store) {
		t.Helper()
		seq++
		c.t = c.t.Add(50 * time.Second)
		if err := s.Apply(t.Context(), []graph.Batch{heavy(rng, c.t, seq)}); err != nil {
			t.Fatalf("batch %d: %v", seq, err)
		}
	}
	for range 100 {
		commit(s)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Compact(path); err != nil { // nothing in it is free
		t.Fatal(err)
	}
	const bound = 1 << 20
	s, err := Open(path, Options{Now: c.now, MaxBytes: bound})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if st := s.Stats(); st.Bytes < 2*bound {
		t.Fatalf("%+v: the file is not large", st)
	}
	for range 10 {
		commit(s)
	}
	if st := s.Stats(); st.DroppedHours < 2 || st.FreeBytes < bound/8 {
		t.Errorf("%+v, want hours given up", st)
	}
}

// A file that can give up no more refuses what is new, can be read, and goes on
// when there is room.
func TestFull(t *testing.T) {
	c := newClock()
	path := filepath.Join(t.TempDir(), "graph.db")
	s, err := Open(path, Options{Now: c.now, MaxBytes: 1 << 20, FoldEvery: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	model := memstore.New()
	seq := uint64(0)
	for err == nil && seq < 100 {
		seq++
		b := heavy(rng, c.t, seq)
		if err = s.Apply(t.Context(), []graph.Batch{b}); err == nil {
			err = model.Apply(t.Context(), []graph.Batch{b})
		}
	}
	if !errors.Is(err, ErrFull) {
		t.Fatalf("after %d batches: %v, want %v", seq, err, ErrFull)
	}
	sameSum(t, s, model)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = reopen(t, path, c)
	b := heavy(rng, c.t, seq)
	for _, st := range []graph.Store{s, model} {
		if err := st.Apply(t.Context(), []graph.Batch{b}); err != nil {
			t.Fatal(err)
		}
	}
	sameSum(t, s, model)
}

func sameSum(t *testing.T, s, model graph.Store) {
	t.Helper()
	got, err := s.Read(t.Context(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := model.Read(t.Context(), graph.Query{From: got.From, To: got.To})
	if err != nil {
		t.Fatal(err)
	}
	sameGraph(t, "all", got, want)
}

// On a disk that is full commits fail whole, reads go on, and commits succeed
// again once there is room, in the store that is open.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=3m"); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	defer syscall.Unmount(dir, syscall.MNT_DETACH)
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 2500<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClock()
	s := reopen(t, filepath.Join(dir, "graph.db"), c)
	model := memstore.New()
	rng := rand.New(rand.NewPCG(1, 1))
	failures := 0
	for seq := uint64(1); seq <= 30; {
		b := heavy(rng, c.t, seq)
		err := s.Apply(t.Context(), []graph.Batch{b})
		at, perr := s.Progress(t.Context(), b.Origin)
		if perr != nil || at != seq && at != seq-1 || err == nil && at != seq {
			t.Fatalf("batch %d: %v; progress %d, %v", seq, err, at, perr)
		}
		if at == seq { // also if its commit was said to have failed
			if err := model.Apply(t.Context(), []graph.Batch{b}); err != nil {
				t.Fatal(err)
			}
			seq++
		}
		if err == nil {
			continue
		}
		sameSum(t, s, model)
		if failures++; failures == 3 {
			if err := os.Remove(ballast); err != nil {
				t.Fatal(err)
			}
		}
		if failures > 20 {
			t.Fatalf("commits fail though there is room: %v", err)
		}
	}
	if failures < 3 {
		t.Errorf("%d commits failed, want the disk to have been full", failures)
	}
	sameSum(t, s, model)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(filepath.Join(dir, "graph.db"), nil); err != nil {
		t.Error(err)
	}
}

// A file that was open when the machine stopped is verified before it is opened
// and set aside if it is bad; one of a process that died is not verified.
func TestUncleanStop(t *testing.T) {
	for _, test := range []struct {
		name     string
		boot     string // "" for this one
		bad      bool
		verified int
	}{
		{"the process died", "", false, 0},
		{"the machine died", "another", false, 1},
		{"and the file is torn", "another", true, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newClock()
			s, path := openTest(t, c)
			if err := s.Apply(t.Context(), []graph.Batch{one(1, edgeKey(c.t, "a", "b"), 1)}); err != nil {
				t.Fatal(err)
			}
			marker, err := os.ReadFile(path + markerSuffix)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(path + markerSuffix); err == nil {
				t.Error("the marker outlived a clean stop")
			}
			if test.boot != "" {
				marker = []byte(test.boot)
			}
			if err := os.WriteFile(path+markerSuffix, marker, 0o600); err != nil {
				t.Fatal(err)
			}
			verified := 0
			s, err = Open(path, Options{Now: c.now, Verify: func(string) error {
				verified++
				if test.bad {
					return fmt.Errorf("%w: torn", ErrDamaged)
				}
				return nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if verified != test.verified {
				t.Errorf("verified %d times, want %d", verified, test.verified)
			}
			want, n := int64(1), s.Notice()
			if test.bad {
				want = 0
				if n == nil || !strings.HasPrefix(n.SetAside, path+".corrupt-") {
					t.Fatalf("notice %v", n)
				}
				if _, err := os.Stat(n.SetAside); err != nil {
					t.Error(err)
				}
			} else if n != nil {
				t.Errorf("notice %v", n)
			}
			if got := totalCalls(t, s, graph.Query{}); got != want {
				t.Errorf("%d calls, want %d", got, want)
			}
		})
	}
}

// A file that cannot be opened for its damage is set aside too.
func TestDamagedIsSetAside(t *testing.T) {
	c := newClock()
	path := filepath.Join(t.TempDir(), "graph.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, path, c)
	n := s.Notice()
	if n == nil || !errors.Is(n.Damage, ErrDamaged) {
		t.Fatalf("notice %v", n)
	}
	if b, err := os.ReadFile(n.SetAside); err != nil || len(b) != 11000 {
		t.Errorf("%d bytes set aside, %v", len(b), err)
	}
}

// Compact gives back what was deleted, and changes nothing else.
func TestCompact(t *testing.T) {
	c := newClock()
	s, path := openTest(t, c)
	rng := rand.New(rand.NewPCG(1, 1))
	for seq := uint64(1); seq <= 30; seq++ {
		c.t = c.t.Add(time.Minute)
		if err := s.Apply(t.Context(), []graph.Batch{heavy(rng, c.t, seq)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := Compact(path); !errors.Is(err, ErrLocked) {
		t.Errorf("an open file was compacted: %v", err)
	}
	want, err := s.Read(t.Context(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, after, err := Compact(path)
	if err != nil || after >= before {
		t.Errorf("%d bytes before, %d after, %v", before, after, err)
	}
	if _, err := Verify(path, nil); err != nil {
		t.Error(err)
	}
	s = reopen(t, path, c)
	got, err := s.Read(t.Context(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	sameGraph(t, "compacted", got, want)
	c.t = c.t.Add(time.Minute)
	if err := s.Apply(t.Context(), []graph.Batch{heavy(rng, c.t, 31)}); err != nil {
		t.Fatal(err)
	}
	if got := totalCalls(t, s, graph.Query{}); got != 31*heavyEdges*heavyCalls {
		t.Errorf("%d calls after going on, want %d", got, 31*heavyEdges*heavyCalls)
	}
}

// Verify finds what reading would find, and counts what it read.
func TestVerify(t *testing.T) {
	c := newClock()
	s, path := openTest(t, c)
	rng := rand.New(rand.NewPCG(1, 1))
	if err := s.Apply(t.Context(), []graph.Batch{heavy(rng, c.t, 1)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Verify(path, nil)
	if err != nil || r.Names != heavyEdges || r.Pages != 4 || r.Format != formatVersion {
		t.Fatalf("%+v, %v", r, err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(whole), "b1099") // in the last name
	whole[at] ^= 4
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(path, nil); !errors.Is(err, ErrDamaged) {
		t.Errorf("a changed name passed: %v", err)
	}
	if _, err := Verify(path+"x", nil); err == nil || errors.Is(err, ErrDamaged) {
		t.Errorf("a missing file: %v", err)
	}
}
