// Package storetest holds what every graph.Store must do: one suite, run by the
// tests of each store.
package storetest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"graphctl/graph"
)

// Run runs the suite. open returns a new, empty store; the suite closes it.
func Run(t *testing.T, open func(testing.TB) graph.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, graph.Store)
	}{
		{"empty", empty},
		{"sum", sum},
		{"once", once},
		{"atomic", atomic},
		{"taken back", takenBack},
		{"windows", windows},
		{"evidence of the hour", evidence},
		{"late", late},
		{"cells", cells},
		{"parallel", parallel},
		{"closed", closed},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			t.Cleanup(func() { s.Close() }) // closed tests it
			c.test(t, s)
		})
	}
}

// now is the time of the youngest calls: the present, since stores may forget.
var now = graph.InstantOf(time.Now()).Floor(graph.Coarse) + graph.Instant(30*time.Minute)

var origin = graph.Origin{Lane: 1, Epoch: 1}

func service(name string) graph.NodeRef { return graph.NodeRef{Kind: graph.Service, Name: name} }

func key(at graph.Instant, s graph.Subject) graph.Key {
	width := graph.Fine
	if s.Of.Coarse() {
		width = graph.Coarse
	}
	return graph.Key{Bucket: at.Floor(width), Subject: s.ID(), Facets: graph.Facets{}.ID()}
}

func call(at graph.Instant, from, to graph.NodeRef) graph.Key {
	return key(at, graph.Subject{Of: graph.OfEdge, Kind: graph.RPC, From: from, To: to})
}

// batch counts n for each key.
func batch(seq uint64, n int64, keys ...graph.Key) graph.Batch {
	d := new(graph.Delta)
	for _, k := range keys {
		st := d.At(k)
		st.Calls = n
		st.ServerSum = n * int64(time.Millisecond)
		st.Server.Add(time.Millisecond, n)
	}
	return graph.Batch{Origin: origin, Seq: seq, Delta: d}
}

