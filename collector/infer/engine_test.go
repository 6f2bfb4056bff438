package infer

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"graphctl/collector"
	"graphctl/graph"
)

// observe gives all spans to e at now.
func observe(e *Engine, now int64, all []observation) {
	for _, o := range all {
		e.Observe(now, &o.span, o.links)
	}
}

// flushAll is Flush, without leaving counts by the hour to wait.
func flushAll(e *Engine) *graph.Delta {
	e.whole = true
	return e.Flush()
}

// settle plays all spans at once and returns the sum.
func settle(t *testing.T, text string) *ledger {
	t.Helper()
	syms := collector.NewSymbols()
	l, e := play(syms, parseSpans(t, syms, text), func(int) bool { return false })
	checkAccounts(t, e)
	return l
}

// column sums one subject kind by its printed subject.
func (l *ledger) column(of graph.SubjectKind, value func(graph.Key, *graph.Stats) string) []string {
	var out []string
	for k, s := range l.sum.All() {
		if sub := k.Subject.Value(); sub.Of == of {
			line := fmt.Sprint(sub.From.Print(), " > ", sub.To.Print(), " ", sub.Detail, " ", value(k, s))
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	slices.Sort(out)
	return out
}

func calls(_ graph.Key, s *graph.Stats) string { return fmt.Sprint(s.Calls) }

func check(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

// Durations go to the side that measured them, once a span, and the network
// time to the only pair (rules L1, L2, E2).
func TestDurations(t *testing.T) {
	ms := func(_ graph.Key, s *graph.Stats) string {
		return fmt.Sprintf("client %d/%d server %d/%d network %d/%d errors %d %d %d",
			s.ClientSum/1e6, s.Client.Total(), s.ServerSum/1e6, s.Server.Total(), s.NetworkSum/1e6, s.NetworkCount,
			s.Errors, s.ClientErrors, s.ServerErrors)
	}
	l := settle(t, `
		1 1 client a dur=50
		1 2<1 server b dur=30 failed
		2 1 client a dur=50 failed
		2 2<1 server c dur=10 at=2
		2 3<1 server c dur=20 at=1
		2 4<1 server d dur=5 at=3
		3 1 client a dur=10
		3 2<1 server e dur=30
		4 1 client a peer=x dur=-7
		5 1 producer a dest=q dur=3 n=4 failed
		5 2<1 consumer b dest=q dur=8
		6 1 server f dur=9`)
	check(t, "edges", l.column(graph.OfEdge, ms),
		"a > b client 50/1 server 30/1 network 20/1 errors 1 0 1",
		"a > c client 50/1 server 30/2 network 0/0 errors 1 1 0",
		"a > d client 0/0 server 5/1 network 0/0 errors 1 1 0",
		"a > e client 10/1 server 30/1 network 0/0 errors 0 0 0",
		"a > x client 0/1 server 0/0 network 0/0 errors 0 0 0",
		"a > q client 3/1 server 0/0 network 0/0 errors 4 4 0",
		"q > b client 0/0 server 8/1 network 0/0 errors 0 0 0",
		"user > f client 0/0 server 9/1 network 0/0 errors 0 0 0")
}

// The durations of a flush end in the right sketches, be they few or many.
func TestManyDurations(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	for _, n := range []int{10, 3 * lengths} {
		syms := collector.NewSymbols()
		e, l := New(Options{MaxSpans: -1}, syms), new(ledger)
		all := parseSpans(t, syms, "1 1 client a dur=0\n1 2<1 server b dur=0\n1 3<2 client b dur=0\n1 4<3 server c dur=0")
		want := map[string]*graph.Stats{"a b": {}, "b c": {}}
		for i := range n {
			for k, o := range all {
				s := o.span
				binary.BigEndian.PutUint64(s.Trace[8:], uint64(i+1))
				d := time.Duration(rng.Int64() >> rng.IntN(40) >> 24)
				s.End = s.Start + int64(d)
				w := want[[]string{"a b", "b c"}[k/2]]
				if k%2 == 0 {
					w.Client.Add(d, 1)
				} else {
					w.Server.Add(d, 1)
				}
				e.Observe(sceneStart, &s, nil)
			}
		}
		e.Advance(sceneStart)
		l.take(e.Flush())
		for k, s := range l.sum.Cells() {
			sub := k.Subject.Value()
			if sub.Of != graph.OfEdge || sub.From.Kind == graph.User {
				continue
			}
			w := want[sub.From.Print()+" "+sub.To.Print()]
			if !reflect.DeepEqual(maps.Collect(s.Client.Buckets()), maps.Collect(w.Client.Buckets())) ||
				!reflect.DeepEqual(maps.Collect(s.Server.Buckets()), maps.Collect(w.Server.Buckets())) {
				t.Errorf("%d calls from %s to %s: other durations than those of their spans", n, sub.From.Print(), sub.To.Print())
			}
		}
	}
}

// A pair takes the smallest weight of its spans (rule W1); a huge weight of a
// huge batch stays in range.
func TestWeights(t *testing.T) {
	estimated := func(_ graph.Key, s *graph.Stats) string { return fmt.Sprint(s.Estimated / graph.WeightOne) }
	l := settle(t, `
		1 1 client a w=8
		1 2<1 server b w=2
		1 3<1 server b w=4
		2 1 client a peer=x w=16
		3 1 producer a dest=q w=2 n=5
		4 1 consumer b dest=q w=3 link=3/1`)
	check(t, "edges", l.column(graph.OfEdge, estimated), "a > b 4", "a > x 16", "a > q 10", "q > b 3")
	if got := estimate(collector.MaxWeight, 1<<31-1); got != maxEstimate {
		t.Errorf("estimate of the largest = %d, want the bound %d", got, int64(maxEstimate))
	}
}

// Evidence, rules, operations and dispositions are counted beside the edges.
func TestOtherSubjects(t *testing.T) {
	l := settle(t, `
		1 1 client a addr=b.svc:8080 op=get
		1 2<1 server b op=GET
		1 3<2 server b op=GET
		1 4<2 internal b op=work
		1 5<4 client b peer=x op=call
		1 6<5 client b op=dns
		2 1<9 server b op=GET
		3 1 client b op=mute
		4 1 client a addr=10.0.0.1`)
	check(t, "aliases", l.column(graph.OfAlias, calls), "> b b.svc:8080 1")
	check(t, "rules", l.column(graph.OfRule, calls), "a > b pair 1", "b > x peer 1", "a > 10.0.0.1 address 1")
	check(t, "operations", l.column(graph.OfOperation, calls),
		"a > get 1", "a > 1", "b > GET 3", "b > work 1", "b > call 1", "b > dns 1", "b > mute 1")
	check(t, "spans", l.column(graph.OfSpans, calls),
		"a > paired 1", "a > unanswered 1", "b > paired 1", "b > repeated 1", "b > local 1",
		"b > unanswered 1", "b > nested 1", "b > orphan 1", "b > unresolved 1")
	for k := range l.sum.Cells() {
		if k.Subject.Of().Coarse() && k.Bucket != k.Bucket.Floor(graph.Coarse) {
			t.Errorf("%v is in bucket %v, want a whole hour", k.Subject.Value(), k.Bucket.Time())
		}
	}
}

// A group whose IN spans lie in several environments is whole in each (rule
// N2), with the version of the first.
func TestEnvironments(t *testing.T) {
	l := settle(t, `
		1 1 client a env=prod version=7
		1 2<1 server b env=stage version=2 at=2
		1 3<1 server b env=canary version=1 at=1
		1 4<1 server b at=3`)
	facets := func(k graph.Key, s *graph.Stats) string {
		f := k.Facets.Value()
		return fmt.Sprintf("%d %q %s %q %s", s.Calls, f.From.Environments, f.From.Version, f.To.Environments, f.To.Version)
	}
	check(t, "edges", l.column(graph.OfEdge, facets), `a > b 3 "prod" 7 "canary\x00stage" 1`)
}

// Copies of a span are joined: failed if either failed, the earlier start, the
// rest from the copy that ends later (rule I3).
func TestRepeatedSpans(t *testing.T) {
	const copies = `
		1 1 client a peer=x at=100 dur=10 failed
		1 1 client a peer=y at=50 dur=70
		1 1 client a peer=z at=60 dur=60`
	want := settle(t, `1 1 client a peer=z at=50 dur=70 failed`)
	if alt := settle(t, `1 1 client a peer=y at=50 dur=70 failed`); settle(t, copies).sum.Equal(&alt.sum) {
		want = alt // both end together: which form is smaller is not the point here
	}
	for _, r := range runs {
		syms := collector.NewSymbols()
		l, e := r.play(t, syms, parseSpans(t, syms, copies))
		if !l.sum.Equal(&want.sum) {
			t.Errorf("%s: %s, want %s", r.name, l.edges(), want.edges())
		}
		if c := e.Counters(); c.Accepted != 1 || c.Duplicates != c.Observed-1 {
			t.Errorf("%s: accepted %d, duplicates %d of %d", r.name, c.Accepted, c.Duplicates, c.Observed)
		}
		checkAccounts(t, e)
	}
}

// In traces too long for scanning, repeated spans are joined on evaluation.
func TestRepeatedSpansOfLongTrace(t *testing.T) {
	syms := collector.NewSymbols()
	all := parseSpans(t, syms, `1 1 server a`)
	for i := 2; i < 200; i++ {
		all = append(all, parseSpans(t, syms, fmt.Sprintf("1 %x<1 client a peer=p%d at=%d dur=%d link=%x/1", i, i%3, i, i%7, i))...)
	}
	once, _ := play(syms, all, func(int) bool { return false })
	twice := slices.Concat(all, all, all)
	l, e := play(syms, twice, func(i int) bool { return i == 250 })
	if !l.sum.Equal(&once.sum) {
		t.Errorf("repeated: %s, want %s", l.edges(), once.edges())
	}
	if c := e.Counters(); c.Accepted != 199 || c.Duplicates != 398 || c.LiveSpans != 199 {
		t.Errorf("accepted %d, duplicates %d, live %d, want 199, 398, 199", c.Accepted, c.Duplicates, c.LiveSpans)
	}
	checkAccounts(t, e)
}

// A call is dated by its outgoing span; a start that is not believed is
// replaced by the arrival, except in a replay (rule W1).
func TestTimeBuckets(t *testing.T) {
	for _, c := range []struct {
		name    string
		start   int64 // relative to arrival
		horizon time.Duration
		want    int64
	}{
		{"now", 0, 0, 0},
		{"half an hour ago", -1800e9, 0, -1800e9},
		{"beyond the horizon", -3601e9, 0, 0},
		{"a minute ahead", 60e9, 0, 60e9},
		{"over a minute ahead", 61e9, 0, 0},
		{"replayed", -90 * 24 * 3600e9, -1, -90 * 24 * 3600e9},
	} {
		syms := collector.NewSymbols()
		e, l := New(Options{Horizon: c.horizon}, syms), new(ledger)
		all := parseSpans(t, syms, "1 1 client a\n1 2<1 server b at=77777")
		all[0].span.Start += c.start
		all[0].span.End += c.start
		observe(e, sceneStart, all)
		e.Advance(sceneStart)
		l.take(e.Flush())
		want := graph.Instant(sceneStart + c.want).Floor(graph.Fine)
		check(t, c.name, l.column(graph.OfEdge, func(k graph.Key, _ *graph.Stats) string { return fmt.Sprint(k.Bucket) }),
			fmt.Sprintf("a > b %d", want))
	}
}

// Guesses are hidden until their span has settled, pairs show at once, and a
// guess turns into the proven edge when the other half comes (rule X2).
func TestSettling(t *testing.T) {
	syms := collector.NewSymbols()
	e, l := New(Options{}, syms), new(ledger)
	all := parseSpans(t, syms, `
		1 1 client a peer=x
		1 2<3 server b
		2 1 client a
		2 2<1 server b`)
	at := func(seconds float64, want string) {
		t.Helper()
		e.Advance(sceneStart + int64(seconds*1e9))
		l.take(e.Flush())
		if got := l.edges(); got != lines(want) {
			t.Errorf("after %v s: %q, want %q", seconds, got, want)
		}
	}
	observe(e, sceneStart, all[:1])
	observe(e, sceneStart+2e9, all[2:])
	at(4.5, "a -> b rpc 1/0")
	if got := e.Counters().Hidden; got != 1 {
		t.Errorf("%d guesses hidden, want 1", got)
	}
	at(5, "a -> b rpc 1/0\na -> x rpc 1/0")
	all[1].span.Parent = all[0].span.ID
	observe(e, sceneStart+600e9, all[1:2])
	at(600, "a -> b rpc 2/0")
	if got := e.Counters().Hidden; got != 0 {
		t.Errorf("%d guesses hidden, want 0", got)
	}
}

// A trace that gets spans in every tick is not evaluated in every one, but a call
// is seen 1.5 s after its second half at the latest, and at once when time stands
// still.
func TestGrowingTrace(t *testing.T) {
	const ticks = 40
	syms := collector.NewSymbols()
	e, l := New(Options{}, syms), new(ledger)
	seen := func() (n int) {
		l.take(e.Flush())
		fmt.Sscanf(l.edges(), "a -> b rpc %d/0", &n)
		return n
	}
	evaluations, before := 0, 0
	var due []int // calls that must be seen by the end of each tick
	for i := 1; i <= ticks; i++ {
		now := sceneStart + int64(i)*int64(Tick)
		observe(e, now-1, parseSpans(t, syms, fmt.Sprintf("1 %x client a\n1 %x<%x server b", i, 100+i, i)))
		due = append(due, i)
		e.Advance(now)
		n := seen()
		if i > 3 && n < due[i-4] {
			t.Errorf("tick %d: %d calls, want %d that came 1.5 s before", i, n, due[i-4])
		}
		if n != before {
			evaluations, before = evaluations+1, n
		}
	}
	if evaluations > ticks/3+1 || evaluations < ticks/3 {
		t.Errorf("%d evaluations in %d ticks, want a third", evaluations, ticks)
	}
	e.Advance(e.now)
	if n := seen(); n != ticks {
		t.Errorf("%d calls at the end, want %d", n, ticks)
	}
}

// SettleAll shows every guess at once, whatever changes later.
func TestSettleAll(t *testing.T) {
	syms := collector.NewSymbols()
	e, l := New(Options{Horizon: -1, MaxSpans: -1}, syms), new(ledger)
	observe(e, sceneStart, parseSpans(t, syms, "1 1 client a peer=x\n1 2 server b"))
	e.SettleAll()
	l.take(e.Flush())
	if got, want := l.edges(), "a -> x rpc 1/0\nuser -> b rpc 1/0"; got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
}

// Past the horizon a trace is forgotten and revises nothing; what comes for it
// later is counted as late.
func TestHorizon(t *testing.T) {
	syms := collector.NewSymbols()
	e, l := New(Options{}, syms), new(ledger)
	all := parseSpans(t, syms, "1 1 client a peer=x\n1 2<1 server b")
	observe(e, sceneStart, all[:1])
	e.Advance(sceneStart + 3599e9)
	if got := e.Counters().LiveSpans; got != 1 {
		t.Errorf("%d spans live, want 1", got)
	}
	e.Advance(sceneStart + 3600e9)
	observe(e, sceneStart+3601e9, all[1:])
	e.Advance(sceneStart + 3700e9)
	l.take(e.Flush())
	if got, want := l.edges(), "a -> x rpc 1/0"; got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
	c := e.Counters()
	if c.Late != 1 || c.Evicted != 0 || c.LiveSpans != 1 || c.Spans[Orphan] != 1 || c.Spans[Unanswered] != 1 {
		t.Errorf("counters %+v, want one late orphan, one unanswered", c)
	}
	checkAccounts(t, e)
}

// Over the bound on memory the traces that were quiet longest leave early,
// their guesses shown, and are counted.
func TestEviction(t *testing.T) {
	syms := collector.NewSymbols()
	e, l := New(Options{MaxSpans: 100}, syms), new(ledger)
	for i := 1; i <= 250; i++ {
		observe(e, sceneStart+int64(i), parseSpans(t, syms, fmt.Sprintf("%x 1 client a peer=x\n%x 2 server a link=1/1", i, i)))
	}
	e.Advance(sceneStart + 1000)
	c := e.Counters()
	if held := c.LiveSpans; held > 100 || c.Evicted != uint64(500-held) || e.held > 100 {
		t.Errorf("%d spans live, %d records held, %d evicted of 500", held, e.held, c.Evicted)
	}
	e.Advance(sceneStart + 6e9)
	l.take(e.Flush())
	checkAccounts(t, e)
	if got := l.column(graph.OfSpans, calls); len(got) == 0 {
		t.Error("no spans are counted")
	}
	var n int64
	for k, s := range l.sum.Cells() {
		if k.Subject.Of() == graph.OfSpans {
			n += s.Calls
		}
	}
	if n != 500 {
		t.Errorf("%d spans counted, want all 500", n)
	}
}

// After everything is forgotten nothing is held.
func TestForgettingGivesAllBack(t *testing.T) {
	syms := collector.NewSymbols()
	e := New(Options{Horizon: time.Minute}, syms)
	for _, s := range scenes {
		observe(e, sceneStart, parseSpans(t, syms, s.spans))
		e.Advance(sceneStart)
	}
	e.Advance(sceneStart + 61e9)
	e.Advance(sceneStart + 200e9)
	c := e.Counters()
	if c.LiveSpans != 0 || c.LiveTraces != 0 || c.Hidden != 0 || e.held != 0 || len(e.byLow) != 0 || len(e.guessing) != 0 || e.oldest != 0 {
		t.Errorf("still held: %+v, %d records", c, e.held)
	}
	if used := int(e.records.n) - len(e.records.free); used != 0 {
		t.Errorf("%d records are not given back", used)
	}
	if used := int(e.contributions.n) - len(e.contributions.free); used != 0 {
		t.Errorf("%d contributions are not given back", used)
	}
	checkAccounts(t, e)
}

// Observe allocates nothing a span once memory has grown to what is in use.
func TestObserveDoesNotAllocate(t *testing.T) {
	syms := collector.NewSymbols()
	e := New(Options{Horizon: time.Second, Settle: -1}, syms)
	l := newLoad(syms, 50)
	var batches [][]collector.Span
	for range 100 {
		var spans []collector.Span
		for range 64 {
			spans = l.trace(spans, 16, sceneStart)
		}
		batches = append(batches, spans)
	}
	now, next := sceneStart, 0
	round := func() {
		for i := range batches[next] {
			e.Observe(now, &batches[next][i], nil)
		}
		next = (next + 1) % len(batches)
	}
	for range 50 {
		round()
		now += int64(Tick)
		e.Advance(now)
		e.Flush()
	}
	if got := testing.AllocsPerRun(20, round); got > 16 {
		t.Errorf("%v allocations for 1,024 spans, want next to none", got)
	}
}

// A clock that steps back is held.
func TestTimeNeverDecreases(t *testing.T) {
	syms := collector.NewSymbols()
	e := New(Options{}, syms)
	e.Advance(sceneStart)
	observe(e, sceneStart-1e9, parseSpans(t, syms, "1 1 client a peer=x"))
	if e.now != sceneStart || e.records.at(e.traces.at(e.oldest).first).arrival != sceneStart {
		t.Errorf("time went back to %d", e.now)
	}
}

// Advancing without new spans changes nothing.
func TestQuietEngineEmitsNothing(t *testing.T) {
	syms := collector.NewSymbols()
	e := New(Options{}, syms)
	observe(e, sceneStart, parseSpans(t, syms, scenes[0].spans))
	e.Advance(sceneStart + 10e9)
	if flushAll(e) == nil {
		t.Error("no change for new spans")
	}
	e.Advance(sceneStart + 20e9)
	if d := e.Flush(); d != nil {
		t.Errorf("change of %d cells without spans", d.Len())
	}
	observe(e, sceneStart+21e9, parseSpans(t, syms, scenes[0].spans)) // repeated
	e.Advance(sceneStart + 22e9)
	if d := e.Flush(); d != nil {
		t.Errorf("change of %d cells for repeated spans", d.Len())
	}
}
