package infer

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"graphctl/collector"
	"graphctl/graph"
)

// sceneStart is the start of a scene, a full hour.
const sceneStart = 1_760_004_000 * int64(time.Second)

// An observation is a span with its links.
type observation struct {
	span  collector.Span
	links []collector.Link
}

// parseSpans reads spans, one a line:
//
//	TRACE SPAN[<PARENT] KIND SERVICE [WORD...]
//
// TRACE is hex of the low half, with H: for a high half. SERVICE is [ns/]name
// or - for none. Words: a role in place of the kind's own; failed, remote,
// triggered; peer= fn= addr= rpc= db= dbname= sys= dest= env= version= op=;
// n= (messages), w= (weight), at= and dur= (ms), link=TRACE/SPAN.
func parseSpans(t testing.TB, syms *collector.Symbols, text string) []observation {
	t.Helper()
	var all []observation
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 0 {
			all = append(all, parseSpan(t, syms, f))
		}
	}
	return all
}

func parseSpan(t testing.TB, syms *collector.Symbols, f []string) observation {
	t.Helper()
	if len(f) < 4 {
		t.Fatalf("span %q: want trace, span, kind, service", f)
	}
	id, parent, _ := strings.Cut(f[1], "<")
	kind := slices.Index(kindNames[:], f[2])
	o := observation{span: collector.Span{
		Trace: traceID(t, f[0]), ID: spanID(t, id), Parent: spanID(t, parent),
		Start: sceneStart, Weight: collector.WeightOne, Messages: collector.NoCount,
		Kind: collector.Kind(kind), Role: kindRoles[kind],
	}}
	var r collector.Resource
	if f[3] != "-" {
		r.Namespace, r.Name, _ = strings.Cut(f[3], "/")
		if r.Name == "" {
			r.Namespace, r.Name = "", r.Namespace
		}
		if r.Name == "-" {
			r.Name = ""
		}
	}
	var far collector.Far
	dur := int64(20)
	for _, w := range f[4:] {
		key, value, _ := strings.Cut(w, "=")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch key {
		case "failed":
			o.span.Flags |= collector.Failed
		case "remote":
			o.span.Flags |= collector.ParentRemote
		case "triggered":
			o.span.Flags |= collector.Triggered
		case "peer":
			far.Peer = value
		case "fn":
			far.Function = value
		case "addr":
			host, port, _ := strings.Cut(value, ":")
			p, _ := strconv.Atoi(port)
			far.Host, far.Port = host, uint16(p)
		case "rpc":
			far.RPCService = value
		case "db":
			far.DBSystem = value
		case "dbname":
			far.DBNamespace = value
		case "sys":
			far.MsgSystem = value
		case "dest":
			far.Destination = value
		case "env":
			r.Environment = value
		case "version":
			r.Version = value
		case "op":
			o.span.Name = syms.Intern([]byte(value))
		case "n":
			o.span.Messages = int32(n)
		case "w":
			o.span.Weight = n * collector.WeightOne
		case "at":
			o.span.Start += n * 1e6
		case "dur":
			dur = n
		case "link":
			tr, id, _ := strings.Cut(value, "/")
			o.links = append(o.links, collector.Link{Trace: traceID(t, tr), ID: spanID(t, id)})
		default:
			role := slices.Index(roleNames[:], w)
			if role < 0 {
				t.Fatalf("span %q: unknown word %q", f, w)
			}
			o.span.Role = collector.Role(role)
		}
	}
	o.span.End = o.span.Start + dur*1e6
	o.span.Links = uint16(len(o.links))
	o.span.Resource = syms.InternResource(r)
	if !far.IsZero() {
		o.span.Far = syms.InternFar(far)
	}
	return o
}

var (
	kindNames = [...]string{"unspecified", "internal", "server", "client", "producer", "consumer"}
	kindRoles = [...]collector.Role{collector.Local, collector.Local, collector.In, collector.Out, collector.Publish, collector.Process}
	roleNames = [...]string{"local", "in", "out", "send", "create", "receive", "process", "settle"}
)

func traceID(t testing.TB, s string) (id collector.TraceID) {
	t.Helper()
	high, low, ok := strings.Cut(s, ":")
	if !ok {
		high, low = "0", high
	}
	binary.BigEndian.PutUint64(id[:8], parseHex(t, high))
	binary.BigEndian.PutUint64(id[8:], parseHex(t, low))
	return id
}

func spanID(t testing.TB, s string) (id collector.SpanID) {
	t.Helper()
	if s != "" {
		binary.BigEndian.PutUint64(id[:], parseHex(t, s))
	}
	return id
}

