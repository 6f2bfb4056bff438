package boltstore

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/memstore"
)

// manyNames is how many edges the tests of shards count: some in each of three.
const manyNames = 2500

// scattered changes a few of many edges, most of them now, some long ago.
func scattered(rng *rand.Rand, now time.Time, seq uint64) graph.Batch {
	d := new(graph.Delta)
	for range 60 {
		at := now
		if rng.IntN(10) == 0 {
			at = now.Add(-time.Duration(rng.IntN(100)) * time.Minute)
		}
		n := rng.IntN(manyNames)
		addCalls(d.At(edgeKey(at, fmt.Sprint("a", n%50), fmt.Sprint("b", n))), rng, 1)
		d.At(spansKey(at, fmt.Sprint("a", n%50))).Calls++
		d.At(aliasKey(at, "x", fmt.Sprint("b", n%90))).Calls++
	}
	return graph.Batch{Origin: graph.Origin{Lane: 1}, Seq: seq, Delta: d}
}

// hourly sums deltas by hour.
func hourly(to, d *graph.Delta) {
	for k, st := range d.Cells() {
		k.Bucket = k.Bucket.Floor(graph.Coarse)
		to.At(k).Add(st)
	}
}

// After every commit each resolution has the same sum, that of all batches up to
// it: no page is counted in one resolution and not in another while shards are
// folded one by one.
func TestEveryCommitIsWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	c := newClock()
	s, path := openTest(t, c)
	want := new(graph.Delta)
	folds := 0
	for seq := uint64(1); seq <= 150; seq++ {
		c.t = c.t.Add(time.Duration(rng.IntN(4)) * time.Second)
		b := scattered(rng, c.t, seq)
		hourly(want, b.Delta)
		before := s.Stats().Unfolded
		if err := s.Apply(t.Context(), []graph.Batch{b}); err != nil {
			t.Fatal(err)
		}
		if s.Stats().Unfolded < before {
			folds++
		}
		if seq%5 == 0 || s.Stats().Unfolded < before {
			levelsAgree(t, s, want)
		}
		if seq%40 == 0 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = reopen(t, path, c)
		}
		if t.Failed() {
			t.Fatalf("after batch %d", seq)
		}
	}
	if folds < 5 {
		t.Errorf("%d commits folded, want several to be looked at", folds)
	}
}

func levelsAgree(t *testing.T, s *Store, want *graph.Delta) {
	t.Helper()
	for _, l := range levels() {
		got := new(graph.Delta)
		err := s.CellsWithin(t.Context(), -1<<62, 1<<62, l.width, func(k graph.Key, st *graph.Stats, _ time.Duration) bool {
			k.Bucket = k.Bucket.Floor(graph.Coarse)
			got.At(k).Add(st)
			return true
		})
		if err != nil {
			t.Fatal(err)
		}
		if !got.Equal(want) {
			t.Errorf("the sums of buckets of %v are not those of the batches", l.width)
		}
	}
}

// A window of an hour that moves on with the clock is what the model says, while
// sums of its minutes are remembered and calls that are late change them.
func TestRememberedRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(6, 6))
	c := newClock()
	s, _ := openTest(t, c)
	s.runs.quiet = 0
	model := memstore.New()
	remembered := 0
	for seq := uint64(1); seq <= 180; seq++ {
		c.t = c.t.Add(time.Duration(10+rng.IntN(40)) * time.Second)
		b := scattered(rng, c.t, seq)
		for _, st := range []graph.Store{s, model} {
			if err := st.Apply(t.Context(), []graph.Batch{b}); err != nil {
				t.Fatal(err)
			}
		}
		if seq%10 != 0 || seq < 80 {
			continue
		}
		to := graph.InstantOf(c.t)
		for _, length := range []time.Duration{time.Hour, 25 * time.Minute} {
			got, err := s.Read(t.Context(), graph.Query{From: to - graph.Instant(length), To: to})
			if err != nil {
				t.Fatal(err)
			}
			want, err := model.Read(t.Context(), graph.Query{From: got.From, To: got.To})
			if err != nil {
				t.Fatal(err)
			}
			sameGraph(t, fmt.Sprintf("%v to %v", got.From.Time(), got.To.Time()), got, want)
		}
		for _, list := range s.runs.sums {
			remembered = max(remembered, len(list))
		}
		if t.Failed() {
			t.Fatalf("after batch %d", seq)
		}
	}
	if remembered == 0 || s.runs.bytes == 0 {
		t.Error("nothing was remembered")
	}
}

// A window of an hour that begins and ends anywhere is the sum of its minutes,
// while pages wait, and its nodes are seen when they were.
func TestWindowsAcrossHours(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	c := newClock()
	s, _ := openTest(t, c)
	type seen struct{ first, last graph.Instant }
	calls := map[string]map[graph.Instant]int64{}
	for seq := uint64(1); seq <= 400; seq++ {
		c.t = c.t.Add(time.Duration(rng.IntN(50)) * time.Second)
		b := scattered(rng, c.t, seq)
		for k, st := range b.Delta.Cells() {
			if sub := k.Subject.Value(); sub.Of == graph.OfEdge {
				edge := sub.From.Name + " " + sub.To.Name
				if calls[edge] == nil {
					calls[edge] = map[graph.Instant]int64{}
				}
				calls[edge][k.Bucket] += st.Calls
			}
		}
		if err := s.Apply(t.Context(), []graph.Batch{b}); err != nil {
			t.Fatal(err)
		}
	}
	for range 12 {
		to := graph.InstantOf(c.t.Add(-time.Duration(rng.IntN(3600)) * time.Second))
		q := graph.Query{From: to - graph.Instant(20*time.Minute) - graph.Instant(rng.Int64N(int64(3*time.Hour))), To: to}
		g, err := s.Read(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]int64{}
		sights := map[string]seen{}
		for edge, by := range calls {
			for at, n := range by {
				if at < g.From || at >= g.To {
					continue
				}
				want[edge] += n
				w := seen{at.Floor(graph.Medium), min(at.Floor(graph.Medium)+graph.Instant(graph.Medium), g.To)}
				if was, ok := sights[edge]; ok {
					w = seen{min(w.first, was.first), max(w.last, was.last)}
				}
				sights[edge] = w
			}
		}
		if len(g.Edges) != len(want) {
			t.Errorf("%v to %v: %d edges, want %d", g.From.Time(), g.To.Time(), len(g.Edges), len(want))
		}
		for i := range g.Edges {
			e := &g.Edges[i]
			edge := e.From + " " + e.To
			if e.Stats.Calls != want[edge] || e.Stats.Client.Total() != want[edge] {
				t.Errorf("%s: %d calls, %d timed, want %d", edge, e.Stats.Calls, e.Stats.Client.Total(), want[edge])
			}
			w := sights[edge]
			if e.First.Floor(graph.Medium) != w.first || e.Last.Ceil(graph.Medium) != w.last.Ceil(graph.Medium) {
				t.Errorf("%s seen %v to %v, want %v to %v", edge, e.First.Time(), e.Last.Time(), w.first.Time(), w.last.Time())
			}
		}
		if t.Failed() {
			return
		}
	}
}
