package boltstore

import (
	"testing"
	"time"

	"graphctl/graph"
)

// A read transaction that is open shows, and is gone when the call has returned.
func TestOldestRead(t *testing.T) {
	c := newClock()
	s, _ := openTest(t, c)
	if err := s.Apply(t.Context(), []graph.Batch{one(1, edgeKey(c.t, "a", "b"), 1)}); err != nil {
		t.Fatal(err)
	}
	looked := false
	err := s.Cells(t.Context(), 0, graph.InstantOf(c.t.Add(time.Hour)), func(graph.Key, *graph.Stats, time.Duration) bool {
		looked = true
		if s.Stats().OldestRead <= 0 {
			t.Error("a read that is going on has no age")
		}
		return true
	})
	if err != nil || !looked {
		t.Fatalf("no cells, %v", err)
	}
	if got := s.Stats().OldestRead; got != 0 {
		t.Errorf("a read that has ended is %v old", got)
	}
}
