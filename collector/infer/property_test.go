package infer_test

import (
	"cmp"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/graph"
)

var (
	firstSeed = flag.Uint64("infer.seed", 0, "first seed of the property tests")
	seeds     = flag.Uint64("infer.seeds", 0, "number of seeds of the property tests; 0: as many as fit a test run")
)

// testSeeds yields the seeds of a property test.
func testSeeds(usual uint64) iter.Seq[uint64] {
	n := cmp.Or(*seeds, usual)
	if testing.Short() && *seeds == 0 {
		n /= 10
	}
	return func(yield func(uint64) bool) {
		for i := range n {
			if !yield(*firstSeed + i) {
				return
			}
		}
	}
}

// A step is one thing that happens to an engine.
type step struct {
	wait   time.Duration // before
	span   *received     // observed, nil for none
	reload bool          // the engine is stopped and goes on from its state
}

// randomSteps delivers spans in random order, with repetitions and pauses.
func randomSteps(rng *rand.Rand) []step {
	spans := randomSpans(rng)
	g := &generator{Rand: rng}
	g.world()
	g.spans = spans
	all := slices.Clone(spans)
	for _, s := range spans {
		if g.chance(20) {
			all = append(all, g.copyOf(s))
		}
	}
	if !g.chance(25) {
		g.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	}
	pauses := pick(g, 0, 10, 50, 100)
	var steps []step
	for i := range all {
		st := step{span: &all[i]}
		if g.chance(pauses) {
			st.wait = pick(g, 100*time.Millisecond, infer.Tick, 2*time.Second, 7*time.Second, 5*time.Minute/time.Duration(len(all)))
		}
		if g.chance(3) {
			steps = append(steps, step{reload: true})
		}
		steps = append(steps, st)
	}
	return steps
}

// deliveries are the spans of the steps.
func deliveries(steps []step) (spans []received) {
	syms := collector.NewSymbols()
	for _, st := range steps {
		if st.span != nil {
			s := *st.span
			s.intern(syms)
			spans = append(spans, s)
		}
	}
	return spans
}

// A setup is a way of running engines that must not matter.
type setup struct {
	lanes   int
	archive bool
	atOnce  bool // packed without waiting
	few     bool // spans fit into memory: hardly more than the largest trace has
}

// randomSetup draws a setup.
func randomSetup(rng *rand.Rand) setup {
	g := &generator{Rand: rng}
	return setup{lanes: pick(g, 1, 1, 2, 3, 7), archive: g.chance(70), atOnce: g.chance(50), few: g.chance(20)}
}

// start returns a replay with engines as o says, for the steps.
func (o setup) start(steps []step) *replay {
	if !o.archive || !o.few {
		return o.startWith(0)
	}
	for room := 4; ; room *= 2 {
		if o.fits(steps, room) {
			return o.startWith(room)
		}
	}
}

// fits reports whether engines with room for so many spans take all that the
// steps have.
func (o setup) fits(steps []step, room int) bool {
	r := o.startWith(room)
	if r.play(steps) != nil {
		return true // whatever it is, the test will find it too
	}
	r.settle()
	return !slices.ContainsFunc(r.engines, func(e *infer.Engine) bool {
		return e.Counters().Refused > 0 || e.Counters().LinksDropped > 0
	})
}

// startWith returns a replay whose engines have room for so many spans, 0 for
// the default.
func (o setup) startWith(room int) *replay {
	r := newLanes(collector.NewSymbols(), o.lanes, infer.Options{MaxSpans: room})
	if o.archive {
		for i := range r.options {
			r.options[i].Archive = memoryArchive{}
			r.engines[i] = infer.New(r.options[i], r.syms)
		}
	}
	r.packAtOnce(o.atOnce)
	r.store = nil
	r.now = epoch + int64(40*time.Second)
	return r
}

// play gives the steps to engines and returns the sum of what they emit.
func (o setup) play(steps []step) (*graph.Delta, error) {
	r := o.start(steps)
	if err := r.play(steps); err != nil {
		return nil, err
	}
	r.settle()
	return &r.sum, nil
}

