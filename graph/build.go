package graph

import (
	"cmp"
	"maps"
	"slices"
	"time"
	"unique"
)

// A Builder makes a Graph from the cells of a window and the evidence of the
// hours it touches. It resolves what one trace cannot know: which service
// answers at an address (rule A1) and whether a peer's name is a service (A2).
//
// Use: NewBuilder, then Cell and Evidence in any order, then Graph once.
type Builder struct {
	filter   Filter
	sums     map[unique.Handle[Subject]]*windowSum // edges and spans by subject, environment-filtered
	refs     map[NodeRef]struct{}                  // every service with spans and every end of an edge, unfiltered; unresolved too
	edges    map[[2]NodeRef]struct{}               // ends of every edge, unfiltered, unresolved
	services map[NodeRef]struct{}                  // services with evidence, or spans in the window
	byName   map[string][]NodeRef                  // the same by name
	aliases  map[string]alias                      // address → who answers there
}

// windowSum is what the window holds of one subject.
type windowSum struct {
	stats       Stats
	first, last Instant
	from, to    facetSet
}

// alias is the evidence about one address.
type alias struct {
	service   NodeRef
	ambiguous bool
}

type facetSet struct {
	environments, teams map[string]struct{}
}

// NewBuilder returns a builder of the part of the graph that f selects.
func NewBuilder(f Filter) *Builder {
	return &Builder{
		filter:   f,
		sums:     make(map[unique.Handle[Subject]]*windowSum),
		refs:     make(map[NodeRef]struct{}),
		edges:    make(map[[2]NodeRef]struct{}),
		services: make(map[NodeRef]struct{}),
		byName:   make(map[string][]NodeRef),
		aliases:  make(map[string]alias),
	}
}

// Cell adds the counters of a bucket of the given width inside the window. It
// is called once for each key, with the whole sum; s is borrowed. Subjects that
// a graph does not show are ignored.
func (b *Builder) Cell(k Key, s *Stats, width time.Duration) {
	sub := k.Subject.Value()
	switch {
	case s.Calls == 0:
		return
	case sub.Of == OfSpans:
		b.refs[sub.From] = struct{}{}
		b.known(sub.From)
	case sub.Of == OfEdge:
		b.edges[[2]NodeRef{sub.From, sub.To}] = struct{}{}
	default:
		return
	}
	f := k.Facets.Value()
	if e := b.filter.Environment; e != "" && !f.From.In(e) && !f.To.In(e) {
		return
	}
	sum := b.sums[k.Subject]
	if sum == nil {
		sum = &windowSum{first: k.Bucket}
		b.sums[k.Subject] = sum
	}
	sum.stats.Add(s)
	sum.first = min(sum.first, k.Bucket)
	sum.last = max(sum.last, k.Bucket+Instant(width))
	sum.from.add(f.From)
	sum.to.add(f.To)
}

// Evidence adds n to the count of sub in the hours that the window touches, in
// all environments. Only OfAlias and OfSpans are evidence.
func (b *Builder) Evidence(sub Subject, n int64) {
	switch {
	case n <= 0:
	case sub.Of == OfSpans:
		b.known(sub.From)
	case sub.Of == OfAlias:
		a, seen := b.aliases[sub.Detail]
		if seen && a.service != sub.To {
			a.ambiguous = true
		}
		a.service = sub.To
		b.aliases[sub.Detail] = a
	}
}

func (b *Builder) known(service NodeRef) {
	if _, ok := b.services[service]; ok {
		return
	}
	b.services[service] = struct{}{}
	b.byName[service.Name] = append(b.byName[service.Name], service)
}

// Resolve returns the node that ref stands for on an edge whose other end is
// other. Refs that need no resolution are returned as they are.
func (b *Builder) Resolve(ref, other NodeRef) NodeRef {
	switch ref.Kind {
	case Address:
		if a, ok := b.aliases[ref.Name]; ok && !a.ambiguous {
			return a.service
		}
		return NodeRef{Kind: External, Name: ref.Name}
	case PeerName:
		return b.peer(ref, other)
	}
	return ref
}

// peer resolves a name by rule A2.
func (b *Builder) peer(ref, other NodeRef) NodeRef {
	tries := []string{ref.Namespace}
	if ref.Namespace == "" {
		tries = []string{other.Namespace, ""}
	}
	for _, ns := range tries {
		s := NodeRef{Kind: Service, Namespace: ns, Name: ref.Name}
		if _, ok := b.services[s]; ok {
			return s
		}
	}
	if all := b.byName[ref.Name]; ref.Namespace == "" && len(all) == 1 {
		return all[0]
	}
	return NodeRef{Kind: External, Namespace: ref.Namespace, Name: ref.Name}
}

