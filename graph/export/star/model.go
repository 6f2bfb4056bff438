package star

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"graphctl/graph"
)

// A service is a node as the star sees it. Indices into fleet.services are in
// the order of compareNames.
type service struct {
	id, namespace, label string
	kind                 graph.NodeKind
	group                int     // into fleet.groups
	rate, out            float64 // calls a second into it, and out of it
	errors               float64 // failed share of the calls into it
	traffic              float64 // what size and rank follow: rate plus outShare of out
	bucket               int     // logarithm of traffic
}

// A call is an edge between two services of the fleet.
type call struct {
	from, to int
	kind     graph.EdgeKind
	rate     float64 // a second
	errors   float64 // failed share
}

// A group is an arc of the ring: the services of a namespace, or the far sides
// of one kind.
type group struct {
	name   string
	parent int            // groups with one number stand together and share a hue
	kind   graph.NodeKind // of far sides, else graph.Service
	hue    int            // into hues
	count  int
	rate   float64 // calls a second into its services
	errors float64 // failed share of them
}

// A fleet is a graph read for drawing.
type fleet struct {
	services []service
	calls    []call
	groups   []group
	total    float64 // calls a second
	errors   float64 // failed share of them
}

const (
	// outShare is how much of a call counts for the traffic of its caller.
	outShare = 0.4
	// quiet is the bucket of no traffic, and bucketWidth the width of all
	// others, in powers of two.
	quiet       = -20
	bucketWidth = 1.5
)

// newFleet reads g. Rates are over the window of g.
func newFleet(g *graph.Graph) *fleet {
	f := &fleet{}
	place := make(map[string]int, len(g.Nodes))
	for i := range g.Nodes {
		n := &g.Nodes[i]
		f.services = append(f.services, service{id: clean(n.ID), namespace: clean(n.Namespace), label: clean(n.Name), kind: n.Kind})
		place[n.ID] = i
	}
	order := sortedBy(len(f.services), func(a, b int) int {
		return cmp.Or(compareNames(f.services[a].id, f.services[b].id), cmp.Compare(g.Nodes[a].ID, g.Nodes[b].ID))
	})
	rank := make([]int, len(order))
	sorted := make([]service, len(order))
	for to, from := range order {
		sorted[to], rank[from] = f.services[from], to
	}
	f.services = sorted
	seconds := window(g).Seconds()
	for i := range g.Edges {
		e := &g.Edges[i]
		from, known := place[e.From]
		to, both := place[e.To]
		if !known || !both {
			continue
		}
		calls := float64(max(e.Stats.Calls, 0))
		c := call{from: rank[from], to: rank[to], kind: e.Kind, rate: calls / seconds}
		if calls > 0 {
			c.errors = min(max(float64(e.Stats.Errors)/calls, 0), 1)
		}
		f.calls = append(f.calls, c)
	}
	f.settle()
	return f
}

// settle computes what follows from services and calls.
func (f *fleet) settle() {
	slices.SortStableFunc(f.calls, func(a, b call) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.kind, b.kind))
	})
	failed := make([]float64, len(f.services))
	allFailed := 0.0
	for _, c := range f.calls {
		wrong := float64(c.rate * c.errors)
		f.services[c.to].rate += c.rate
		f.services[c.from].out += c.rate
		failed[c.to] += wrong
		f.total += c.rate
		allFailed += wrong
	}
	f.errors = share(allFailed, f.total)
	for i := range f.services {
		s := &f.services[i]
		s.errors = share(failed[i], s.rate)
		s.traffic = s.rate + float64(outShare*s.out)
		s.bucket = bucketOf(s.traffic)
	}
	f.groups = groupServices(f.services)
	wrong := make([]float64, len(f.groups))
	for i := range f.services {
		s := &f.services[i]
		f.groups[s.group].rate += s.flow()
		wrong[s.group] += failed[i]
	}
	for i := range f.groups {
		f.groups[i].errors = share(wrong[i], f.groups[i].rate)
	}
}

// flow is the calls a second by which a service is known: into it, or for a
// user out of it.
func (s *service) flow() float64 {
	if s.kind == graph.User {
		return s.out
	}
	return s.rate
}

func share(part, whole float64) float64 {
	if whole <= 0 {
		return 0
	}
	return part / whole
}

// window is the time that g covers; a second where g does not say.
func window(g *graph.Graph) time.Duration {
	if d := time.Duration(g.To - g.From); d > 0 {
		return d
	}
	return max(g.Resolution, time.Second)
}

func bucketOf(traffic float64) int {
	if traffic <= 0 {
		return quiet
	}
	return max(quiet, int(math.Floor(math.Log2(traffic)/bucketWidth+0.5)))
}

// compareNames orders names by UTF-16 code units, as browsers do.
func compareNames(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x != y {
			return cmp.Compare(unitOf(x), unitOf(y))
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// unitOf is a number that orders runes by their first code unit, then by value:
// surrogates lie below what follows them in the basic plane.
func unitOf(r rune) int {
	if r >= 0xe000 && r <= 0xffff {
		return int(r) + utf8.MaxRune
	}
	return int(r)
}

// clean returns s as one line of text that XML can hold.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r == '\uFFFE' || r == '\uFFFF' {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// sortedBy returns 0 to n−1 in the order of compare; equal ones keep theirs.
func sortedBy(n int, compare func(a, b int) int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, compare)
	return order
}
