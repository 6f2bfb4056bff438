package live

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"graphctl/graph"
)

const second = graph.Instant(time.Second)

// t0 is a time in the middle of an hour, a minute and a bucket.
var t0 = graph.InstantOf(time.Date(2026, 3, 1, 10, 30, 33, 0, time.UTC))

func service_(id string) graph.NodeRef {
	ns, name, ok := strings.Cut(id, "/")
	if !ok {
		ns, name = "", id
	}
	return graph.NodeRef{Kind: graph.Service, Namespace: ns, Name: name}
}

func peer(name string) graph.NodeRef { return graph.NodeRef{Kind: graph.PeerName, Name: name} }
func address(a string) graph.NodeRef { return graph.NodeRef{Kind: graph.Address, Name: a} }
func database(n string) graph.NodeRef {
	return graph.NodeRef{Kind: graph.Database, Name: n}
}

func rpc(from, to graph.NodeRef) graph.Subject {
	return graph.Subject{Of: graph.OfEdge, Kind: graph.RPC, From: from, To: to}
}

func spansOf(n graph.NodeRef) graph.Subject {
	return graph.Subject{Of: graph.OfSpans, From: n, Detail: "paired"}
}

func aliasOf(a string, n graph.NodeRef) graph.Subject {
	return graph.Subject{Of: graph.OfAlias, To: n, Detail: a}
}

// put counts n calls of sub at t, of the given duration, into d.
func put(d *graph.Delta, t graph.Instant, sub graph.Subject, n, errors int64, took time.Duration) {
	width := graph.Fine
	if sub.Of.Coarse() {
		width = graph.Coarse
	}
	k := graph.Key{Bucket: t.Floor(width), Subject: sub.ID(), Facets: graph.Facets{}.ID()}
	s := d.At(k)
	s.Calls += n
	s.Errors += errors
	if sub.Of == graph.OfEdge && took > 0 {
		s.Client.Add(took, n)
		s.ClientSum += n * int64(took)
	}
}

// recorder hands deltas to a window and remembers their sum.
type recorder struct {
	w   *Window
	seq uint64
	sum graph.Delta
}

func (r *recorder) apply(d *graph.Delta) {
	r.seq++
	r.sum.Merge(d)
	r.w.Apply([]graph.Batch{{Origin: graph.Origin{Lane: 1}, Seq: r.seq, Delta: d}})
}

func (r *recorder) put(t graph.Instant, sub graph.Subject, n int64) {
	var d graph.Delta
	put(&d, t, sub, n, 0, time.Millisecond)
	r.apply(&d)
}

// graph builds what a store would answer for the window.
func (r *recorder) graph() *graph.Graph {
	b := graph.NewBuilder(graph.Filter{})
	from, hour := r.w.firstMinute(), r.w.firstHour()
	for k, s := range r.sum.Cells() {
		if k.Bucket >= hour && k.Subject.Of() != graph.OfEdge {
			b.Evidence(k.Subject.Value(), s.Calls)
		}
		if k.Bucket >= from {
			b.Cell(k, s, graph.Fine)
		}
	}
	return b.Graph(from, r.w.now, graph.Fine)
}

// show prints a graph as nodes and edges with calls and errors.
func show(g *graph.Graph) string {
	var out []string
	for _, n := range g.Nodes {
		out = append(out, fmt.Sprintf("%s(%s)", n.ID, n.Kind))
	}
	for _, e := range g.Edges {
		out = append(out, fmt.Sprintf("%s->%s %s %d/%d", e.From, e.To, e.Kind, e.Stats.Calls, e.Stats.Errors))
	}
	return strings.Join(out, "\n")
}

// showRows prints published rows in the same form.
func showRows(services []Service, calls []Call) string {
	names := make(map[uint32]string)
	var out, edges []string
	for _, s := range services {
		names[s.ID] = s.Name
		out = append(out, fmt.Sprintf("%s(%s)", s.Name, s.Kind))
	}
	slices.Sort(out)
	sorted := slices.SortedFunc(slices.Values(calls), func(a, b Call) int {
		return strings.Compare(names[a.From]+"\x00"+names[a.To]+"\x00"+string(rune(a.Kind)), names[b.From]+"\x00"+names[b.To]+"\x00"+string(rune(b.Kind)))
	})
	for _, c := range sorted {
		edges = append(edges, fmt.Sprintf("%s->%s %s %d/%d", names[c.From], names[c.To], c.Kind, c.Calls, c.Errors))
	}
	return strings.Join(append(out, edges...), "\n")
}