func apply(t *testing.T, s graph.Store, batches ...graph.Batch) {
	t.Helper()
	if err := s.Apply(t.Context(), batches); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s graph.Store, q graph.Query) *graph.Graph {
	t.Helper()
	g, err := s.Read(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// show prints the edges of a graph.
func show(g *graph.Graph) string {
	out := ""
	for i := range g.Edges {
		e := &g.Edges[i]
		out += fmt.Sprintf("%s->%s:%d/%d ", e.From, e.To, e.Stats.Calls, e.Stats.Server.Total())
	}
	return out
}

func want(t *testing.T, s graph.Store, q graph.Query, edges string) {
	t.Helper()
	if got := show(read(t, s, q)); got != edges {
		t.Errorf("got %q, want %q", got, edges)
	}
}

func empty(t *testing.T, s graph.Store) {
	g := read(t, s, graph.Query{})
	if len(g.Nodes)+len(g.Edges) != 0 || g.From != 0 || g.To != 0 {
		t.Errorf("an empty store gave %+v", g)
	}
	if p, err := s.Progress(t.Context(), origin); p != 0 || err != nil {
		t.Errorf("progress %d, %v", p, err)
	}
}

// What is applied adds up, over batches and buckets.
func sum(t *testing.T, s graph.Store) {
	a, b := service("a"), service("b")
	apply(t, s, batch(1, 1, call(now, a, b)), batch(2, 2, call(now, a, b), call(now-graph.Instant(time.Minute), a, b)))
	apply(t, s, batch(3, 4, call(now, b, a)))
	want(t, s, graph.Query{}, "a->b:5/5 b->a:4/4 ")
}

// A sequence number that was applied, or one below, is skipped; other origins
// count on their own.
func once(t *testing.T, s graph.Store) {
	k := call(now, service("a"), service("b"))
	apply(t, s, batch(5, 1, k), batch(5, 1, k), batch(3, 1, k))
	apply(t, s, batch(5, 1, k))
	other := batch(1, 1, k)
	other.Origin.Epoch++
	apply(t, s, other)
	want(t, s, graph.Query{}, "a->b:2/2 ")
	if p, err := s.Progress(t.Context(), origin); p != 5 || err != nil {
		t.Errorf("progress %d, %v, want 5", p, err)
	}
}

// A commit that fails leaves nothing behind.
func atomic(t *testing.T, s graph.Store) {
	bad := call(now, service("a"), service("b"))
	bad.Bucket++
	if err := s.Apply(t.Context(), []graph.Batch{batch(1, 1, call(now, service("a"), service("b"))), batch(2, 1, bad)}); err == nil {
		t.Error("a key outside the buckets was taken")
	}
	want(t, s, graph.Query{}, "")
	if p, _ := s.Progress(t.Context(), origin); p != 0 {
		t.Errorf("progress %d after a failed commit", p)
	}
}

// What is taken back is gone, edge and node.
func takenBack(t *testing.T, s graph.Store) {
	guess := call(now, service("a"), graph.NodeRef{Kind: graph.Address, Name: "x:1"})
	apply(t, s, batch(1, 1, guess))
	want(t, s, graph.Query{}, "a->x:1:1/1 ")
	apply(t, s, batch(2, -1, guess))
	if g := read(t, s, graph.Query{}); len(g.Nodes)+len(g.Edges) != 0 {
		t.Errorf("%d nodes and %d edges stay", len(g.Nodes), len(g.Edges))
	}
}

// A window holds its buckets and no others, is widened outward, and says so.
func windows(t *testing.T, s graph.Store) {
	ten := graph.Instant(graph.Fine)
	for i := range 6 {
		apply(t, s, batch(uint64(i+1), 1<<i, call(now+graph.Instant(i)*ten, service("a"), service("b"))))
	}
	for _, c := range []struct {
		from, to, at graph.Instant
		edges        string
	}{
		{now, now + ten, 0, "a->b:1/1 "},
		{now + ten + 1, now + 3*ten - 1, 0, "a->b:6/6 "},
		{now + 4*ten, now + 9*ten, 0, "a->b:48/48 "},
		{0, 0, now + 3*ten + 5, "a->b:8/8 "},
		{now - 9*ten, now, 0, ""},
	} {
		q := graph.Query{From: c.from, To: c.to, At: c.at}
		want(t, s, q, c.edges)
		if g := read(t, s, q); c.from != 0 && (g.From > c.from || g.To < c.to || g.Resolution != graph.Fine) {
			t.Errorf("window %d..%d was read as %d..%d at %v", c.from, c.to, g.From, g.To, g.Resolution)
		}
	}
	if _, err := s.Read(t.Context(), graph.Query{From: now, To: now - 1}); err == nil {
		t.Error("a window that ends before it begins was read")
	}
}

// Names are resolved by the evidence of the whole hours that a window touches.
func evidence(t *testing.T, s graph.Store) {
	a, b := service("a"), service("b")
	spans := func(at graph.Instant, n graph.NodeRef) graph.Key {
		return key(at, graph.Subject{Of: graph.OfSpans, From: n, Detail: "paired"})
	}
	early := now.Floor(graph.Coarse)
	apply(t, s, batch(1, 1,
		call(now, a, graph.NodeRef{Kind: graph.Address, Name: "b:1"}),
		call(now, a, graph.NodeRef{Kind: graph.PeerName, Name: "c"}),
		spans(early, service("c")),
		key(now, graph.Subject{Of: graph.OfAlias, To: b, Detail: "b:1"})))
	window := graph.Query{From: now, To: now + graph.Instant(graph.Fine)}
	want(t, s, window, "a->b:1/1 a->c:1/1 ")
	g := read(t, s, window)
	if n, ok := g.Node("c"); !ok || n.Kind != graph.Service || n.Spans != 0 {
		t.Errorf("node c: %+v", n)
	}
}

// A late call counts in every window around its bucket, however long, at once,
// and in no other; its edge is seen when it was made.
func late(t *testing.T, s graph.Store) {
	a, b := service("a"), service("b")
	minute := graph.Instant(time.Minute)
	for i := range 5 { // stores may rearrange what they have
		apply(t, s, batch(uint64(i+1), 1, call(now, a, b)))
	}
	at := now - 47*minute
	apply(t, s, batch(6, 10, call(at, a, b), call(at, b, a)))
	for _, c := range []struct {
		from, to graph.Instant
		edges    string
	}{
		{at, at + minute/6, "a->b:10/10 b->a:10/10 "},
		{at - 3*minute, at + 3*minute, "a->b:10/10 b->a:10/10 "},
		{at - 2*minute, now, "a->b:10/10 b->a:10/10 "},
		{at - 13*minute, now + minute, "a->b:15/15 b->a:10/10 "},
		{at - 400*minute, now + minute, "a->b:15/15 b->a:10/10 "},
		{at + minute, now + minute, "a->b:5/5 "},
		{at - 20*minute, at, ""},
	} {
		want(t, s, graph.Query{From: c.from, To: c.to}, c.edges)
	}
	for _, e := range read(t, s, graph.Query{From: at - 2*minute, To: now + minute}).Edges {
		if e.From == "b" && (e.First > at || e.First < at-minute || e.Last <= at || e.Last > at+minute) {
			t.Errorf("a call at %v was seen from %v to %v", at.Time(), e.First.Time(), e.Last.Time())
		}
	}
}

// A store that lists its cells lists each once, whole.
func cells(t *testing.T, s graph.Store) {
	r, ok := s.(graph.CellReader)
	if !ok {
		return
	}
	a, b := service("a"), service("b")
	alias := key(now, graph.Subject{Of: graph.OfAlias, To: b, Detail: "b:1"})
	apply(t, s, batch(1, 1, call(now, a, b), alias), batch(2, 2, call(now, a, b)))
	apply(t, s, batch(3, 4, call(now, a, b)))
	got := map[graph.Key]int64{}
	err := r.Cells(t.Context(), now.Floor(graph.Coarse), now+graph.Instant(graph.Coarse), func(k graph.Key, st *graph.Stats, width time.Duration) bool {
		if _, again := got[k]; again {
			t.Errorf("key %v twice", k)
		}
		if coarse := k.Subject.Of().Coarse(); coarse != (width == graph.Coarse) {
			t.Errorf("key %v with width %v", k, width)
		}
		got[k] = st.Calls
		return true
	})
	if err != nil || len(got) != 2 || got[call(now, a, b)] != 7 || got[alias] != 1 {
		t.Errorf("cells %v, error %v", got, err)
	}
	origins, err := r.Origins(t.Context())
	if err != nil || len(origins) != 1 || origins[origin] != 3 {
		t.Errorf("origins %v, error %v", origins, err)
	}
}

// Readers see each commit whole while writers work.
func parallel(t *testing.T, s graph.Store) {
	const commits = 50
	a, b := service("a"), service("b")
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				g, err := s.Read(context.Background(), graph.Query{})
				if err != nil {
					t.Error(err)
					return
				}
				if len(g.Edges) == 2 && g.Edges[0].Stats.Calls != g.Edges[1].Stats.Calls || len(g.Edges) == 1 {
					t.Errorf("half a commit: %s", show(g))
					return
				}
			}
		})
	}
	for i := range uint64(commits) {
		apply(t, s, batch(i+1, 1, call(now, a, b), call(now, b, a)))
	}
	close(done)
	readers.Wait()
	want(t, s, graph.Query{}, fmt.Sprintf("a->b:%d/%d b->a:%d/%d ", commits, commits, commits, commits))
}

// A closed store refuses and does not break.
func closed(t *testing.T, s graph.Store) {
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Read(t.Context(), graph.Query{}); err == nil {
		t.Error("a closed store was read")
	}
	if err := s.Apply(t.Context(), []graph.Batch{batch(1, 1, call(now, service("a"), service("b")))}); err == nil {
		t.Error("a closed store took a batch")
	}
}
