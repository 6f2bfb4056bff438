package infer

import (
	"slices"
	"strings"

	"graphctl/collector"
	"graphctl/graph"
)

// A node is the number of a graph.NodeRef, a facet that of a graph.Facet and a
// side that of both together: one end of an edge. 0 is none, for facets the
// empty one.
type (
	node  uint32
	facet uint32
	side  uint32
)

// names numbers nodes, facets and sides. Numbers are given out in order of
// appearance and decide nothing.
type names struct {
	nodes      []graph.NodeRef
	printed    []string // by node; "" for none
	nodeOf     map[graph.NodeRef]node
	facets     []graph.Facet
	facetOf    map[graph.Facet]facet
	sides      []sideRecord
	sideOf     map[uint64]side
	plainSides []side // by node: its side without facets, 0 if not used yet
	user       node
	bySym      []resourceNames // by Sym of a resource
	farBySym   []farNames      // by Sym of a Far
}

// sideRecord is one end of an edge, and the subjects that count its spans.
type sideRecord struct {
	node  node
	facet facet
	spans [dispositions]subject // of OfSpans, 0 if never used
}

// resourceNames is what a resource says, as numbers.
type resourceNames struct {
	known   bool
	node    node // its service, 0 if nameless (rule N3)
	unknown node // what a nameless span of it is if nobody lends a name
	facet   facet
	side    side // of node, 0 if nameless
}

func newNames() names {
	n := names{
		nodes:   make([]graph.NodeRef, 1),
		printed: make([]string, 1),
		nodeOf:  map[graph.NodeRef]node{},
		facets:  make([]graph.Facet, 1),
		facetOf: map[graph.Facet]facet{{}: 0},
		sides:   make([]sideRecord, 1),
		sideOf:  map[uint64]side{},
	}
	n.user = n.node(graph.NodeRef{Kind: graph.User, Name: "user"})
	return n
}

func (n *names) node(r graph.NodeRef) node {
	i, ok := n.nodeOf[r]
	if !ok {
		i = node(len(n.nodes))
		n.nodes = append(n.nodes, r)
		n.printed = append(n.printed, r.Print())
		n.nodeOf[r] = i
	}
	return i
}

func (n *names) facet(f graph.Facet) facet {
	i, ok := n.facetOf[f]
	if !ok {
		i = facet(len(n.facets))
		n.facets = append(n.facets, f)
		n.facetOf[f] = i
	}
	return i
}

func (n *names) side(nd node, f facet) side {
	key := uint64(nd)<<32 | uint64(f)
	i, ok := n.sideOf[key]
	if !ok {
		i = side(len(n.sides))
		n.sides = append(n.sides, sideRecord{node: nd, facet: f})
		n.sideOf[key] = i
	}
	return i
}

// resource returns what the resource numbered y says. The pointer is good until
// the next call.
func (e *Engine) resource(y collector.Sym) *resourceNames {
	if int(y) < len(e.bySym) && e.bySym[y].known {
		return &e.bySym[y]
	}
	e.bySym = grown(e.bySym, int(y))
	r := e.syms.Resource(y)
	n := resourceNames{
		known:   true,
		unknown: e.node(graph.NodeRef{Kind: graph.Service, Namespace: r.Namespace, Name: "unknown_service"}),
		facet:   e.facet(graph.Facet{Environments: r.Environment, Version: r.Version, Team: r.Team}),
	}
	if r.Name != "" {
		n.node = e.node(graph.NodeRef{Kind: graph.Service, Namespace: r.Namespace, Name: r.Name})
		n.side = e.side(n.node, n.facet)
	}
	e.bySym[y] = n
	return &e.bySym[y]
}

// grown returns s with room for index i.
func grown[T any](s []T, i int) []T {
	if i < len(s) {
		return s
	}
	return append(s, make([]T, i+1-len(s))...)
}

// joinFacets returns the facet of a group (rule N2): the environments of all of
// fs, version and team of the first.
func (n *names) joinFacets(fs []facet) facet {
	f := n.facets[fs[0]]
	var environments []string
	for _, g := range fs {
		for e := range strings.SplitSeq(n.facets[g].Environments, "\x00") {
			if e != "" {
				environments = append(environments, e)
			}
		}
	}
	slices.Sort(environments)
	f.Environments = strings.Join(slices.Compact(environments), "\x00")
	return n.facet(f)
}