func check(t *testing.T, r *recorder) {
	t.Helper()
	s := r.w.Snapshot()
	if got, want := showRows(s.Services, s.Calls), show(r.graph()); got != want {
		t.Fatalf("window at %v:\n got\n%s\nwant\n%s", r.w.now.Time(), got, want)
	}
}

// The window shows the graph that the store would answer for the last hour:
// when calls come, are taken back, and leave.
func TestWindowIsTheGraphOfTheLastHour(t *testing.T) {
	r := &recorder{w: NewWindow(t0, Options{})}
	web, cart := service_("shop/web"), service_("shop/cart")
	r.put(t0, rpc(web, cart), 5)
	r.put(t0, spansOf(web), 5)
	r.w.Advance(t0 + second)
	check(t, r)
	r.put(t0-10*second, rpc(web, database("db")), 2)
	r.w.Advance(t0 + 2*second)
	check(t, r)
	r.put(t0-10*second, rpc(web, database("db")), -2) // a guess is taken back
	r.w.Advance(t0 + 3*second)
	check(t, r)
	if n := len(r.w.Snapshot().Calls); n != 1 {
		t.Fatalf("calls after the guess was taken back: %d, want 1", n)
	}
	r.w.Advance(t0 + 60*60*second)
	check(t, r)
	r.w.Advance(t0 + 62*60*second)
	check(t, r)
	if s := r.w.Snapshot(); len(s.Calls)+len(s.Services) != 0 {
		t.Fatalf("after the hour: %v", showRows(s.Services, s.Calls))
	}
	if n := r.w.Stats().Subjects; n != 1 {
		t.Errorf("subjects kept: %d, want 1, the evidence of the hour", n)
	}
	r.w.Advance(t0 + 150*60*second)
	if n := r.w.Stats().Subjects; n != 0 {
		t.Errorf("subjects kept after their hours: %d, want 0", n)
	}
}

// When evidence about an address comes, and when it goes, the edges move.
func TestEvidenceMovesEdges(t *testing.T) {
	r := &recorder{w: NewWindow(t0, Options{})}
	web, cart, pay := service_("shop/web"), service_("shop/cart"), service_("shop/pay")
	r.put(t0, rpc(web, address("10.0.0.1:80")), 3)
	r.w.Advance(t0 + second)
	check(t, r)
	before := r.w.Snapshot().Services[0]
	r.put(t0, aliasOf("10.0.0.1:80", cart), 1)
	r.w.Advance(t0 + 2*second)
	check(t, r)
	if after := r.w.Snapshot().Services[0]; after.ID != before.ID || after.Name != before.Name {
		t.Errorf("the caller got another number: %d %s, want %d %s", after.ID, after.Name, before.ID, before.Name)
	}
	r.put(t0, aliasOf("10.0.0.1:80", pay), 1)
	r.w.Advance(t0 + 3*second)
	check(t, r)
	r.put(t0, aliasOf("10.0.0.1:80", pay), -1)
	r.put(t0, rpc(web, peer("stock")), 3)
	r.w.Advance(t0 + 4*second)
	check(t, r)
	r.put(t0, spansOf(service_("shop/stock")), 1)
	r.w.Advance(t0 + 5*second)
	check(t, r)
}

// Nodes that print alike are told apart while there are several, and a client
// hears of the new names.
func TestNamesThatPrintAlike(t *testing.T) {
	r := &recorder{w: NewWindow(t0, Options{})}
	web := service_("web")
	r.put(t0, rpc(web, database("orders")), 1)
	r.w.Advance(t0 + second)
	check(t, r)
	f := r.w.Follow()
	m := follow(t, nil, f)
	r.put(t0, rpc(web, service_("orders")), 1)
	r.put(t0, rpc(web, service_("database:orders")), 1)
	r.w.Advance(t0 + 2*second)
	check(t, r)
	m = follow(t, m, f)
	r.put(t0, rpc(web, service_("orders")), -1)
	r.w.Advance(t0 + 3*second)
	check(t, r)
	m = follow(t, m, f)
	if got, want := m.show(), show(r.graph()); got != want {
		t.Errorf("follower:\n got\n%s\nwant\n%s", got, want)
	}
}

// mirror is what a follower knows.
type mirror struct {
	seq      uint64
	services map[uint32]Service
	calls    map[uint32]Call
}

