package boltstore

import (
	"testing"
	"time"

	"graphctl/graph"
)

// A history in buckets of any width has the sum of its parts, each in a bucket
// that holds it, none wider than asked for where finer ones are kept.
func TestCellsWithin(t *testing.T) {
	c := newClock()
	s, _ := openTest(t, c)
	if from, to, err := s.Extent(t.Context()); from != 0 || to != 0 || err != nil {
		t.Fatalf("empty store reaches from %v to %v, %v", from, to, err)
	}
	begin := c.t.Add(-3 * time.Hour)
	seq := uint64(0)
	want := int64(0)
	for at := begin; at.Before(c.t); at = at.Add(90 * time.Second) {
		d := new(graph.Delta)
		d.At(edgeKey(at, "a", "b")).Calls = 2
		seq++
		want += 2
		if err := s.Apply(t.Context(), []graph.Batch{{Seq: seq, Delta: d}}); err != nil {
			t.Fatal(err)
		}
	}
	from, to, err := s.Extent(t.Context())
	if err != nil || from != graph.InstantOf(begin).Floor(graph.Fine) || to < graph.InstantOf(c.t.Add(-90*time.Second)) {
		t.Fatalf("reaches from %v to %v, %v", from.Time(), to.Time(), err)
	}
	for _, widest := range []time.Duration{graph.Fine, graph.Medium, graph.Coarse} {
		sum, widths := int64(0), map[time.Duration]int{}
		err := s.CellsWithin(t.Context(), from, to, widest, func(k graph.Key, st *graph.Stats, width time.Duration) bool {
			if k.Bucket != k.Bucket.Floor(width) || width > widest {
				t.Errorf("widest %v: bucket %v of %v", widest, k.Bucket.Time(), width)
			}
			sum += st.Calls
			widths[width]++
			return true
		})
		if err != nil || sum != want || widths[widest] == 0 {
			t.Errorf("widest %v: %d calls, want %d; buckets %v; %v", widest, sum, want, widths, err)
		}
	}
}