func parseHex(t testing.TB, s string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A ledger adds up what an engine emits.
type ledger struct{ sum graph.Delta }

func (l *ledger) take(d *graph.Delta) {
	if d != nil {
		l.sum.Merge(d)
		l.sum.Prune()
	}
}

// graph resolves the sum as a reader does.
func (l *ledger) graph() *graph.Graph {
	b := graph.NewBuilder(graph.Filter{})
	for k, s := range l.sum.Cells() {
		sub := k.Subject.Value()
		b.Cell(k, s, graph.Fine)
		b.Evidence(sub, s.Calls)
	}
	return b.Graph(0, 0, graph.Fine)
}

// edges prints the edges of the graph, sorted.
func (l *ledger) edges() string {
	var lines []string
	for _, e := range l.graph().Edges {
		lines = append(lines, fmt.Sprintf("%s -> %s %v %d/%d", e.From, e.To, e.Kind, e.Stats.Calls, e.Stats.Errors))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// lines trims each line of text, drops empty ones and sorts.
func lines(text string) string {
	var out []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" {
			out = append(out, l)
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// A run is a way of delivering the spans of a scene.
type run struct {
	name string
	play func(t *testing.T, syms *collector.Symbols, all []observation) (*ledger, *Engine)
}

var runs = []run{
	{"given", func(t *testing.T, syms *collector.Symbols, all []observation) (*ledger, *Engine) {
		return play(syms, all, func(int) bool { return false })
	}},
	{"ticks", func(t *testing.T, syms *collector.Symbols, all []observation) (*ledger, *Engine) {
		return play(syms, all, func(int) bool { return true })
	}},
	{"reversed", func(t *testing.T, syms *collector.Symbols, all []observation) (*ledger, *Engine) {
		all = slices.Clone(all)
		slices.Reverse(all)
		return play(syms, all, func(int) bool { return true })
	}},
	{"doubled", func(t *testing.T, syms *collector.Symbols, all []observation) (*ledger, *Engine) {
		return play(syms, slices.Concat(all, all), func(i int) bool { return i%3 == 0 })
	}},
	{"shuffled", func(t *testing.T, syms *collector.Symbols, all []observation) (*ledger, *Engine) {
		rng := rand.New(rand.NewPCG(7, uint64(len(all))))
		all = slices.Clone(all)
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		return play(syms, all, func(int) bool { return rng.IntN(2) == 0 })
	}},
	{"restarted", playRestarted},
}

// play observes all spans, with a tick after those that tick selects, lets
// guesses settle and returns the sum of what was emitted.
func play(syms *collector.Symbols, all []observation, tick func(int) bool) (*ledger, *Engine) {
	e, l, now := New(Options{}, syms), new(ledger), sceneStart
	for i, o := range all {
		e.Observe(now, &o.span, o.links)
		if tick(i) {
			now += int64(Tick)
			e.Advance(now)
			l.take(e.Flush())
		}
	}
	for range 12 + hourParts {
		now += int64(Tick)
		e.Advance(now)
		l.take(e.Flush())
	}
	return l, e
}

// playRestarted saves and loads the engine around every span, with a symbol
// table of its own each time.
func playRestarted(t *testing.T, syms *collector.Symbols, all []observation) (*ledger, *Engine) {
	e, l, now := New(Options{}, syms), new(ledger), sceneStart
	for i, o := range all {
		s := o.span
		s.Resource, s.Far, s.Name = e.syms.InternResource(syms.Resource(s.Resource)), e.syms.InternFar(syms.Far(s.Far)), e.syms.Intern([]byte(syms.Text(s.Name)))
		e.Observe(now, &s, o.links)
		if i%2 == 0 {
			now += int64(Tick)
			e.Advance(now)
		}
		if i%3 == 0 {
			l.take(e.Flush())
		}
		var err error
		if e, err = LoadState(slices.Concat(e.State()...), Options{}, collector.NewSymbols()); err != nil {
			t.Fatal(err)
		}
	}
	for range 12 + hourParts {
		now += int64(Tick)
		e.Advance(now)
		l.take(e.Flush())
	}
	return l, e
}

// checkAccounts reports an account that does not add up, and mail that was not
// delivered.
func checkAccounts(t *testing.T, e *Engine) {
	t.Helper()
	c := e.Counters()
	if got := c.Accepted + c.Duplicates + c.Refused; got != c.Observed {
		t.Errorf("accepted %d + duplicates %d + refused %d = %d, want observed %d", c.Accepted, c.Duplicates, c.Refused, got, c.Observed)
	}
	var spans uint64
	for _, n := range c.Spans {
		spans += n
	}
	if e.hasMail() {
		t.Error("linked traces did not come to an end")
	}
	if spans != c.Accepted {
		t.Errorf("dispositions add up to %d, want accepted %d: %v", spans, c.Accepted, c.Spans)
	}
}