func (r *replay) play(steps []step) error {
	for _, st := range steps {
		r.advance(r.now + int64(st.wait))
		if st.span != nil {
			s := *st.span
			s.intern(r.syms)
			r.observe(s)
		}
		if st.reload {
			if err := r.reload(); err != nil {
				return err
			}
		}
	}
	return nil
}

// reload replaces the engines by ones that go on from their states, in another
// process, where names have other numbers.
func (r *replay) reload() error {
	r.flush()
	syms := collector.NewSymbols()
	syms.Intern([]byte("renumbers"))
	syms.InternResource(collector.Resource{Name: "renumbers"})
	syms.InternFar(collector.Far{Peer: "renumbers"})
	return r.load(r.state(), syms)
}

// state returns the states of all engines.
func (r *replay) state() (states [][]byte) {
	for _, e := range r.engines {
		states = append(states, slices.Concat(e.State()...))
	}
	return states
}

// load replaces the engines by ones that go on from states.
func (r *replay) load(states [][]byte, syms *collector.Symbols) error {
	r.syms = syms
	for i, state := range states {
		e, err := infer.LoadState(state, r.options[i], syms)
		if err != nil {
			return err
		}
		r.engines[i] = e
	}
	r.packAtOnce(r.packsAtOnce)
	return nil
}

// The sum of all deltas depends only on the set of spans seen: not on their
// order, their repetition, what is sent together or when, nor on restarts. It is
// what the oracle says, and no counter of it is negative.
func TestOrderDoesNotMatter(t *testing.T) {
	for seed := range testSeeds(600) {
		steps, o := randomSteps(rand.New(rand.NewPCG(seed, 0))), randomSetup(rand.New(rand.NewPCG(seed, 1)))
		if o.disagreement(steps) == "" {
			continue
		}
		steps = shrink(steps, func(s []step) bool { return o.disagreement(s) != "" })
		t.Fatalf("seed %d (-infer.seed=%d -infer.seeds=1), %+v, after dropping all that is not needed:\n%s%s",
			seed, seed, o, describe(steps), o.disagreement(steps))
	}
}

// disagreement says how engines and oracle differ, "" if they do not.
func (o setup) disagreement(steps []step) string {
	sum, err := o.play(steps)
	if err != nil {
		return err.Error()
	}
	got, want := cells(sum, oracleKey), cells(evaluate(deliveries(steps)), oracleKey)
	if !slices.Equal(got, want) {
		return table(got, want)
	}
	for k, s := range sum.All() {
		if negative(s) {
			return "negative: " + printCell(k, s)
		}
	}
	return rulesDisagree(sum)
}

// oracleKey keeps of a key what the rules decide: a span's disposition and who
// saw an address are the engine's own.
func oracleKey(k graph.Key) (graph.Key, bool) {
	sub, f := k.Subject.Value(), k.Facets.Value()
	switch sub.Of {
	case graph.OfEdge:
	case graph.OfSpans:
		sub.Detail = ""
	case graph.OfAlias:
		sub.From, f = graph.NodeRef{}, graph.Facets{}
	default:
		return graph.Key{}, false
	}
	return graph.Key{Bucket: k.Bucket, Subject: sub.ID(), Facets: f.ID()}, true
}

// cells prints the counters of d by what project leaves of their keys.
func cells(d *graph.Delta, project func(graph.Key) (graph.Key, bool)) (lines []string) {
	var sum graph.Delta
	for k, s := range d.Cells() {
		if k, ok := project(k); ok {
			sum.At(k).Add(s)
		}
	}
	sum.Prune()
	for k, s := range sum.Cells() {
		lines = append(lines, printCell(k, s))
	}
	slices.Sort(lines)
	return lines
}

