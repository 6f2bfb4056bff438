package export

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"

	"graphctl/graph"
)

// GraphML is XML for graph tools (Gephi, yEd, NetworkX, igraph). Identifiers
// are made up; the node's id, name, namespace and kind are data of the node, the
// counters data of the edge.
var GraphML = Format{Name: "graphml", Ext: ".graphml", MediaType: "application/graphml+xml", Write: writeGraphML}

// A field is one datum of nodes or edges: its key is the column's name.
type field[T any] struct {
	name, kind string // kind: a GraphML type
	text       func(*T) string
}

var nodeFields = []field[graph.Node]{
	{"label", "string", func(n *graph.Node) string { return n.ID }},
	{"name", "string", func(n *graph.Node) string { return n.Name }},
	{"namespace", "string", func(n *graph.Node) string { return n.Namespace }},
	{"kind", "string", func(n *graph.Node) string { return n.Kind.String() }},
	{"spans", "long", func(n *graph.Node) string { return strconv.FormatInt(n.Spans, 10) }},
}

var edgeFields = []field[graph.Edge]{
	{"kind", "string", func(e *graph.Edge) string { return e.Kind.String() }},
	{"calls", "long", func(e *graph.Edge) string { return strconv.FormatInt(e.Stats.Calls, 10) }},
	{"errors", "long", func(e *graph.Edge) string { return strconv.FormatInt(e.Stats.Errors, 10) }},
	{"estimated_calls", "double", func(e *graph.Edge) string { return string(appendWeight(nil, e.Stats.Estimated)) }},
	{"client_count", "long", func(e *graph.Edge) string { return strconv.FormatInt(e.Stats.Client.Total(), 10) }},
	{"client_sum_ms", "double", func(e *graph.Edge) string { return string(appendMillis(nil, e.Stats.ClientSum)) }},
	{"client_p50_ms", "double", func(e *graph.Edge) string { return string(appendQuantile(nil, e.Stats.Client.Quantile(0.5))) }},
	{"client_p99_ms", "double", func(e *graph.Edge) string { return string(appendQuantile(nil, e.Stats.Client.Quantile(0.99))) }},
	{"server_count", "long", func(e *graph.Edge) string { return strconv.FormatInt(e.Stats.Server.Total(), 10) }},
	{"server_sum_ms", "double", func(e *graph.Edge) string { return string(appendMillis(nil, e.Stats.ServerSum)) }},
	{"server_p50_ms", "double", func(e *graph.Edge) string { return string(appendQuantile(nil, e.Stats.Server.Quantile(0.5))) }},
	{"server_p99_ms", "double", func(e *graph.Edge) string { return string(appendQuantile(nil, e.Stats.Server.Quantile(0.99))) }},
}

func writeGraphML(w io.Writer, g *graph.Graph, _ Options) error {
	out := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprint(out, xml.Header+`<graphml xmlns="http://graphml.graphdrawing.org/xmlns">`+"\n")
	for _, f := range nodeFields {
		fmt.Fprintf(out, "  <key id=\"n_%s\" for=\"node\" attr.name=\"%s\" attr.type=\"%s\"/>\n", f.name, f.name, f.kind)
	}
	for _, f := range edgeFields {
		fmt.Fprintf(out, "  <key id=\"e_%s\" for=\"edge\" attr.name=\"%s\" attr.type=\"%s\"/>\n", f.name, f.name, f.kind)
	}
	fmt.Fprint(out, "  <graph id=\"calls\" edgedefault=\"directed\">\n")
	number := make(map[string]int, len(g.Nodes))
	for i := range g.Nodes {
		number[g.Nodes[i].ID] = i
		fmt.Fprintf(out, "    <node id=\"n%d\">", i)
		writeData(out, "n_", nodeFields, &g.Nodes[i])
		fmt.Fprint(out, "</node>\n")
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		fmt.Fprintf(out, "    <edge id=\"e%d\" source=\"n%d\" target=\"n%d\">", i, number[e.From], number[e.To])
		writeData(out, "e_", edgeFields, e)
		fmt.Fprint(out, "</edge>\n")
	}
	fmt.Fprint(out, "  </graph>\n</graphml>\n")
	return out.Flush() // a bufio.Writer keeps its first error
}

func writeData[T any](out *bufio.Writer, prefix string, fields []field[T], v *T) {
	for _, f := range fields {
		fmt.Fprintf(out, "<data key=\"%s%s\">", prefix, f.name)
		xml.EscapeText(out, []byte(clean(f.text(v)))) // errors stay in out
		fmt.Fprint(out, "</data>")
	}
}
