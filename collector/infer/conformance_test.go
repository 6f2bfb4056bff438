package infer_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/collector/otlp"
	"graphctl/collector/zipkin"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

// A conformanceCase is one file of conformance data: requests and the graph
// that they must end in.
type conformanceCase struct {
	Name          string
	Description   string
	Rules         []string
	Batches       []json.RawMessage // OTLP/JSON export requests
	Offsets       []float64         `json:"arrival_offsets_s"` // of each batch; none: all at once
	Expect        expectation
	Checkpoints   []checkpoint
	ByEnvironment map[string]expectation `json:"expect_by_environment"`
	Zipkin        json.RawMessage        `json:"zipkin_v2"` // the same spans as Zipkin v2
}

type checkpoint struct {
	AfterBatch int `json:"after_batch"`
	Expect     expectation
}

// An expectation is a whole graph.
type expectation struct {
	Nodes []struct{ Name, Kind string }
	Edges []expectedEdge
}

type expectedEdge struct {
	From, To, Kind string
	Calls, Errors  int64
	Estimated      *float64 `json:"estimated_calls"` // default: calls
	ClientMS       *float64 `json:"client_sum_ms"`   // the sums are compared where given
	ServerMS       *float64 `json:"server_sum_ms"`
	NetworkMS      *float64 `json:"network_sum_ms"`
}

// conformanceCases reads the cases of CONFORMANCE_DIR (relative to the module's
// root), else the committed ones.
func conformanceCases(t *testing.T) []conformanceCase {
	t.Helper()
	dir := filepath.Join("testdata", "conformance")
	if d := os.Getenv("CONFORMANCE_DIR"); d != "" {
		dir = d
		if !filepath.IsAbs(d) {
			dir = filepath.Join(moduleRoot(t), d)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no conformance cases in %s (%v)", dir, err)
	}
	cases := make([]conformanceCase, len(files))
	for i, f := range files {
		data, err := os.ReadFile(f)
		if err == nil {
			err = json.Unmarshal(data, &cases[i])
		}
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if n := len(cases[i].Offsets); n != 0 && n != len(cases[i].Batches) {
			t.Fatalf("%s: %d arrival offsets for %d batches", f, n, len(cases[i].Batches))
		}
		cases[i].Name = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	return cases
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.mod")); e == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	t.Fatalf("no go.mod above the working directory (%v)", err)
	return ""
}

// A request is one export request on its way to the engine.
type request struct {
	body  []byte
	at    time.Duration // arrival, from the first
	batch int           // which of the case, -1 for a repetition
}

func (c *conformanceCase) offset(i int) time.Duration {
	if c.Offsets == nil {
		return 0
	}
	return time.Duration(c.Offsets[i] * float64(time.Second))
}

func (c *conformanceCase) given(*testing.T) []request {
	var rs []request
	for i, b := range c.Batches {
		rs = append(rs, request{b, c.offset(i), i})
	}
	return rs
}

// reversed sends the last request first, with the same gaps.
func (c *conformanceCase) reversed(t *testing.T) []request {
	rs := c.given(t)
	slices.Reverse(rs)
	last := rs[0].at
	for i := range rs {
		rs[i].at = last - rs[i].at
		rs[i].batch = -1
	}
	return rs
}

// split sends one span a request, a tick apart.
func (c *conformanceCase) split(t *testing.T) []request {
	var rs []request
	for _, r := range c.given(t) {
		for _, body := range splitRequest(t, r.body) {
			rs = append(rs, request{body, r.at + time.Duration(len(rs))*infer.Tick, r.batch})
		}
	}
	return rs
}

// doubled sends all requests again after the last.
func (c *conformanceCase) doubled(t *testing.T) []request {
	rs := c.given(t)
	n := len(rs)
	for _, r := range rs[:n:n] {
		rs = append(rs, request{r.body, rs[n-1].at + time.Second + r.at, -1})
	}
	return rs
}

// splitRequest makes a request of each span.
func splitRequest(t *testing.T, body []byte) (parts [][]byte) {
	t.Helper()
	object := func(x any) map[string]any { return x.(map[string]any) }
	list := func(x any, key string) []any { l, _ := object(x)[key].([]any); return l }
	with := func(x any, key string, v any) map[string]any {
		m := map[string]any{key: []any{v}}
		for k, old := range object(x) {
			if k != key {
				m[k] = old
			}
		}
		return m
	}
	var whole any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&whole); err != nil {
		t.Fatal(err)
	}
	for _, resource := range list(whole, "resourceSpans") {
		for _, scope := range list(resource, "scopeSpans") {
			for _, span := range list(scope, "spans") {
				one := with(whole, "resourceSpans", with(resource, "scopeSpans", with(scope, "spans", span)))
				b, err := json.Marshal(one)
				if err != nil {
					t.Fatal(err)
				}
				parts = append(parts, b)
			}
		}
	}
	return parts
}

// A decode reads a request body and hands its spans on.
type decode func(body []byte, yield func(*collector.Batch) error) error

func otlpJSON(syms *collector.Symbols) decode {
	d := otlp.NewDecoder(syms, otlp.DecodeOptions{})
	return func(body []byte, yield func(*collector.Batch) error) error {
		_, err := d.JSON(body, yield)
		return err
	}
}

func zipkinJSON(syms *collector.Symbols) decode {
	d := zipkin.NewDecoder(syms)
	return func(body []byte, yield func(*collector.Batch) error) error {
		_, err := d.JSON(body, yield)
		return err
	}
}

// Each case ends in its graph whatever the order of its requests, their size
// and their repetition; where it is given as Zipkin spans too, so do these.
func TestConformance(t *testing.T) {
	for _, c := range conformanceCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			for _, order := range []struct {
				name     string
				requests func(*testing.T) []request
			}{
				{"given", c.given}, {"reversed", c.reversed}, {"split", c.split}, {"doubled", c.doubled},
			} {
				t.Run(order.name, func(t *testing.T) {
					syms := collector.NewSymbols()
					c.run(t, newReplay(syms), otlpJSON(syms), order.requests(t))
				})
				t.Run(order.name+" to lanes with archives", func(t *testing.T) {
					r := setup{lanes: 3, archive: true, atOnce: true}.start(nil)
					r.now, r.store = 0, memstore.New()
					c.run(t, r, otlpJSON(r.syms), order.requests(t))
				})
			}
			if c.Zipkin != nil {
				t.Run("zipkin", func(t *testing.T) {
					syms := collector.NewSymbols()
					c.run(t, newReplay(syms), zipkinJSON(syms), []request{{c.Zipkin, 0, -1}})
				})
			}
		})
	}
}

