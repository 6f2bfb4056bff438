package boltstore

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/memstore"
)

// formatOne yields the batches that testdata/format1.db.gz was made of by a
// program that wrote format 1, and moves the clock.
func formatOne(c *clock, yield func(graph.Batch)) {
	rng := rand.New(rand.NewPCG(5, 1))
	said := new([]*graph.Delta)
	for seq := uint64(1); seq <= 42; seq++ {
		c.t = c.t.Add(time.Duration(rng.IntN(90)) * time.Second)
		b := randomBatch(rng, c.t, seq, said)
		if seq%10 == 0 {
			for i := range 1500 {
				b.Delta.At(edgeKey(c.t.Add(-time.Minute), fmt.Sprint("many", i%40), fmt.Sprint("more", i))).Calls++
			}
		}
		yield(b)
	}
}

func unpackFormatOne(t *testing.T) string {
	t.Helper()
	f, err := os.Open("testdata/format1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "graph.db")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A file of format 1 is read as it is, rewritten when it is opened, and goes on.
func TestFormatOne(t *testing.T) {
	c := newClock()
	model := memstore.New()
	formatOne(c, func(b graph.Batch) {
		if err := model.Apply(t.Context(), []graph.Batch{b}); err != nil {
			t.Fatal(err)
		}
	})
	path := unpackFormatOne(t)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := OpenReadOnly(path, Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(2, 2))
	compareWindows(t, r, model, rng, c.t)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(before) != string(after) {
		t.Errorf("the file was changed by reading it, %v", err)
	}
	s := reopen(t, path, c)
	compareWindows(t, s, model, rng, c.t)
	for i := range uint64(2) {
		c.t = c.t.Add(40 * time.Second)
		b := randomBatch(rng, c.t, 43+i, new([]*graph.Delta))
		for _, st := range []graph.Store{s, model} {
			if err := st.Apply(t.Context(), []graph.Batch{b}); err != nil {
				t.Fatal(err)
			}
		}
		compareWindows(t, s, model, rng, c.t)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if report, err := Verify(path, nil); err != nil || report.Format != formatVersion {
		t.Errorf("format %d, %v", report.Format, err)
	}
}
