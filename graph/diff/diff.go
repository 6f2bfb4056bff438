// Package diff compares two graphs: which calls appeared, vanished or changed.
//
// The graphs may cover windows of different length, so calls are compared by
// their rate; of a graph without a window (nothing says how long it lasted) the
// calls themselves are. Edges are the same when their ends and kind are. The
// answer depends on the two graphs and the options alone, and so does its order:
// that of the graphs, by id.
package diff

import (
	"cmp"
	"math"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// Options say how much must differ to count as a change. The zero value selects
// the defaults.
type Options struct {
	// Rate is the factor, above 1, by which calls a second must grow or shrink: 1.1.
	Rate float64
	// Errors is by how much the failed share must move: 0.01.
	Errors float64
	// Latency is the factor by which p50 or p99 must grow or shrink: 1.25.
	Latency float64
	// Significant leaves out changes of rate and errors that chance explains:
	// below three standard deviations of counts of that size.
	Significant bool
}

func (o *Options) fill() {
	o.Rate = cmp.Or(o.Rate, 1.1)
	o.Errors = cmp.Or(o.Errors, 0.01)
	o.Latency = cmp.Or(o.Latency, 1.25)
}

// A Diff is what differs between a base and the graph that is compared with it.
// Its lists are never nil, so that they are lists in JSON.
type Diff struct {
	Base Window `json:"base"`
	Now  Window `json:"now"`

	AddedNodes   []Node `json:"added_nodes"`
	RemovedNodes []Node `json:"removed_nodes"`

	Added     []Edge `json:"added"`
	Removed   []Edge `json:"removed"`
	Changed   []Edge `json:"changed"`
	Unchanged int    `json:"unchanged"` // edges in both that did not change
}

// Empty reports whether nothing differs.
func (d *Diff) Empty() bool {
	return len(d.AddedNodes)+len(d.RemovedNodes)+len(d.Added)+len(d.Removed)+len(d.Changed) == 0
}

// A Window is that of a graph: RFC 3339 in UTC, nil if it has none.
type Window struct {
	From *string `json:"from"`
	To   *string `json:"to"`
}

// A Node is one that only one of the graphs has.
type Node struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
}

// An Edge is one that differs.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	Kind string `json:"kind"`
	// Base and Now are its figures in each graph, nil where it is missing.
	Base *Figures `json:"base,omitempty"`
	Now  *Figures `json:"now,omitempty"`
	// What of a changed edge moved: rate, errors, latency.
	What []string `json:"what,omitempty"`
}

// Figures are those of an edge in one graph.
type Figures struct {
	Calls      int64   `json:"calls"`
	Errors     int64   `json:"errors"`
	Rate       float64 `json:"rate"` // calls a second; the calls, if the graph has no window
	ErrorShare float64 `json:"error_share"`
	// Latencies are as the caller timed them, else as the callee did; nil if
	// nobody did.
	P50 *float64 `json:"p50_ms"`
	P99 *float64 `json:"p99_ms"`
}

// What can change.
const (
	Rate    = "rate"
	Errors  = "errors"
	Latency = "latency"
)

// Compare returns what differs in now from base. Both are borrowed.
func Compare(base, now *graph.Graph, o Options) *Diff {
	o.fill()
	d := &Diff{
		Base: windowOf(base), Now: windowOf(now),
		AddedNodes: []Node{}, RemovedNodes: []Node{},
		Added: []Edge{}, Removed: []Edge{}, Changed: []Edge{},
	}
	merge(base.Nodes, now.Nodes, compareNodes, func(a, b *graph.Node) {
		switch {
		case a == nil:
			d.AddedNodes = append(d.AddedNodes, nodeOf(b))
		case b == nil:
			d.RemovedNodes = append(d.RemovedNodes, nodeOf(a))
		}
	})
	baseSeconds, nowSeconds := seconds(base, now)
	merge(base.Edges, now.Edges, compareEdges, func(a, b *graph.Edge) {
		switch {
		case a == nil:
			d.Added = append(d.Added, Edge{From: b.From, To: b.To, Kind: b.Kind.String(), Now: figures(b, nowSeconds)})
		case b == nil:
			d.Removed = append(d.Removed, Edge{From: a.From, To: a.To, Kind: a.Kind.String(), Base: figures(a, baseSeconds)})
		default:
			e := Edge{From: a.From, To: a.To, Kind: a.Kind.String(), Base: figures(a, baseSeconds), Now: figures(b, nowSeconds)}
			if e.What = o.moved(e.Base, e.Now, nowSeconds/baseSeconds); len(e.What) > 0 {
				d.Changed = append(d.Changed, e)
			} else {
				d.Unchanged++
			}
		}
	})
	return d
}