func (m *mirror) show() string {
	var ss []Service
	var cs []Call
	for _, s := range m.services {
		ss = append(ss, s)
	}
	for _, c := range m.calls {
		cs = append(cs, c)
	}
	return showRows(ss, cs)
}

// follow takes the next event of f into account.
func follow(t *testing.T, m *mirror, f *Feed) *mirror {
	t.Helper()
	e, err := f.Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s := e.Snapshot; s != nil {
		m = &mirror{s.Seq, make(map[uint32]Service), make(map[uint32]Call)}
		for _, v := range s.Services {
			m.services[v.ID] = v
		}
		for _, v := range s.Calls {
			m.calls[v.ID] = v
		}
		return m
	}
	m.update(t, e.Update)
	return m
}

func (m *mirror) update(t *testing.T, u *Update) {
	t.Helper()
	if u.Base != m.seq {
		t.Fatalf("update from %d, the follower is at %d", u.Base, m.seq)
	}
	m.seq = u.Seq
	for _, id := range u.RemovedCalls {
		remove(t, m.calls, id)
	}
	for _, id := range u.RemovedServices {
		remove(t, m.services, id)
	}
	for _, v := range u.NewServices {
		m.services[v.ID] = v
	}
	for _, v := range u.Services {
		if _, ok := m.services[v.ID]; !ok {
			t.Fatalf("update %d changes service %d, which was not told of", u.Seq, v.ID)
		}
		m.services[v.ID] = v
	}
	for _, v := range u.NewCalls {
		if _, ok := m.calls[v.ID]; ok {
			t.Fatalf("update %d brings call %d a second time", u.Seq, v.ID)
		}
		m.calls[v.ID] = v
	}
	for _, v := range u.Calls {
		if _, ok := m.calls[v.ID]; !ok {
			t.Fatalf("update %d changes call %d, which was not told of", u.Seq, v.ID)
		}
		m.calls[v.ID] = v
	}
}

func remove[T any](t *testing.T, m map[uint32]T, id uint32) {
	t.Helper()
	if _, ok := m[id]; !ok {
		t.Fatalf("update removes %d, which was not told of", id)
	}
	delete(m, id)
}

// equal compares a follower with a snapshot, field by field.
func (m *mirror) equal(s *Snapshot) error {
	if len(m.services) != len(s.Services) || len(m.calls) != len(s.Calls) {
		return fmt.Errorf("%d services and %d calls, want %d and %d", len(m.services), len(m.calls), len(s.Services), len(s.Calls))
	}
	for _, want := range s.Services {
		if got := m.services[want.ID]; fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("service %d: got %v, want %v", want.ID, got, want)
		}
	}
	for _, want := range s.Calls {
		if got := m.calls[want.ID]; fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Errorf("call %d: got %v, want %v", want.ID, got, want)
		}
	}
	return nil
}

// random returns a change that is plausible: calls, taken back in part later,
// among few nodes of every kind.
func random(rng *rand.Rand, now graph.Instant, undo *[]*graph.Delta) *graph.Delta {
	services := []graph.NodeRef{service_("a/web"), service_("a/cart"), service_("b/cart"), service_("pay"), service_("database:pay")}
	targets := append(slices.Clone(services), peer("cart"), peer("nobody"), address("10.0.0.1:80"), address("10.0.0.2"), database("pay"), database("10.0.0.2"))
	d := new(graph.Delta)
	if len(*undo) > 0 && rng.IntN(4) == 0 {
		i := rng.IntN(len(*undo))
		d.Merge((*undo)[i].Negate())
		*undo = slices.Delete(*undo, i, i+1)
		return d
	}
	for range rng.IntN(6) {
		at := now - graph.Instant(rng.Int64N(int64(20*time.Second)))
		switch rng.IntN(12) {
		case 0:
			at = now - graph.Instant(rng.Int64N(int64(80*time.Minute)))
		case 1:
			at = now + graph.Instant(rng.Int64N(int64(50*time.Second)))
		}
		s := services[rng.IntN(len(services))]
		switch rng.IntN(8) {
		case 0:
			put(d, at, spansOf(s), 1+rng.Int64N(3), 0, 0)
		case 1:
			put(d, at, aliasOf([]string{"10.0.0.1:80", "10.0.0.2"}[rng.IntN(2)], s), 1, 0, 0)
		default:
			n := 1 + rng.Int64N(20)
			put(d, at, rpc(s, targets[rng.IntN(len(targets))]), n, rng.Int64N(n), time.Duration(rng.Int64N(int64(time.Second))))
		}
	}
	*undo = append(*undo, d)
	return d
}

