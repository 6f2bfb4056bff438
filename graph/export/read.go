package export

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// MaxJSONBytes bounds what ReadJSON reads: a graph of a million edges is about
// half of it.
const MaxJSONBytes = 1 << 30

// ErrTooLarge is returned by ReadJSON for input above MaxJSONBytes.
var ErrTooLarge = fmt.Errorf("larger than %d MiB", MaxJSONBytes>>20)

type documentJSON struct {
	From        *time.Time  `json:"from"`
	To          *time.Time  `json:"to"`
	ResolutionS json.Number `json:"resolution_s"`
	Nodes       *[]nodeJSON `json:"nodes"`
	Edges       *[]edgeJSON `json:"edges"`
}

type nodeJSON struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Namespace    string     `json:"namespace"`
	Kind         string     `json:"kind"`
	Environments []string   `json:"environments"`
	Teams        []string   `json:"teams"`
	Spans        int64      `json:"spans"`
	First        *time.Time `json:"first_seen"`
	Last         *time.Time `json:"last_seen"`
}

type edgeJSON struct {
	From      string      `json:"from"`
	To        string      `json:"to"`
	Kind      string      `json:"kind"`
	Calls     int64       `json:"calls"`
	Errors    int64       `json:"errors"`
	Estimated json.Number `json:"estimated_calls"`
	Client    sideJSON    `json:"client"`
	Server    sideJSON    `json:"server"`
	Network   struct {
		Count int64       `json:"count"`
		SumMS json.Number `json:"sum_ms"`
	} `json:"network"`
	First *time.Time `json:"first_seen"`
	Last  *time.Time `json:"last_seen"`
}

type sideJSON struct {
	Count  int64       `json:"count"`
	Errors int64       `json:"errors"`
	SumMS  json.Number `json:"sum_ms"`
	P50    json.Number `json:"p50_ms"`
	P90    json.Number `json:"p90_ms"`
	P95    json.Number `json:"p95_ms"`
	P99    json.Number `json:"p99_ms"`
}

// ReadJSON reads what JSON wrote. Writing the result again, in any format,
// gives what the first graph would have given.
//
// The JSON holds four quantiles and no histogram. The sketches of the graph
// returned are made so that these four, and the count, come out as they were;
// other quantiles read from them are bounds, not estimates.
//
// The error names the node or edge at fault. Unknown fields are ignored.
func ReadJSON(r io.Reader) (*graph.Graph, error) {
	limited := &io.LimitedReader{R: r, N: MaxJSONBytes + 1}
	var d documentJSON
	dec := json.NewDecoder(limited)
	err := dec.Decode(&d)
	if limited.N <= 0 {
		err = ErrTooLarge
	}
	if err == nil {
		if _, next := dec.Token(); next != io.EOF {
			err = errors.New("more than one value")
		}
	}
	if err == nil && (d.Nodes == nil || d.Edges == nil) {
		err = errors.New(`no "nodes" or no "edges": not a graph`)
	}
	if err != nil {
		return nil, fmt.Errorf("export: read graph: %w", err)
	}
	g, err := d.graph()
	if err != nil {
		return nil, fmt.Errorf("export: read graph: %w", err)
	}
	return g, nil
}

