package boltstore

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"graphctl/graph"
)

// crashFile names, in the environment of a child process, the file to write to.
const crashFile = "BOLTSTORE_CRASH_FILE"

// crashCycles is how often the writer is killed.
const crashCycles = 8

// TestCrashChild is the process that TestCrash kills: it commits batches,
// folds often, and says which it has committed.
func TestCrashChild(t *testing.T) {
	path := os.Getenv(crashFile)
	if path == "" {
		t.Skip("runs as the child of TestCrash only")
	}
	c := newClock()
	s, err := Open(path, Options{Now: c.now, FoldEvery: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	last, err := s.Progress(t.Context(), crashOrigin)
	if err != nil {
		t.Fatal(err)
	}
	for seq := last + 1; ; seq++ {
		c.t = newClock().t.Add(time.Duration(seq) * time.Second)
		if err := s.Apply(t.Context(), []graph.Batch{crashBatch(seq, c.t)}); err != nil {
			t.Fatal(err)
		}
		fmt.Println("committed", seq)
	}
}

var crashOrigin = graph.Origin{Lane: 3, Epoch: 9}

// crashBatch counts one call, under a name that the batch before has not; the
// names lie in several shards, and some calls are late.
func crashBatch(seq uint64, at time.Time) graph.Batch {
	at = at.Add(-time.Duration(seq%7) * time.Minute)
	b := one(seq, edgeKey(at, "a", fmt.Sprint("b", seq*701%manyNames)), 1)
	if seq == 1 { // names for all shards
		for n := range manyNames {
			b.Delta.At(edgeKey(at, "a", fmt.Sprint("b", n))).Calls++
		}
	}
	return b
}

// Whenever the writer is killed, the file holds exactly the batches up to its
// progress, and none that was reported is missing.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes")
	}
	path := filepath.Join(t.TempDir(), "graph.db")
	rng := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	var before uint64
	for cycle := range crashCycles {
		reported := killWriter(t, path, before+uint64(5+rng.IntN(40)))
		s, err := Open(path, Options{Now: newClock().now})
		if err != nil {
			t.Fatalf("cycle %d: %v", cycle, err)
		}
		progress, err := s.Progress(t.Context(), crashOrigin)
		if err != nil {
			t.Fatal(err)
		}
		if progress < reported {
			t.Errorf("cycle %d: batch %d was reported and is lost; the file ends at %d", cycle, reported, progress)
		}
		for _, l := range levels() {
			var got int64
			err := s.CellsWithin(t.Context(), -1<<62, 1<<62, l.width, func(_ graph.Key, st *graph.Stats, _ time.Duration) bool {
				got += st.Calls
				return true
			})
			if want := int64(progress) + manyNames; got != want || err != nil {
				t.Errorf("cycle %d: %d calls in buckets of %v, want the %d of the batches committed, %v", cycle, got, l.width, want, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		before = progress
	}
}

// killWriter starts a writer, kills it when it has reported batch until, and
// returns the last batch that it reported.
func killWriter(t *testing.T, path string, until uint64) (reported uint64) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCrashChild$")
	child.Env = append(os.Environ(), crashFile+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	for lines := bufio.NewScanner(out); lines.Scan(); {
		n, err := strconv.ParseUint(lines.Text()[min(len("committed "), len(lines.Text())):], 10, 64)
		if err != nil {
			t.Errorf("the writer said %q", lines.Text())
			break
		}
		reported = n
		if n >= until && !killed {
			killed = true
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait() // it was killed
	if !killed {
		t.Fatal("the writer stopped by itself")
	}
	return reported
}
