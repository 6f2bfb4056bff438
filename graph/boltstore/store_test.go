package boltstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"graphctl/graph"
	"graphctl/graph/memstore"
	"graphctl/graph/sketch"
	"graphctl/graph/storetest"
)

// clock is a time that tests move.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 5, 0, time.UTC)} }

func openTest(t *testing.T, c *clock) (*Store, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "graph.db")
	return reopen(t, path, c), path
}

func reopen(t *testing.T, path string, c *clock) *Store {
	t.Helper()
	s, err := Open(path, Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func node(n string) graph.NodeRef { return graph.NodeRef{Kind: graph.Service, Name: n} }

func edgeKey(at time.Time, from, to string) graph.Key {
	return graph.Key{
		Bucket:  graph.InstantOf(at).Floor(graph.Fine),
		Subject: graph.Subject{Of: graph.OfEdge, Kind: graph.RPC, From: node(from), To: node(to)}.ID(),
		Facets:  graph.Facets{From: graph.Facet{Environments: "prod"}}.ID(),
	}
}

func spansKey(at time.Time, of string) graph.Key {
	return graph.Key{
		Bucket:  graph.InstantOf(at).Floor(graph.Fine),
		Subject: graph.Subject{Of: graph.OfSpans, From: node(of), Detail: "paired"}.ID(),
		Facets:  graph.Facets{}.ID(),
	}
}

func aliasKey(at time.Time, address, of string) graph.Key {
	return graph.Key{
		Bucket:  graph.InstantOf(at).Floor(graph.Coarse),
		Subject: graph.Subject{Of: graph.OfAlias, To: node(of), Detail: address}.ID(),
		Facets:  graph.Facets{}.ID(),
	}
}

func addCalls(st *graph.Stats, rng *rand.Rand, sign int64) {
	d := time.Duration(rng.IntN(1e9))
	st.Calls += sign
	st.Estimated += sign * graph.WeightOne
	st.ClientSum += sign * int64(d)
	st.Client.Add(d, sign)
	if rng.IntN(4) == 0 {
		st.Errors += sign
		st.ServerErrors += sign
	}
}

// sameGraph compares all but the bounds that resolution decides.
func sameGraph(t *testing.T, what string, got, want *graph.Graph) {
	t.Helper()
	ignore := cmp.Options{
		cmpopts.IgnoreFields(graph.Graph{}, "From", "To", "Resolution"),
		cmpopts.IgnoreFields(graph.Node{}, "First", "Last"),
		cmpopts.IgnoreFields(graph.Edge{}, "First", "Last"),
		cmp.Comparer(func(a, b sketch.Sketch) bool { return a.Equal(&b) }),
		cmpopts.EquateEmpty(),
	}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("%s (want -, got +):\n%s", what, diff)
	}
}

// Whatever is applied, however time passes and whether or not the store is
// reopened, every window gives what the model gives for the same bounds.
func TestEqualsModel(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 1))
			c := newClock()
			s, path := openTest(t, c)
			model := memstore.New()
			said := new([]*graph.Delta)
			for seq := uint64(1); seq <= 60; seq++ {
				c.t = c.t.Add(time.Duration(rng.IntN(90)) * time.Second)
				b := randomBatch(rng, c.t, seq, said)
				for _, st := range []graph.Store{s, model} {
					if err := st.Apply(t.Context(), []graph.Batch{b}); err != nil {
						t.Fatal(err)
					}
				}
				if rng.IntN(15) == 0 {
					s.Close()
					s = reopen(t, path, c)
				}
				if seq%10 == 0 {
					compareWindows(t, s, model, rng, c.t)
				}
			}
		})
	}
}