func printCell(k graph.Key, s *graph.Stats) string {
	sub, f := k.Subject.Value(), k.Facets.Value()
	var b strings.Builder
	fmt.Fprintf(&b, "%v +%v %v->%v %v %q %q", [...]string{"", "edge", "spans", "operation", "alias", "rule"}[sub.Of],
		time.Duration(k.Bucket)-time.Duration(epoch), sub.From, sub.To, sub.Kind, sub.Detail, f)
	fmt.Fprintf(&b, "\n           calls=%d errors=%d/%d/%d estimated=%d client=%v server=%v network=%v/%d",
		s.Calls, s.Errors, s.ClientErrors, s.ServerErrors, s.Estimated,
		time.Duration(s.ClientSum), time.Duration(s.ServerSum), time.Duration(s.NetworkSum), s.NetworkCount)
	for bucket, n := range s.Client.Buckets() {
		fmt.Fprintf(&b, " c%d:%d", bucket, n)
	}
	for bucket, n := range s.Server.Buckets() {
		fmt.Fprintf(&b, " s%d:%d", bucket, n)
	}
	return b.String()
}

func negative(s *graph.Stats) bool {
	low := min(s.Calls, s.Errors, s.ClientErrors, s.ServerErrors, s.ClientSum, s.ServerSum, s.NetworkSum, s.NetworkCount, s.Estimated)
	for _, n := range s.Client.Buckets() {
		low = min(low, n)
	}
	for _, n := range s.Server.Buckets() {
		low = min(low, n)
	}
	return low < 0
}

// rulesDisagree compares what the engine counts twice: the calls of an edge by
// the rule that proved them, and the spans of a service by operation.
func rulesDisagree(sum *graph.Delta) string {
	count := func(of graph.SubjectKind, as graph.SubjectKind) []string {
		return cells(sum, func(k graph.Key) (graph.Key, bool) {
			sub := k.Subject.Value()
			if sub.Of != of {
				return graph.Key{}, false
			}
			sub.Of, sub.Detail = as, ""
			return graph.Key{Bucket: k.Bucket.Floor(graph.Coarse), Subject: sub.ID(), Facets: graph.Facets{}.ID()}, true
		})
	}
	calls := func(lines []string) []string {
		for i, l := range lines {
			lines[i], _, _ = strings.Cut(l, " errors=")
		}
		return lines
	}
	for _, same := range [][2]graph.SubjectKind{{graph.OfEdge, graph.OfRule}, {graph.OfSpans, graph.OfOperation}} {
		want, got := calls(count(same[0], same[1])), calls(count(same[1], same[1]))
		if !slices.Equal(got, want) {
			return table(got, want)
		}
	}
	return ""
}

// A later copy may change what a span is: here from the call that a restarted
// trace goes back to (rule P7) into a publish. What was paired with it is on its
// own again.
func TestLaterCopyChangesRole(t *testing.T) {
	span := func(trace, id byte, k collector.Kind, r collector.Role, name string) *received {
		s := &received{resource: collector.Resource{Name: name}}
		s.Trace[15], s.ID[7], s.Kind, s.Role = trace, id, k, r
		s.Start, s.End, s.Weight, s.Messages = epoch, epoch+1, collector.WeightOne, collector.NoCount
		return s
	}
	out := span(3, 9, collector.KindClient, collector.Out, "a")
	in := span(2, 1, collector.KindServer, collector.In, "b")
	in.links = []collector.Link{{Trace: out.Trace, ID: out.ID}}
	publish := span(3, 9, collector.KindClient, collector.Publish, "a")
	publish.End++
	publish.far.Destination = "t1"
	for _, order := range [][]*received{{out, in, publish}, {publish, in, out}, {in, out, publish}, {in, publish, out}} {
		for _, wait := range []time.Duration{0, infer.Tick, 10 * time.Second} {
			var steps []step
			for _, s := range order {
				steps = append(steps, step{wait: wait, span: s})
			}
			for _, o := range []setup{{lanes: 1}, {lanes: 3}} {
				if d := o.disagreement(steps); d != "" {
					t.Errorf("%+v:\n%s%s", o, describe(steps), d)
				}
			}
		}
	}
}