// Graph returns the graph of what was added. Bounds and resolution are those in
// force.
func (b *Builder) Graph(from, to Instant, resolution time.Duration) *Graph {
	ids := b.ids()
	nodes := make(map[NodeRef]*nodeSum)
	edges := make(map[edgeKey]*Edge)
	for h, sum := range b.sums {
		sub := h.Value()
		if sum.stats.Calls == 0 {
			continue
		}
		if sub.Of == OfSpans {
			nodeOf(nodes, sub.From).own(sum)
			continue
		}
		k := edgeKey{b.Resolve(sub.From, sub.To), b.Resolve(sub.To, sub.From), sub.Kind}
		nodeOf(nodes, k.from).call(sum, sum.from, sum.to)
		nodeOf(nodes, k.to).call(sum, sum.to, sum.from)
		e := edges[k]
		if e == nil {
			e = &Edge{From: ids[k.from], To: ids[k.to], Kind: k.kind, First: sum.first}
			edges[k] = e
		}
		e.Stats.Add(&sum.stats)
		e.First, e.Last = min(e.First, sum.first), max(e.Last, sum.last)
	}
	g := &Graph{From: from, To: to, Resolution: resolution}
	for ref, n := range nodes {
		g.Nodes = append(g.Nodes, n.node(ids[ref], ref))
	}
	for _, e := range edges {
		g.Edges = append(g.Edges, *e)
	}
	g.sort()
	return b.filter.Apply(g)
}

type edgeKey struct {
	from, to NodeRef
	kind     EdgeKind
}

func (g *Graph) sort() {
	slices.SortFunc(g.Nodes, func(a, b Node) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(g.Edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
	})
}

// ids gives every node of the window its printed name. It looks at the
// unfiltered window, so that a filter renames nothing.
func (b *Builder) ids() map[NodeRef]string {
	refs := maps.Clone(b.refs)
	for ends := range b.edges {
		refs[b.Resolve(ends[0], ends[1])] = struct{}{}
		refs[b.Resolve(ends[1], ends[0])] = struct{}{}
	}
	prints := make(map[string]int, len(refs))
	for ref := range refs {
		prints[ref.Print()]++
	}
	ids := make(map[NodeRef]string, len(refs))
	for ref := range refs {
		id := ref.Print()
		if prints[id] > 1 && ref.Kind != Service {
			for prints[id] > 0 { // a service may be named "database:x" itself
				id = ref.Kind.String() + ":" + id
			}
		}
		ids[ref] = id
	}
	return ids
}

// nodeSum gathers what makes a Node.
type nodeSum struct {
	spans       int64
	first, last Instant
	spanFacets  facetSet // of its own spans
	callFacets  facetSet // of its side of its calls, else of the far side
}

func nodeOf(nodes map[NodeRef]*nodeSum, ref NodeRef) *nodeSum {
	n := nodes[ref]
	if n == nil {
		n = new(nodeSum)
		nodes[ref] = n
	}
	return n
}

func (n *nodeSum) own(s *windowSum) {
	n.spans += s.stats.Calls
	n.spanFacets.merge(s.from)
	n.seen(s)
}

func (n *nodeSum) call(s *windowSum, near, far facetSet) {
	if len(near.environments) == 0 {
		near = facetSet{environments: far.environments}
	}
	n.callFacets.merge(near)
	n.seen(s)
}

func (n *nodeSum) seen(s *windowSum) {
	if n.last == 0 || s.first < n.first {
		n.first = s.first
	}
	n.last = max(n.last, s.last)
}

func (n *nodeSum) node(id string, ref NodeRef) Node {
	facets := n.spanFacets
	if n.spans == 0 {
		facets = n.callFacets
	}
	return Node{
		ID:           id,
		Kind:         ref.Kind,
		Namespace:    ref.Namespace,
		Name:         ref.Name,
		Environments: slices.Sorted(maps.Keys(facets.environments)),
		Teams:        slices.Sorted(maps.Keys(facets.teams)),
		Spans:        n.spans,
		First:        n.first,
		Last:         n.last,
	}
}

func (f *facetSet) add(facet Facet) {
	for e := range facet.EachEnvironment() {
		insert(&f.environments, e)
	}
	if facet.Team != "" {
		insert(&f.teams, facet.Team)
	}
}

func (f *facetSet) merge(o facetSet) {
	for e := range o.environments {
		insert(&f.environments, e)
	}
	for t := range o.teams {
		insert(&f.teams, t)
	}
}

func insert(set *map[string]struct{}, s string) {
	if *set == nil {
		*set = make(map[string]struct{})
	}
	(*set)[s] = struct{}{}
}
