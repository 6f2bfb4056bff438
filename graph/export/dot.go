package export

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"graphctl/graph"
)

// DOT is the language of Graphviz. Shape says what a node is, a box around
// nodes their namespace, the width of an edge how many calls a minute, its
// colour what share of them failed, dashes that nobody waits for an answer.
//
// With a layout in the options the text carries it, with what the engine needs
// to draw well; without, any engine may be used on it.
var DOT = Format{Name: "dot", Ext: ".dot", MediaType: "text/vnd.graphviz; charset=utf-8", Write: writeDOT}

func writeDOT(w io.Writer, g *graph.Graph, o Options) error {
	d := dotWriter{out: bufio.NewWriterSize(w, 1<<16), g: g, o: o}
	d.printf("digraph \"calls\" {\n")
	d.defaults()
	d.nodes()
	for i := range g.Edges {
		d.edge(&g.Edges[i])
	}
	d.printf("}\n")
	return d.out.Flush() // a bufio.Writer keeps its first error
}

type dotWriter struct {
	out *bufio.Writer
	g   *graph.Graph
	o   Options
}

func (d *dotWriter) printf(format string, args ...any) { fmt.Fprintf(d.out, format, args...) }

const dotFont = "Helvetica,Arial,sans-serif"

// defaults writes the attributes that hold for all.
func (d *dotWriter) defaults() {
	d.printf("  graph [bgcolor=\"#ffffff\", fontname=%q, fontsize=11, fontcolor=\"#5b6472\", pad=0.3", dotFont)
	switch d.o.Layout {
	case "", "dot":
		d.printf(", rankdir=LR, nodesep=0.3, ranksep=0.9")
	case "star":
		d.printf(", splines=line, outputorder=edgesfirst")
	default:
		splines := "true"
		if d.o.Compact {
			splines = "line" // to lead lines around nodes takes minutes where there are many
		}
		d.printf(", overlap=prism, splines=%s, outputorder=edgesfirst", splines)
	}
	switch d.o.Layout {
	case "":
	case "star":
		d.printf(", layout=neato")
	default:
		d.printf(", layout=%s", quoteID(d.o.Layout))
	}
	d.printf("];\n")
	margin := "0.14,0.07"
	if d.o.Compact {
		margin = "0.06,0.03"
	}
	d.printf("  node [fontname=%q, fontsize=11, fontcolor=\"#1c2430\", style=\"filled\", color=\"#5b6472\", penwidth=1, height=0.3, margin=%q];\n", dotFont, margin)
	d.printf("  edge [fontname=%q, fontsize=9, fontcolor=\"#5b6472\", arrowsize=0.7];\n", dotFont)
}

// clusters reports whether the layout draws namespaces as boxes around nodes;
// those that do not get the namespace into the label.
func (d *dotWriter) clusters() bool {
	return d.o.Layout == "" || d.o.Layout == "dot"
}

// nodes writes the nodes, those of a namespace together.
func (d *dotWriter) nodes() {
	var places []place
	if d.o.Layout == "star" {
		places = starPlaces(len(d.g.Nodes))
	}
	members := map[string][]int{}
	for i := range d.g.Nodes {
		n := &d.g.Nodes[i]
		if n.Namespace == "" || !d.clusters() {
			d.node(n, i, places, "  ")
			continue
		}
		members[n.Namespace] = append(members[n.Namespace], i)
	}
	for number, namespace := range slices.Sorted(maps.Keys(members)) {
		d.printf("  subgraph cluster_%d {\n", number)
		d.printf("    label=%s; labeljust=l; style=\"rounded,filled\"; color=\"#d5dae2\"; fillcolor=\"#f6f8fb\"; margin=12;\n", quoteText(namespace))
		for _, i := range members[namespace] {
			d.node(&d.g.Nodes[i], i, places, "    ")
		}
		d.printf("  }\n")
	}
}

// A dotShape is how a kind of node is drawn.
type dotShape struct{ shape, style, fill string }

var dotShapes = map[graph.NodeKind]dotShape{
	graph.Service:   {"box", "rounded,filled", "#dbe8ff"},
	graph.Database:  {"cylinder", "filled", "#ddf3e4"},
	graph.Messaging: {"cds", "filled", "#efe3fb"},
	graph.External:  {"ellipse", "filled,dashed", "#f1f1f1"},
	graph.User:      {"house", "filled", "#fff0d0"},
}