// randomBatch changes buckets of the last two hours, notes it in said, and
// sometimes takes back what an earlier batch said.
func randomBatch(rng *rand.Rand, now time.Time, seq uint64, said *[]*graph.Delta) graph.Batch {
	d := new(graph.Delta)
	for range 1 + rng.IntN(6) {
		at := now.Add(-time.Duration(rng.ExpFloat64() * float64(10*time.Minute)))
		if now.Sub(at) > 100*time.Minute {
			at = now
		}
		from, to := fmt.Sprint("s", rng.IntN(4)), fmt.Sprint("s", rng.IntN(4))
		addCalls(d.At(edgeKey(at, from, to)), rng, 1)
		d.At(spansKey(at, from)).Calls++
		d.At(aliasKey(at, "a"+to, to)).Calls++
		gone := edgeKey(at, from, "x")
		sub := gone.Subject.Value()
		sub.To = graph.NodeRef{Kind: graph.Address, Name: "a" + to}
		gone.Subject = sub.ID()
		d.At(gone).Calls++
	}
	own := new(graph.Delta)
	own.Merge(d)
	if n := len(*said); n > 0 && rng.IntN(3) == 0 {
		i := rng.IntN(n)
		d.Merge((*said)[i].Negate())
		*said = append((*said)[:i], (*said)[i+1:]...)
	}
	*said = append(*said, own)
	return graph.Batch{Origin: graph.Origin{Epoch: 1}, Seq: seq, Delta: d}
}

func compareWindows(t *testing.T, s, model graph.Store, rng *rand.Rand, now time.Time) {
	t.Helper()
	queries := []graph.Query{{}, {At: graph.InstantOf(now)}}
	for _, length := range []time.Duration{time.Minute, 8 * time.Minute, time.Hour, 5 * time.Hour, 100 * time.Hour} {
		end := graph.InstantOf(now.Add(-time.Duration(rng.IntN(7200)) * time.Second))
		queries = append(queries,
			graph.Query{From: end - graph.Instant(length), To: end},
			graph.Query{From: end - graph.Instant(length)},
			graph.Query{To: end, Filter: graph.Filter{Environment: "prod"}})
	}
	for _, q := range queries {
		got, err := s.Read(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		same := graph.Query{From: got.From, To: got.To, Filter: q.Filter}
		want, err := model.Read(t.Context(), same)
		if err != nil {
			t.Fatal(err)
		}
		sameGraph(t, fmt.Sprintf("window %v..%v read as %v..%v at %v", q.From.Time(), q.To.Time(), got.From.Time(), got.To.Time(), got.Resolution), got, want)
		if q.From != 0 && got.From > q.From || q.To != 0 && got.To < q.To {
			t.Errorf("window %v..%v was narrowed to %v..%v", q.From.Time(), q.To.Time(), got.From.Time(), got.To.Time())
		}
		if fine := now.Add(-4 * time.Hour); q.To != 0 && q.From > graph.InstantOf(fine) && (got.From != q.From.Floor(graph.Fine) || got.To != q.To.Ceil(graph.Fine)) {
			t.Errorf("window %v..%v was widened to %v..%v where 10 s are kept", q.From.Time(), q.To.Time(), got.From.Time(), got.To.Time())
		}
	}
}

func one(seq uint64, k graph.Key, calls int64) graph.Batch {
	d := new(graph.Delta)
	d.At(k).Calls = calls
	return graph.Batch{Origin: graph.Origin{Lane: 3, Epoch: 9}, Seq: seq, Delta: d}
}

func totalCalls(t *testing.T, s graph.Store, q graph.Query) (n int64) {
	t.Helper()
	g, err := s.Read(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.Edges {
		n += g.Edges[i].Stats.Calls
	}
	return n
}

// A batch counts once, also when it comes again after the store was reopened.
func TestAppliesOnce(t *testing.T) {
	c := newClock()
	s, path := openTest(t, c)
	k := edgeKey(c.t, "a", "b")
	for range 2 {
		if err := s.Apply(t.Context(), []graph.Batch{one(5, k, 1), one(5, k, 1), one(4, k, 10)}); err != nil {
			t.Fatal(err)
		}
		s.Close()
		s = reopen(t, path, c)
	}
	if got := totalCalls(t, s, graph.Query{}); got != 1 {
		t.Errorf("%d calls, want 1", got)
	}
	if p, err := s.Progress(t.Context(), graph.Origin{Lane: 3, Epoch: 9}); p != 5 || err != nil {
		t.Errorf("progress %d, %v", p, err)
	}
}

// A batch that cannot be applied leaves nothing behind.
func TestApplyIsAtomic(t *testing.T) {
	c := newClock()
	s, _ := openTest(t, c)
	bad := edgeKey(c.t, "a", "b")
	bad.Bucket++
	err := s.Apply(t.Context(), []graph.Batch{one(1, edgeKey(c.t, "a", "b"), 1), one(2, bad, 1)})
	if !errors.Is(err, ErrUnaligned) {
		t.Errorf("error %v", err)
	}
	if got := totalCalls(t, s, graph.Query{}); got != 0 {
		t.Errorf("%d calls of a failed commit", got)
	}
	if err := s.Apply(t.Context(), []graph.Batch{one(1, edgeKey(c.t, "a", "b"), 1)}); err != nil {
		t.Fatal(err)
	}
	if got := totalCalls(t, s, graph.Query{}); got != 1 {
		t.Errorf("%d calls, want 1", got)
	}
}

// Finer buckets go first; the same calls stay in the coarser ones, and an
// amendment behind a resolution's edge still reaches the coarser ones.
func TestRetention(t *testing.T) {
	c := newClock()
	s, _ := openTest(t, c)
	old := c.t
	if err := s.Apply(t.Context(), []graph.Batch{one(1, edgeKey(old, "a", "b"), 1)}); err != nil {
		t.Fatal(err)
	}
	at := graph.Query{At: graph.InstantOf(old)}
	for i, step := range []struct {
		age        time.Duration
		resolution time.Duration
		calls      int64
	}{
		{2 * time.Minute, graph.Fine, 2},
		{8 * time.Hour, graph.Medium, 3},
		{4 * 24 * time.Hour, graph.Coarse, 4},
		{401 * 24 * time.Hour, 0, 0},
	} {
		c.t = old.Add(step.age)
		for j := range uint64(2) { // the second folds what the first wrote
			var b graph.Batch
			if j == 0 {
				b = one(uint64(2*i+2), edgeKey(old, "a", "b"), 1)
			} else {
				c.t = c.t.Add(2 * time.Minute)
				b = one(uint64(2*i+3), spansKey(c.t, "z"), 1)
			}
			if err := s.Apply(t.Context(), []graph.Batch{b}); err != nil {
				t.Fatal(err)
			}
		}
		g, err := s.Read(t.Context(), at)
		if err != nil {
			t.Fatal(err)
		}
		if got := totalCalls(t, s, at); got != step.calls || step.calls > 0 && g.Resolution != step.resolution {
			t.Errorf("after %v: %d calls at %v, want %d at %v", step.age, got, g.Resolution, step.calls, step.resolution)
		}
	}
}

func TestSecondOpenIsRefused(t *testing.T) {
	c := newClock()
	_, path := openTest(t, c)
	if _, err := Open(path, Options{LockTimeout: time.Millisecond}); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want %v", err, ErrLocked)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	c := newClock()
	s, path := openTest(t, c)
	s.Close()
	if err := setFormat(path, formatVersion+1); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, Options{}); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want %v", err, ErrNewer)
	}
}

