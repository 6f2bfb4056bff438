package api

import (
	"context"
	"time"

	"graphctl/graph"
)

// subjects returns where edges of the sum belong: to an edge, given as the ids
// of its ends joined by a comma, or to the calls into one of the nodes; to those
// out of a node that nobody calls. It reads the window once, in wide buckets,
// since what a name stands for is decided by all that is in it. A single node or
// edge must be there; of several those that are not have no calls.
func (h *handler) subjects(ctx context.Context, c cut, edge string, nodes []string) (func(graph.Subject) places, error) {
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
	switch {
	case edge != "" && !known(g, edge, ""):
		return nil, missing("the window holds no calls of %q", edge)
	case len(nodes) == 1 && !known(g, "", nodes[0]):
		return nil, missing("the window holds no calls of %q", nodes[0])
	}
	into, out := make(map[string]int), make(map[string]int)
	for i, id := range nodes {
		out[id] = i
	}
	for i := range g.Edges {
		if n, ok := out[g.Edges[i].To]; ok {
			into[g.Edges[i].To] = n
		}
	}
	for id := range into {
		delete(out, id)
	}
	return func(sub graph.Subject) places {
		from, to := ids[b.Resolve(sub.From, sub.To)], ids[b.Resolve(sub.To, sub.From)]
		at := nowhere
		if edge != "" {
			if from+","+to == edge {
				at[0] = 0
			}
			return at
		}
		if i, ok := into[to]; ok {
			at[0] = i
		}
		if i, ok := out[from]; ok {
			at[1] = i
		}
		return at
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