func (d *documentJSON) graph() (*graph.Graph, error) {
	p := parser{}
	g := &graph.Graph{
		From:       p.instant(d.From),
		To:         p.instant(d.To),
		Resolution: time.Duration(p.scaled(d.ResolutionS, 9)),
	}
	known := make(map[string]bool, len(*d.Nodes))
	for i := range *d.Nodes {
		n := &(*d.Nodes)[i]
		if known[n.ID] {
			return nil, fmt.Errorf("node %q occurs twice", n.ID)
		}
		known[n.ID] = true
		g.Nodes = append(g.Nodes, p.node(n))
		if p.err != nil {
			return nil, fmt.Errorf("node %q: %w", n.ID, p.err)
		}
	}
	for i := range *d.Edges {
		e := &(*d.Edges)[i]
		if !known[e.From] || !known[e.To] {
			return nil, fmt.Errorf("edge %q to %q: no such node", e.From, e.To)
		}
		g.Edges = append(g.Edges, p.edge(e))
		if p.err != nil {
			return nil, fmt.Errorf("edge %q to %q: %w", e.From, e.To, p.err)
		}
	}
	slices.SortFunc(g.Nodes, func(a, b graph.Node) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(g.Edges, func(a, b graph.Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
	})
	return g, p.err
}

// A parser converts fields and keeps the first error.
type parser struct{ err error }

func (p *parser) fail(err error) {
	if p.err == nil {
		p.err = err
	}
}

func (p *parser) instant(t *time.Time) graph.Instant {
	switch {
	case t == nil:
		return 0
	case t.Year() < 1679 || t.Year() > 2261:
		p.fail(fmt.Errorf("time %s out of range", t.Format(time.RFC3339)))
		return 0
	}
	return graph.InstantOf(*t)
}

func (p *parser) scaled(n json.Number, digits int) int64 {
	v, err := parseScaled(cmp.Or(n.String(), "0"), digits)
	if err != nil {
		p.fail(err)
	}
	return v
}

func (p *parser) node(n *nodeJSON) graph.Node {
	kind, ok := nodeKinds[n.Kind]
	if !ok {
		p.fail(fmt.Errorf("unknown kind %q", n.Kind))
	}
	return graph.Node{
		ID: n.ID, Kind: kind, Namespace: n.Namespace, Name: n.Name,
		Environments: n.Environments, Teams: n.Teams, Spans: n.Spans,
		First: p.instant(n.First), Last: p.instant(n.Last),
	}
}

var nodeKinds = map[string]graph.NodeKind{
	graph.Service.String():   graph.Service,
	graph.Database.String():  graph.Database,
	graph.Messaging.String(): graph.Messaging,
	graph.External.String():  graph.External,
	graph.User.String():      graph.User,
}

func (p *parser) edge(e *edgeJSON) graph.Edge {
	kind, ok := graph.ParseEdgeKind(e.Kind)
	if !ok {
		p.fail(fmt.Errorf("unknown kind %q", e.Kind))
	}
	estimated, err := parseWeight(cmp.Or(e.Estimated.String(), "0"))
	if err != nil {
		p.fail(err)
	}
	return graph.Edge{
		From: e.From, To: e.To, Kind: kind,
		Stats: graph.Stats{
			Calls: e.Calls, Errors: e.Errors,
			ClientErrors: e.Client.Errors, ServerErrors: e.Server.Errors,
			ClientSum: p.scaled(e.Client.SumMS, 6), ServerSum: p.scaled(e.Server.SumMS, 6),
			NetworkSum: p.scaled(e.Network.SumMS, 6), NetworkCount: e.Network.Count,
			Estimated: estimated,
			Client:    p.sketch(&e.Client), Server: p.sketch(&e.Server),
		},
		First: p.instant(e.First), Last: p.instant(e.Last),
	}
}

// sketch returns a sketch of s.Count durations with the quantiles of s: as many
// durations as lie between two of them are put at the upper one.
func (p *parser) sketch(s *sideJSON) sketch.Sketch {
	var k sketch.Sketch
	if s.Count < 0 || s.Count > sketch.MaxCount {
		p.fail(fmt.Errorf("count %d is out of range", s.Count))
		return k
	}
	below := int64(0)
	for i, n := range [...]json.Number{s.P50, s.P90, s.P95, s.P99} {
		rank := int64(math.Ceil(quantiles[i].q * float64(s.Count)))
		if i == len(quantiles)-1 {
			rank = s.Count
		}
		k.AddBucket(bucketOf(time.Duration(p.scaled(n, 6))), rank-below)
		below = rank
	}
	return k
}

// bucketOf returns the bucket that a written quantile stands for. An hour
// stands for all that is longer.
func bucketOf(d time.Duration) uint16 {
	if d == time.Hour {
		return sketch.Buckets - 1
	}
	return sketch.Bucket(d)
}

// clean returns s as one line of valid UTF-8: what is no text becomes U+FFFD.
// Names are text when they arrive over OTLP; a graph from elsewhere may hold
// anything.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}