// merge walks two sorted lists together; where one lacks an element its side is
// nil.
func merge[T any](a, b []T, compare func(x, y *T) int, each func(x, y *T)) {
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = compare(&a[0], &b[0])
		}
		switch {
		case order < 0:
			each(&a[0], nil)
			a = a[1:]
		case order > 0:
			each(nil, &b[0])
			b = b[1:]
		default:
			each(&a[0], &b[0])
			a, b = a[1:], b[1:]
		}
	}
}

func compareNodes(a, b *graph.Node) int { return cmp.Compare(a.ID, b.ID) }

func compareEdges(a, b *graph.Edge) int {
	return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
}

// seconds returns the lengths of both windows; one second each, so that calls
// are compared with calls, if either is unknown.
func seconds(base, now *graph.Graph) (float64, float64) {
	a, b := time.Duration(base.To-base.From).Seconds(), time.Duration(now.To-now.From).Seconds()
	if a <= 0 || b <= 0 {
		return 1, 1
	}
	return a, b
}

func windowOf(g *graph.Graph) Window {
	text := func(t graph.Instant) *string {
		if t == 0 {
			return nil
		}
		s := t.Time().Format(time.RFC3339Nano)
		return &s
	}
	return Window{text(g.From), text(g.To)}
}

func nodeOf(n *graph.Node) Node {
	return Node{n.ID, n.Name, n.Namespace, n.Kind.String()}
}

func figures(e *graph.Edge, seconds float64) *Figures {
	f := &Figures{Calls: e.Stats.Calls, Errors: e.Stats.Errors, Rate: float64(e.Stats.Calls) / seconds}
	if f.Calls > 0 {
		f.ErrorShare = float64(f.Errors) / float64(f.Calls)
	}
	side := &e.Stats.Client
	if side.IsZero() {
		side = &e.Stats.Server
	}
	f.P50, f.P99 = quantile(side, 0.5), quantile(side, 0.99)
	return f
}

func quantile(s *sketch.Sketch, q float64) *float64 {
	if s.IsZero() {
		return nil
	}
	ms := float64(s.Quantile(q)) / float64(time.Millisecond)
	return &ms
}

// moved lists what of an edge changed. longer is how many times as long as the
// base's window the other is.
func (o *Options) moved(a, b *Figures, longer float64) (what []string) {
	if apart(a.Rate, b.Rate, o.Rate) && (!o.Significant || rateSignificant(a.Calls, b.Calls, longer)) {
		what = append(what, Rate)
	}
	if math.Abs(a.ErrorShare-b.ErrorShare) > o.Errors && (!o.Significant || shareSignificant(a, b)) {
		what = append(what, Errors)
	}
	if slower(a.P50, b.P50, o.Latency) || slower(a.P99, b.P99, o.Latency) {
		what = append(what, Latency)
	}
	return what
}

// apart reports whether one of a and b is more than factor times the other.
func apart(a, b, factor float64) bool {
	return max(a, b) > min(a, b)*factor
}

func slower(a, b *float64, factor float64) bool {
	return a != nil && b != nil && apart(*a, *b, factor)
}

// deviations is how many standard deviations a change must have to be more than
// chance.
const deviations = 3

// rateSignificant treats both counts as those of a Poisson process.
func rateSignificant(a, b int64, longer float64) bool {
	expected := float64(a) * longer
	return math.Abs(float64(b)-expected) > deviations*math.Sqrt(float64(b)+expected*longer)
}

// shareSignificant compares two failed shares as those of drawn samples.
func shareSignificant(a, b *Figures) bool {
	if a.Calls <= 0 || b.Calls <= 0 {
		return false
	}
	p := float64(a.Errors+b.Errors) / float64(a.Calls+b.Calls)
	deviation := math.Sqrt(max(0, p*(1-p)) * (1/float64(a.Calls) + 1/float64(b.Calls)))
	return math.Abs(a.ErrorShare-b.ErrorShare) > deviations*deviation
}
