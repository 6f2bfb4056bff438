package boltstore

import (
	"path/filepath"
	"testing"
	"time"

	"graphctl/graph"
)

// What was deleted is known to a reader whose options would have kept it, and
// to a clock that was set back: both read a coarser level, not nothing.
func TestDeletedIsNotTakenForNothing(t *testing.T) {
	c := newClock()
	path := filepath.Join(t.TempDir(), "graph.db")
	s, err := Open(path, Options{Now: c.now, RetainFine: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	old := c.t
	if err := s.Apply(t.Context(), []graph.Batch{one(1, edgeKey(old, "a", "b"), 1)}); err != nil {
		t.Fatal(err)
	}
	c.t = old.Add(3 * time.Hour)
	if err := s.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, now := range []time.Time{c.t, old} {
		r, err := OpenReadOnly(path, Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		q := graph.Query{At: graph.InstantOf(old)}
		g, err := r.Read(t.Context(), q)
		if err != nil || g.Resolution != graph.Medium || totalCalls(t, r, q) != 1 {
			t.Errorf("at %v: %d edges at %v, error %v; want one at %v", now, len(g.Edges), g.Resolution, err, graph.Medium)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A change older than everything that is kept is dropped and counted.
func TestDroppedIsCounted(t *testing.T) {
	c := newClock()
	s, _ := openTest(t, c)
	ancient := edgeKey(c.t.Add(-500*24*time.Hour), "a", "b")
	if err := s.Apply(t.Context(), []graph.Batch{one(1, ancient, 1)}); err != nil {
		t.Fatal(err)
	}
	c.t = c.t.Add(2 * time.Minute)
	if err := s.Apply(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got := s.Dropped(); got != 1 {
		t.Errorf("%d rows dropped, want 1", got)
	}
	if got := totalCalls(t, s, graph.Query{}); got != 0 {
		t.Errorf("%d calls of 500 days ago", got)
	}
}