// run sends the requests and compares the graph at each checkpoint and at the
// end.
func (c *conformanceCase) run(t *testing.T, r *replay, read decode, requests []request) {
	t.Helper()
	spans := make([][]received, len(requests))
	for i, q := range requests {
		spans[i] = decodeAll(t, r.syms, read, q.body)
		for _, s := range spans[i] {
			r.now = max(r.now, s.Start) // the clock begins at the latest start
		}
	}
	base := r.now
	for i, q := range requests {
		r.advance(base + int64(q.at))
		for _, s := range spans[i] {
			r.observe(s)
		}
		if q.batch < 0 || i+1 < len(requests) && requests[i+1].batch == q.batch {
			continue
		}
		for _, p := range c.Checkpoints {
			if p.AfterBatch == q.batch {
				r.settle()
				compareGraph(t, fmt.Sprintf("after batch %d", q.batch), r.read(t, graph.Query{}), p.Expect)
			}
		}
	}
	r.settle()
	c.compare(t, r.read)
}

// compare compares the final graph and the views of it.
func (c *conformanceCase) compare(t *testing.T, read func(*testing.T, graph.Query) *graph.Graph) {
	t.Helper()
	compareGraph(t, "at the end", read(t, graph.Query{}), c.Expect)
	for env, want := range c.ByEnvironment {
		got := read(t, graph.Query{Filter: graph.Filter{Environment: env}})
		compareGraph(t, "in environment "+env, got, want)
	}
}

// decodeAll reads one request and copies its spans.
func decodeAll(t *testing.T, syms *collector.Symbols, read decode, body []byte) (spans []received) {
	t.Helper()
	err := read(body, func(b *collector.Batch) error {
		for i := range b.Spans {
			spans = append(spans, newReceived(syms, &b.Spans[i], slices.Clone(b.LinksOf(&b.Spans[i]))))
		}
		return nil
	})
	if err != nil {
		t.Fatalf("decode: %v\n%s", err, body)
	}
	return spans
}

func newReceived(syms *collector.Symbols, s *collector.Span, links []collector.Link) received {
	return received{*s, syms.Resource(s.Resource), syms.Far(s.Far), links, string(syms.AppendForm(nil, s, links))}
}

// A replay feeds engines, one a lane, under a test's clock and keeps what they
// emit.
type replay struct {
	syms        *collector.Symbols
	options     []infer.Options // by lane
	engines     []*infer.Engine
	store       *memstore.Store    // nil: none
	emitted     func(*graph.Delta) // nil: nobody wants to know
	packsAtOnce bool
	sum         graph.Delta
	seq         uint64
	now         int64
}

const settle = 5 * time.Second

func newReplay(syms *collector.Symbols) *replay { return newLanes(syms, 1, infer.Options{}) }

func newLanes(syms *collector.Symbols, lanes int, o infer.Options) *replay {
	r := &replay{syms: syms, store: memstore.New()}
	for i := range lanes {
		o.Settle, o.Lane, o.Lanes = settle, i, lanes
		r.options = append(r.options, o)
		r.engines = append(r.engines, infer.New(o, syms))
	}
	return r
}

func (r *replay) observe(s received) {
	r.engines[infer.LaneOf(s.Trace.Low(), len(r.engines))].Observe(r.now, &s.Span, s.links)
}