// Whatever is wrong with the file is found on reading, or changes nothing.
func TestDamageIsNeverSilent(t *testing.T) {
	c := newClock()
	s, path := openTest(t, c)
	rng := rand.New(rand.NewPCG(1, 1))
	for seq := range uint64(20) {
		c.t = c.t.Add(10 * time.Second)
		if err := s.Apply(t.Context(), []graph.Batch{randomBatch(rng, c.t, seq+1, new([]*graph.Delta))}); err != nil {
			t.Fatal(err)
		}
	}
	want, err := s.Read(t.Context(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 60 {
		bad := append([]byte(nil), whole...)
		how := ""
		switch at := rng.IntN(len(bad)); n % 3 {
		case 0:
			bit := rng.IntN(8)
			bad[at] ^= 1 << bit
			how = fmt.Sprintf("bit %d of byte %d flipped", bit, at)
		case 1:
			bad = bad[:at]
			how = fmt.Sprintf("cut to %d bytes", at)
		case 2:
			page := at / 4096 * 4096
			clear(bad[page:min(page+4096, len(bad))])
			how = fmt.Sprintf("page at %d zeroed", page)
		}
		damaged := filepath.Join(t.TempDir(), "graph.db")
		if err := os.WriteFile(damaged, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := readDamaged(t.Context(), damaged, c)
		if err != nil {
			continue
		}
		sameGraph(t, how, got, want)
	}
}

func readDamaged(ctx context.Context, path string, c *clock) (*graph.Graph, error) {
	s, err := OpenReadOnly(path, Options{Now: c.now})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Read(ctx, graph.Query{})
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t testing.TB) graph.Store {
		s, err := Open(filepath.Join(t.TempDir(), "graph.db"), Options{FoldEvery: time.Nanosecond})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}