// Whatever comes and goes, the window equals the store's graph of the same
// time, its measures those made from all cells, and followers with any pauses
// know what the snapshot says.
func TestWindowEqualsStore(t *testing.T) {
	runs := 60
	if testing.Short() {
		runs = 10
	}
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 1))
		r := &recorder{w: NewWindow(t0, Options{})}
		var undo []*graph.Delta
		feeds := []*Feed{r.w.Follow(), r.w.Follow(), r.w.Follow()}
		mirrors := make([]*mirror, len(feeds))
		now := t0
		for step := range 200 {
			for range rng.IntN(3) {
				r.apply(random(rng, now, &undo))
			}
			pause := time.Duration(rng.Int64N(int64(2 * time.Second)))
			if rng.IntN(40) == 0 {
				pause = time.Duration(rng.Int64N(int64(40 * time.Minute)))
			}
			now += graph.Instant(pause)
			r.w.Advance(now)
			checkMeasures(t, seed, r)
			for i, f := range feeds {
				if rng.IntN(1+60*i) != 0 && step != 199 {
					continue
				}
				mirrors[i] = follow(t, mirrors[i], f)
				if err := mirrors[i].equal(r.w.Snapshot()); err != nil {
					t.Fatalf("seed %d, step %d, follower %d: %v", seed, step, i, err)
				}
			}
		}
	}
}

// checkMeasures compares what the window measures with what all cells say.
func checkMeasures(t *testing.T, seed uint64, r *recorder) {
	t.Helper()
	want := r.graph()
	var services []Service
	var calls []Call
	got := make(map[[3]string]Call)
	for _, s := range r.w.topology.services {
		services = append(services, s.row)
	}
	for _, c := range r.w.topology.calls {
		row := c.measure(r.w.rates)
		calls = append(calls, row)
		got[[3]string{c.from.row.Name, c.to.row.Name, row.Kind.String()}] = row
	}
	if got, want := showRows(services, calls), show(want); got != want {
		t.Fatalf("seed %d at %v:\n got\n%s\nwant\n%s", seed, r.w.now.Time(), got, want)
	}
	rates := ratesOf(r)
	for _, e := range want.Edges {
		c := got[[3]string{e.From, e.To, e.Kind.String()}]
		if c.First.Floor(graph.Medium) != e.First.Floor(graph.Medium) || c.Last.Ceil(graph.Medium) != e.Last.Ceil(graph.Medium) {
			t.Fatalf("seed %d: %s->%s seen %v to %v, want %v to %v", seed, e.From, e.To, c.First.Time(), c.Last.Time(), e.First.Time(), e.Last.Time())
		}
		w := rates[[2]string{e.From, e.To}]
		if math.Abs(float64(c.Rate)-w) > 1e-5*(1+w) {
			t.Fatalf("seed %d: %s->%s rate %v, want %v", seed, e.From, e.To, c.Rate, w)
		}
	}
}

// ratesOf returns calls a second of each edge, from all cells.
func ratesOf(r *recorder) map[[2]string]float64 {
	rates := make(map[[2]string]float64)
	w := r.w.rates
	ids := make(map[graph.NodeRef]string)
	for ref, s := range r.w.topology.services {
		ids[ref] = s.row.Name
	}
	for k, s := range r.sum.Cells() {
		sub := k.Subject.Value()
		if sub.Of != graph.OfEdge || !w.holds(k.Bucket) {
			continue
		}
		n := float64(s.Calls)
		if k.Bucket == w.first {
			n *= w.share
		}
		names := r.w.topology.names
		rates[[2]string{ids[names.Resolve(sub.From, sub.To)], ids[names.Resolve(sub.To, sub.From)]}] += n / 60
	}
	return rates
}

