package api

import (
	"context"
	"time"

	"graphctl/graph"
)

// subjects returns which edges of the sum belong to an edge, given as the ids
// of its ends joined by a comma, or to the calls into a node; to those out of a
// node that nobody calls. It reads the window once, in wide buckets, since what
// a name stands for is decided by all that is in it.
func (h *handler) subjects(ctx context.Context, c cut, edge, node string) (func(graph.Subject) bool, error) {
	b := graph.NewBuilder(graph.Filter{})
	evidence := make(map[graph.Subject]int64)
	err := h.o.History.CellsWithin(ctx, c.from, c.to, graph.Coarse, func(k graph.Key, s *graph.Stats, width time.Duration) bool {
		sub := k.Subject.Value()
		switch sub.Of {
		case graph.OfEdge, graph.OfSpans:
			b.Cell(k, s, width)
		case graph.OfAlias:
			evidence[sub] += s.Calls
		}
		return true
	})
	if err != nil {
		return nil, err
	}
	for sub, n := range evidence {
		b.Evidence(sub, n)
	}
	g := b.Graph(c.from, c.to, c.step)
	ids := make(map[graph.NodeRef]string, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		ids[graph.NodeRef{Kind: n.Kind, Namespace: n.Namespace, Name: n.Name}] = n.ID
	}
	called := false
	for i := range g.Edges {
		called = called || g.Edges[i].To == node
	}
	if !known(g, edge, node) {
		return nil, missing("the window holds no calls of %q", edge+node)
	}
	return func(sub graph.Subject) bool {
		from, to := ids[b.Resolve(sub.From, sub.To)], ids[b.Resolve(sub.To, sub.From)]
		switch {
		case edge != "":
			return from+","+to == edge
		case called:
			return to == node
		}
		return from == node
	}, nil
}

// known reports whether g has the edge or the node.
func known(g *graph.Graph, edge, node string) bool {
	if edge == "" {
		_, ok := g.Node(node)
		return ok
	}
	for i := range g.Edges {
		if g.Edges[i].From+","+g.Edges[i].To == edge {
			return true
		}
	}
	return false
}
