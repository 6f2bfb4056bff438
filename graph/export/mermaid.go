package export

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"graphctl/graph"
)

// Mermaid is a flowchart that Markdown renderers draw. Identifiers are made up;
// names stand in quoted labels, with every character that could mean something
// there as a numeric entity.
var Mermaid = Format{Name: "mermaid", Ext: ".mmd", MediaType: "text/vnd.mermaid; charset=utf-8", Write: writeMermaid}

// mermaidEdges is how many edges renderers draw unless they were told
// otherwise; the diagram itself may not raise it.
const mermaidEdges = 500

func writeMermaid(w io.Writer, g *graph.Graph, _ Options) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "flowchart LR\n")
	if len(g.Edges) > mermaidEdges {
		fmt.Fprintf(out, "  %%%% %d edges: renderers stop at %d unless their maxEdges and maxTextSize are raised\n", len(g.Edges), mermaidEdges)
	}
	number := make(map[string]int, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		number[n.ID] = i
		open, shut := mermaidShape(n.Kind)
		fmt.Fprintf(out, "  n%d%s\"%s\"%s\n", i, open, mermaidText(n.ID), shut)
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		arrow := "-->"
		if e.Kind == graph.Message || e.Kind == graph.Link {
			arrow = "-.->"
		}
		fmt.Fprintf(out, "  n%d %s|\"%s\"| n%d\n", number[e.From], arrow, edgeLabel(&e.Stats), number[e.To])
	}
	return out.Flush() // a bufio.Writer keeps its first error
}

func mermaidShape(k graph.NodeKind) (open, shut string) {
	switch k {
	case graph.Database:
		return "[(", ")]"
	case graph.Messaging:
		return ">", "]"
	case graph.External:
		return "([", "])"
	case graph.User:
		return "((", "))"
	}
	return "[", "]"
}

// mermaidText keeps letters, digits and a few signs that mean nothing in a
// label, and writes everything else in ASCII as #number;.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		switch {
		case r > '~', r >= '0' && r <= '9', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', strings.ContainsRune(" -._/:@", r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	if b.Len() == 0 {
		return " " // an empty label is a syntax error
	}
	return b.String()
}