// An even stream of calls has an even rate, which falls to zero a minute after
// it ended; the edge and its latency stay.
func TestRate(t *testing.T) {
	r := &recorder{w: NewWindow(t0, Options{})}
	sub := rpc(service_("web"), service_("cart"))
	now := t0
	for range 130 {
		now += second
		r.put(now, sub, 10)
		r.w.Advance(now)
	}
	c := r.w.Snapshot().Calls[0]
	if c.Rate < 9.7 || c.Rate > 10.3 {
		t.Errorf("rate %v, want about 10", c.Rate)
	}
	for range 75 {
		now += second
		r.w.Advance(now)
	}
	c = r.w.Snapshot().Calls[0]
	if c.Rate != 0 || c.Calls != 1300 || c.P50 < 0.99 || c.P50 > 1.01 {
		t.Errorf("silent edge: rate %v, calls %d, p50 %v ms, want 0, 1300, 1", c.Rate, c.Calls, c.P50)
	}
}

// A follower that the history does not reach gets a snapshot; one within it
// resumes with an update; a foreign epoch is not resumed.
func TestResume(t *testing.T) {
	w := NewWindow(t0, Options{Epoch: "e"})
	r := &recorder{w: w}
	now := t0
	for i := range History + 10 {
		r.put(now, rpc(service_("web"), database(fmt.Sprint(i))), 1)
		now += second
		w.Advance(now)
	}
	f := w.Follow()
	if f.Resume("other", 100) || f.Resume("e", 9) || f.Resume("e", History+11) {
		t.Error("resumed from where the window cannot go on")
	}
	if !f.Resume("e", 10) {
		t.Fatalf("sequence 10 of %d cannot be resumed", w.Snapshot().Seq)
	}
	e, err := f.Next(t.Context())
	if err != nil || e.Update == nil || e.Update.Base != 10 || len(e.Update.NewCalls) != History {
		t.Fatalf("event %+v, error %v, want an update from 10 with %d calls", e, err, History)
	}
	late := w.Follow()
	late.Resume("e", 10)
	now += second
	w.Advance(now)
	if e, err = late.Next(t.Context()); err != nil || e.Snapshot == nil || e.Reason != Behind {
		t.Fatalf("event %+v, error %v, want a snapshot because it is behind", e, err)
	}
}

// When the numbers run out a new epoch begins, and followers hear of it.
func TestRenumber(t *testing.T) {
	w := NewWindow(t0, Options{Epoch: "e"})
	w.topology.maxID = 8
	r := &recorder{w: w}
	f := w.Follow()
	m := follow(t, nil, f)
	now, renumbered := t0, 0
	for i := range 20 {
		sub := rpc(service_("web"), database(fmt.Sprint(i)))
		r.put(now, sub, 1)
		now += second
		w.Advance(now)
		r.put(now-second, sub, -1)
		e, err := f.Next(t.Context())
		switch {
		case err != nil:
			t.Fatal(err)
		case e.Update != nil:
			m.update(t, e.Update)
		case e.Reason != Renumbered:
			t.Fatalf("snapshot because of %d, want %d", e.Reason, Renumbered)
		default:
			renumbered++
			g := w.Follow()
			m = follow(t, nil, g)
		}
		if err := m.equal(w.Snapshot()); err != nil {
			t.Fatal(err)
		}
	}
	if renumbered == 0 || w.Snapshot().Epoch == "e" {
		t.Errorf("%d new epochs, epoch %s", renumbered, w.Snapshot().Epoch)
	}
}

// cells is a store as far as a window sees it.
type cells struct {
	sum     *graph.Delta
	origins map[graph.Origin]uint64
}

func (c cells) Cells(_ context.Context, from, to graph.Instant, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	for k, s := range c.sum.Cells() {
		width := graph.Fine
		if k.Subject.Of().Coarse() {
			width = graph.Coarse
		}
		if k.Bucket+graph.Instant(width) > from && k.Bucket < to && !yield(k, s, width) {
			return nil
		}
	}
	return nil
}

func (c cells) Origins(context.Context) (map[graph.Origin]uint64, error) { return c.origins, nil }

// minuteCells is a store that can also tell minutes.
type minuteCells struct{ cells }

func (c minuteCells) CellsWithin(ctx context.Context, from, to graph.Instant, widest time.Duration, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	sums := new(graph.Delta)
	err := c.Cells(ctx, from, to, func(k graph.Key, s *graph.Stats, width time.Duration) bool {
		k.Bucket = k.Bucket.Floor(max(width, widest))
		sums.At(k).Add(s)
		return true
	})
	for k, s := range sums.Cells() {
		width := widest
		if k.Subject.Of().Coarse() {
			width = graph.Coarse
		}
		yield(k, s, width)
	}
	return err
}