func (d *dotWriter) node(n *graph.Node, i int, places []place, indent string) {
	label := n.Name
	if n.Namespace != "" && !d.clusters() {
		label = n.Namespace + "/" + n.Name
	}
	s := dotShapes[n.Kind]
	d.printf("%s%s [label=%s, shape=%s, style=%q, fillcolor=%q, tooltip=%s", indent,
		quoteID(n.ID), quoteText(label), s.shape, s.style, s.fill, quoteText(n.ID+"\n"+nodeNote(n)))
	if places != nil {
		d.printf(", pos=\"%.2f,%.2f!\"", places[i].x, places[i].y)
	}
	d.printf("];\n")
}

func nodeNote(n *graph.Node) string {
	note := n.Kind.String()
	if len(n.Environments) > 0 {
		note += ", " + strings.Join(n.Environments, " ")
	}
	return note
}

func (d *dotWriter) edge(e *graph.Edge) {
	s := &e.Stats
	colour := errorColour(s.Errors, s.Calls)
	if d.o.Compact && s.Errors <= 0 {
		colour += "90" // lets what lies below shine through
	}
	d.printf("  %s -> %s [", quoteID(e.From), quoteID(e.To))
	if !d.o.Compact {
		d.printf("label=%s, ", quoteText(edgeLabel(s)))
	}
	d.printf("tooltip=%s, penwidth=%.1f, color=%q, weight=%d", quoteText(edgeNote(e)), d.width(s.Calls), colour, 1+decades(s.Calls))
	if s.Errors > 0 {
		d.printf(", fontcolor=%q", colour)
	}
	switch e.Kind {
	case graph.Message:
		d.printf(", style=dashed")
	case graph.Link:
		d.printf(", style=dotted")
	}
	d.printf("];\n")
}

func edgeLabel(s *graph.Stats) string {
	label := strconv.FormatInt(s.Calls, 10)
	if s.Errors > 0 {
		label += " / " + strconv.FormatInt(s.Errors, 10) + " err"
	}
	return label
}

func edgeNote(e *graph.Edge) string {
	s := &e.Stats
	b := fmt.Appendf(nil, "%s → %s\n%s, %d calls, %d errors", e.From, e.To, e.Kind, s.Calls, s.Errors)
	side, timed := "server", &s.Server
	if timed.Total() == 0 {
		side, timed = "client", &s.Client
	}
	if timed.Total() != 0 {
		b = fmt.Appendf(b, "\n%s p50 ", side)
		b = append(appendQuantile(b, timed.Quantile(0.5)), " ms, p99 "...)
		b = append(appendQuantile(b, timed.Quantile(0.99)), " ms"...)
	}
	return string(b)
}

// Bounds of the width of an edge, in points.
const minWidth, maxWidth = 0.8, 6

// width grows with the logarithm of calls a minute: an edge ten times as busy
// is one step wider.
func (d *dotWriter) width(calls int64) float64 {
	minutes := max(float64(d.g.To-d.g.From)/float64(time.Minute), 1.0/6)
	width := min(minWidth+0.9*math.Log10(1+max(float64(calls), 0)/minutes), maxWidth)
	if d.o.Compact {
		width /= 2
	}
	return width
}

// decades returns the number of digits of calls, less one.
func decades(calls int64) int {
	n := 0
	for ; calls >= 10; calls /= 10 {
		n++
	}
	return n
}

// errorColour goes from grey to red with the share of failed calls.
func errorColour(errors, calls int64) string {
	switch {
	case errors <= 0:
		return "#7d8796"
	case errors*100 < calls:
		return "#b98514"
	case errors*20 < calls:
		return "#d9701a"
	}
	return "#cc3333"
}

// quoteID writes s as a quoted identifier. Different s are different
// identifiers: inside quotes only \" is an escape of the language, all else
// with a backslash stays as it is written here.
func quoteID(s string) string {
	b := []byte{'"'}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = append(b, string(r)...)
		}
	}
	return string(append(b, '"'))
}

// quoteText writes s as a quoted label: nothing in it is an escape (\N), an
// entity (&lt;) or markup. A newline is a line break, other controls are
// replaced.
func quoteText(s string) string {
	b := []byte{'"'}
	for i, line := range strings.Split(s, "\n") {
		if i > 0 {
			b = append(b, `\n`...)
		}
		for _, r := range clean(line) {
			switch r {
			case '"', '\\':
				b = append(b, '\\', byte(r))
			case '&':
				b = append(b, "&amp;"...)
			default:
				b = append(b, string(r)...)
			}
		}
	}
	return string(append(b, '"'))
}
