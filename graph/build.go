package graph

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// A Builder makes a Graph from the cells of a window and the evidence of the
// hours it touches. It resolves what one trace cannot know: which service
// answers at an address (rule A1) and whether a peer's name is a service (A2).
//
// Use: NewBuilder, then Cell and Evidence in any order, then Graph once.
type Builder struct {
	filter   Filter
	sums     map[SubjectID]*windowSum // edges and spans by subject, environment-filtered
	refs     map[NodeRef]struct{}     // every service with spans, unfiltered
	hidden   map[SubjectID]struct{}   // edges that the environment may leave out of sums
	services map[NodeRef]struct{}     // services with evidence, or spans in the window
	byName   map[string][]NodeRef     // the same by name
	aliases  map[string]alias         // address → who answers there
}

// windowSum is what the window holds of one subject.
type windowSum struct {
	stats       Stats
	first, last Instant
	facets      FacetsID // of the last cell
	from, to    facetSet
}

// alias is the evidence about one address.
type alias struct {
	service   NodeRef
	ambiguous bool
}

// A facetSet holds names in order.
type facetSet struct {
	environments, teams []string
}

// NewBuilder returns a builder of the part of the graph that f selects.
func NewBuilder(f Filter) *Builder {
	return &Builder{
		filter:   f,
		sums:     make(map[SubjectID]*windowSum),
		refs:     make(map[NodeRef]struct{}),
		hidden:   make(map[SubjectID]struct{}),
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
	case sub.Of != OfEdge:
		return
	}
	if e := b.filter.Environment; e != "" {
		if f := k.Facets.Value(); !f.From.In(e) && !f.To.In(e) {
			if sub.Of == OfEdge {
				b.hidden[k.Subject] = struct{}{}
			}
			return
		}
	}
	sum := b.sums[k.Subject]
	if sum == nil {
		sum = &windowSum{first: k.Bucket}
		b.sums[k.Subject] = sum
	}
	sum.stats.Add(s)
	sum.first = min(sum.first, k.Bucket)
	sum.last = max(sum.last, k.Bucket+Instant(width))
	if sum.facets != k.Facets {
		sum.facets = k.Facets
		f := k.Facets.Value()
		sum.from.add(f.From)
		sum.to.add(f.To)
	}
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

// Graph returns the graph of what was added, and takes over what b holds. Bounds
// and resolution are those in force.
func (b *Builder) Graph(from, to Instant, resolution time.Duration) *Graph {
	nodes := nodeSums{of: make(map[NodeRef]int32, len(b.refs))}
	edges := make(map[edgeKey]int32, len(b.sums))
	g := &Graph{From: from, To: to, Resolution: resolution}
	keys := make([]edgeKey, 0, len(b.sums)) // of g.Edges
	for h, sum := range b.sums {
		if sum.stats.Calls == 0 {
			continue
		}
		sub := h.Value()
		if sub.Of == OfSpans {
			nodes.list[nodes.index(sub.From)].own(sum)
			continue
		}
		k := edgeKey{nodes.index(b.Resolve(sub.From, sub.To)), nodes.index(b.Resolve(sub.To, sub.From)), sub.Kind}
		nodes.list[k.from].call(sum, sum.from, sum.to)
		nodes.list[k.to].call(sum, sum.to, sum.from)
		i, ok := edges[k]
		if !ok {
			edges[k] = int32(len(keys))
			keys = append(keys, k)
			g.Edges = append(g.Edges, Edge{Kind: k.kind, Stats: sum.stats, First: sum.first, Last: sum.last})
			continue
		}
		e := &g.Edges[i]
		e.Stats.Add(&sum.stats)
		e.First, e.Last = min(e.First, sum.first), max(e.Last, sum.last)
	}
	ids := b.ids()
	for i := range nodes.list {
		n := &nodes.list[i]
		g.Nodes = append(g.Nodes, n.node(ids[n.ref], n.ref))
	}
	for i, k := range keys {
		g.Edges[i].From, g.Edges[i].To = g.Nodes[k.from].ID, g.Nodes[k.to].ID
	}
	g.sort(keys)
	return b.filter.Apply(g)
}

// An edgeKey names an edge by the positions of its ends.
type edgeKey struct {
	from, to int32
	kind     EdgeKind
}

// sort sorts nodes and edges. Edges are compared by the ranks of their nodes,
// which keys hold the positions of: that is the order of their ids.
func (g *Graph) sort(keys []edgeKey) {
	order := make([]int32, len(g.Nodes)) // positions by id
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(g.Nodes[a].ID, g.Nodes[b].ID) })
	ranks := make([]int32, len(order))
	nodes := make([]Node, len(order))
	for rank, i := range order {
		ranks[i], nodes[rank] = int32(rank), g.Nodes[i]
	}
	sorted := make([]int32, len(keys))
	for i := range sorted {
		sorted[i] = int32(i)
	}
	slices.SortFunc(sorted, func(a, b int32) int {
		x, y := keys[a], keys[b]
		return cmp.Or(cmp.Compare(ranks[x.from], ranks[y.from]), cmp.Compare(ranks[x.to], ranks[y.to]), cmp.Compare(x.kind, y.kind))
	})
	edges := make([]Edge, len(keys))
	for rank, i := range sorted {
		edges[rank] = g.Edges[i]
	}
	if len(nodes) > 0 {
		g.Nodes = nodes
	}
	if len(edges) > 0 {
		g.Edges = edges
	}
}

// ids gives every node of the window its printed name. It looks at the
// unfiltered window, so that a filter renames nothing.
func (b *Builder) ids() map[NodeRef]string {
	refs := maps.Clone(b.refs)
	ends := func(h SubjectID) {
		if sub := h.Value(); sub.Of == OfEdge {
			refs[b.Resolve(sub.From, sub.To)] = struct{}{}
			refs[b.Resolve(sub.To, sub.From)] = struct{}{}
		}
	}
	for h := range b.sums {
		ends(h)
	}
	for h := range b.hidden {
		ends(h)
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
	ref         NodeRef
	spans       int64
	first, last Instant
	spanFacets  facetSet // of its own spans
	callFacets  facetSet // of its side of its calls, else of the far side
}

// nodeSums are the nodes of a graph, each at one position.
type nodeSums struct {
	of   map[NodeRef]int32
	list []nodeSum
}

func (s *nodeSums) index(ref NodeRef) int32 {
	i, ok := s.of[ref]
	if !ok {
		i = int32(len(s.list))
		s.of[ref] = i
		s.list = append(s.list, nodeSum{ref: ref})
	}
	return i
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
		Environments: facets.environments,
		Teams:        facets.teams,
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
	for _, e := range o.environments {
		insert(&f.environments, e)
	}
	for _, t := range o.teams {
		insert(&f.teams, t)
	}
}

// insert adds s to a sorted list that does not hold it.
func insert(list *[]string, s string) {
	if i, ok := slices.BinarySearch(*list, s); !ok {
		*list = slices.Insert(*list, i, s)
	}
}
