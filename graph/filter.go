package graph

import "slices"

// Apply keeps the part of g that f selects, and returns g. Order is kept. The
// environment is not applied: a graph no longer knows it, only a Builder does.
func (f Filter) Apply(g *Graph) *Graph {
	if f.Kind != 0 {
		g.keepEdges(func(e *Edge) bool { return e.Kind == f.Kind }, nil)
	}
	if f.Namespace != "" {
		inside := make(map[string]bool, len(g.Nodes))
		for i := range g.Nodes {
			if g.Nodes[i].Namespace == f.Namespace {
				inside[g.Nodes[i].ID] = true
			}
		}
		g.keepEdges(func(e *Edge) bool { return inside[e.From] || inside[e.To] }, inside)
	}
	if f.Focus != "" {
		g.keepNodes(g.within(f.Focus, max(f.Hops, 1), f.Direction))
	}
	return g
}

// keepEdges drops the edges that keep refuses, and the nodes that are neither
// an end of what is left nor in also.
func (g *Graph) keepEdges(keep func(*Edge) bool, also map[string]bool) {
	g.Edges = slices.DeleteFunc(g.Edges, func(e Edge) bool { return !keep(&e) })
	ends := make(map[string]bool, 2*len(g.Edges))
	for i := range g.Edges {
		ends[g.Edges[i].From], ends[g.Edges[i].To] = true, true
	}
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n Node) bool { return !ends[n.ID] && !also[n.ID] })
}

// keepNodes keeps the subgraph induced by the nodes in keep.
func (g *Graph) keepNodes(keep map[string]bool) {
	g.Nodes = slices.DeleteFunc(g.Nodes, func(n Node) bool { return !keep[n.ID] })
	g.Edges = slices.DeleteFunc(g.Edges, func(e Edge) bool { return !keep[e.From] || !keep[e.To] })
}

// within returns the nodes at most hops edges away from focus, focus included.
// It is empty if focus is not in g.
func (g *Graph) within(focus string, hops int, d Direction) map[string]bool {
	next := make(map[string][]string)
	for i := range g.Edges {
		e := &g.Edges[i]
		if d != Up {
			next[e.From] = append(next[e.From], e.To)
		}
		if d != Down {
			next[e.To] = append(next[e.To], e.From)
		}
	}
	reached := make(map[string]bool)
	if _, ok := g.Node(focus); !ok {
		return reached
	}
	reached[focus] = true
	ring := []string{focus}
	for ; hops > 0 && len(ring) > 0; hops-- {
		var outer []string
		for _, id := range ring {
			for _, n := range next[id] {
				if !reached[n] {
					reached[n] = true
					outer = append(outer, n)
				}
			}
		}
		ring = outer
	}
	return reached
}

// Node returns the node with the id.
func (g *Graph) Node(id string) (*Node, bool) {
	i, ok := slices.BinarySearchFunc(g.Nodes, id, func(n Node, id string) int {
		switch {
		case n.ID < id:
			return -1
		case n.ID > id:
			return 1
		}
		return 0
	})
	if !ok {
		return nil, false
	}
	return &g.Nodes[i], true
}