// A window that starts from a store is the window that never stopped, and
// batches which the store holds already change nothing. From a store that tells
// minutes it is the same, but for when in a minute a call was first and last
// seen.
func TestPrime(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	r := &recorder{w: NewWindow(t0, Options{Epoch: "e"})}
	var undo []*graph.Delta
	now := t0
	var last *graph.Delta
	for range 300 {
		last = random(rng, now, &undo)
		r.apply(last)
		now += graph.Instant(rng.Int64N(int64(20 * time.Second)))
		r.w.Advance(now)
	}
	origin := graph.Origin{Lane: 1}
	store := cells{&r.sum, map[graph.Origin]uint64{origin: r.seq}}
	for name, store := range map[string]graph.CellReader{"buckets": store, "minutes": minuteCells{store}} {
		t.Run(name, func(t *testing.T) {
			w := NewWindow(now, Options{Epoch: "e"})
			if err := w.Prime(t.Context(), store); err != nil {
				t.Fatal(err)
			}
			w.Apply([]graph.Batch{{Origin: origin, Seq: r.seq, Delta: last}})
			w.Advance(now)
			primed := &recorder{w: w, sum: r.sum}
			check(t, primed)
			checkMeasures(t, 7, primed)
			sameLatencies(t, w, r.w)
		})
	}
}

// sameLatencies compares calls that were made of late; of others a window knows
// how long those of their last bucket took, of whatever width that is.
func sameLatencies(t *testing.T, got, want *Window) {
	t.Helper()
	calls := func(w *Window) map[string]Call {
		all := make(map[string]Call)
		for _, c := range w.topology.callList {
			row := c.measure(w.rates)
			all[c.from.row.Name+" "+c.to.row.Name+" "+row.Kind.String()] = row
		}
		return all
	}
	have := calls(got)
	for name, w := range calls(want) {
		g := have[name]
		// One that never stopped may have let go of a bucket that was taken back.
		if !math.IsNaN(float64(w.P50)) && (math.IsNaN(float64(g.P50)) || w.Rate > 0 && g.P50 != w.P50) {
			t.Errorf("%s: p50 %v at %v calls a second, want %v", name, g.P50, g.Rate, w.P50)
		}
	}
}

// Bounds hold, and what they leave out is counted.
func TestBounds(t *testing.T) {
	r := &recorder{w: NewWindow(t0, Options{MaxSubjects: 3})}
	for i := range 10 {
		r.put(t0, rpc(service_("web"), database(fmt.Sprint(i))), 1)
		r.put(t0, spansOf(service_(fmt.Sprint(i))), 1)
		r.put(t0, aliasOf(fmt.Sprint(i), service_("web")), 1)
	}
	r.put(t0+5*60*second, rpc(service_("web"), service_("later")), 1)
	r.w.Advance(t0 + second)
	s := r.w.Stats()
	if s.Subjects != 9 || s.DroppedSubjects != 21 || s.DroppedAhead != 1 || s.Calls != 3 {
		t.Errorf("stats %+v, want 9 subjects, 21 dropped, 1 ahead, 3 calls", s)
	}
}

// Totals count from the start of the window on, not what a store held, and
// follow a call when its name is decided otherwise.
func TestTotals(t *testing.T) {
	web, cart := service_("web"), service_("cart")
	var held graph.Delta
	put(&held, t0, rpc(web, cart), 100, 0, time.Millisecond)
	r := &recorder{w: NewWindow(t0, Options{})}
	if err := r.w.Prime(t.Context(), cells{&held, nil}); err != nil {
		t.Fatal(err)
	}
	var d graph.Delta
	put(&d, t0, rpc(web, cart), 3, 1, 300*time.Millisecond)
	put(&d, t0, rpc(web, database("db")), 2, 0, time.Hour)
	r.apply(&d)
	r.w.Advance(t0)
	r.put(t0, rpc(web, cart), -1) // was counted with 1 ms by the store
	got := make(map[string]Total)
	for _, total := range r.w.Totals() {
		got[total.To.Name] = total
	}
	c := got["cart"]
	if c.Calls != 2 || c.Errors != 1 || c.Client[2] != 3 || c.Client[0] != -1 || c.ClientSum != 899*time.Millisecond {
		t.Errorf("web → cart: %+v", c)
	}
	if c := got["db"]; c.Calls != 2 || c.Client[len(Bounds)] != 2 || c.From.Name != "web" || c.To.Kind != graph.Database {
		t.Errorf("web → db: %+v", c)
	}
}