// packAtOnce lets the engines pack traces without waiting.
func (r *replay) packAtOnce(yes bool) {
	r.packsAtOnce = yes
	if yes {
		for _, e := range r.engines {
			e.PackAtOnce()
		}
	}
}

// atOnce runs f for all engines in parallel.
func (r *replay) atOnce(f func(i int)) {
	var wg sync.WaitGroup
	for i := range r.engines {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// advance lets the clock run to now, with a tick for all that was due before.
func (r *replay) advance(now int64) {
	if now > r.now {
		infer.AdvanceAll(r.engines, min(now-1, r.now+int64(settle+infer.Tick)), r.atOnce)
		infer.EvaluateLong(r.engines, r.atOnce)
	}
	r.now = max(r.now, now)
	infer.AdvanceAll(r.engines, r.now, r.atOnce)
	r.flush()
	infer.EvaluateLong(r.engines, r.atOnce)
}

// settle lets every guess be shown, and ends.
func (r *replay) settle() {
	for range int((settle + 2*time.Second) / infer.Tick) {
		r.advance(r.now + int64(infer.Tick))
	}
	r.advance(r.now)
}

func (r *replay) flush() {
	d := new(graph.Delta)
	for _, e := range r.engines {
		if own := e.Flush(); own != nil {
			d.Merge(own)
		}
	}
	d.Prune()
	if r.emitted != nil {
		r.emitted(d)
	}
	if d.Len() == 0 {
		return
	}
	r.sum.Merge(d)
	r.sum.Prune()
	if r.store == nil {
		return
	}
	r.seq++
	err := r.store.Apply(context.Background(), []graph.Batch{{Origin: graph.Origin{Epoch: 1}, Seq: r.seq, Delta: d}})
	if err != nil {
		panic(err)
	}
}

func (r *replay) read(t *testing.T, q graph.Query) *graph.Graph {
	t.Helper()
	g, err := r.store.Read(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// compareGraph reports both graphs, line by line, if they differ.
func compareGraph(t *testing.T, when string, g *graph.Graph, want expectation) {
	t.Helper()
	var wantLines, gotLines []string
	for _, n := range want.Nodes {
		wantLines = append(wantLines, "node "+n.Kind+" "+n.Name)
	}
	for i := range g.Nodes {
		gotLines = append(gotLines, "node "+g.Nodes[i].Kind.String()+" "+g.Nodes[i].ID)
	}
	sums := map[string]expectedEdge{} // which sums are compared
	for _, e := range want.Edges {
		name := fmt.Sprintf("edge %s -> %s %s", e.From, e.To, e.Kind)
		sums[name] = e
		estimated := float64(e.Calls)
		if e.Estimated != nil {
			estimated = *e.Estimated
		}
		line := fmt.Sprintf("%s calls=%d errors=%d estimated=%g", name, e.Calls, e.Errors, estimated)
		for _, s := range sumsOf(e, &graph.Stats{}) {
			line += fmt.Sprintf(" %s=%gms", s.name, *s.want)
		}
		wantLines = append(wantLines, line)
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		name := fmt.Sprintf("edge %s -> %s %s", e.From, e.To, e.Kind)
		line := fmt.Sprintf("%s calls=%d errors=%d estimated=%g", name, e.Stats.Calls, e.Stats.Errors, float64(e.Stats.Estimated)/graph.WeightOne)
		for _, s := range sumsOf(sums[name], &e.Stats) {
			line += fmt.Sprintf(" %s=%gms", s.name, math.Round(float64(s.got)/1000)/1000)
		}
		gotLines = append(gotLines, line)
	}
	slices.Sort(wantLines)
	slices.Sort(gotLines)
	if !slices.Equal(gotLines, wantLines) {
		t.Errorf("%s:\n%s", when, table(gotLines, wantLines))
	}
}

type comparedSum struct {
	name string
	want *float64
	got  int64
}

// sumsOf pairs the sums that e gives with those of s.
func sumsOf(e expectedEdge, s *graph.Stats) []comparedSum {
	return slices.DeleteFunc([]comparedSum{
		{"client", e.ClientMS, s.ClientSum}, {"server", e.ServerMS, s.ServerSum}, {"network", e.NetworkMS, s.NetworkSum},
	}, func(c comparedSum) bool { return c.want == nil })
}

// table shows two sorted lists side by side: common lines, what only got has
// and what only want has.
func table(got, want []string) string {
	var b strings.Builder
	for i, j := 0, 0; i < len(got) || j < len(want); {
		c := 0
		switch {
		case i == len(got):
			c = 1
		case j == len(want):
			c = -1
		default:
			c = cmp.Compare(got[i], want[j])
		}
		switch {
		case c < 0:
			fmt.Fprintf(&b, "   got  %s\n", got[i])
			i++
		case c > 0:
			fmt.Fprintf(&b, "   want %s\n", want[j])
			j++
		default:
			fmt.Fprintf(&b, "   both %s\n", got[i])
			i, j = i+1, j+1
		}
	}
	return b.String()
}
