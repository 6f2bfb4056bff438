package graph

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func service(id string) NodeRef {
	ns, name, ok := strings.Cut(id, "/")
	if !ok {
		ns, name = "", id
	}
	return NodeRef{Kind: Service, Namespace: ns, Name: name}
}

func peer(ns, name string) NodeRef { return NodeRef{Kind: PeerName, Namespace: ns, Name: name} }
func address(a string) NodeRef     { return NodeRef{Kind: Address, Name: a} }

func spansOf(n NodeRef) Subject { return Subject{Of: OfSpans, From: n, Detail: "paired"} }
func aliasOf(a string, n NodeRef) Subject {
	return Subject{Of: OfAlias, To: n, Detail: a}
}
func calls(from, to NodeRef) Subject { return Subject{Of: OfEdge, Kind: RPC, From: from, To: to} }

func key(bucket Instant, s Subject, f Facets) Key {
	return Key{Bucket: bucket, Subject: s.ID(), Facets: f.ID()}
}

func env(from, to string) Facets {
	return Facets{From: Facet{Environments: from}, To: Facet{Environments: to}}
}

// add adds n calls of s in the bucket.
func add(b *Builder, bucket Instant, s Subject, f Facets, n int64) {
	b.Cell(key(bucket, s, f), &Stats{Calls: n}, Fine)
}

// show prints a graph as "id(kind) …; from->to kind calls …".
func show(g *Graph) string {
	var out []string
	for _, n := range g.Nodes {
		out = append(out, fmt.Sprintf("%s(%s)", n.ID, n.Kind))
	}
	for _, e := range g.Edges {
		out = append(out, fmt.Sprintf("%s->%s:%d", e.From, e.To, e.Stats.Calls))
	}
	return strings.Join(out, " ")
}

// An address is the service that all answered calls to it reached; with two, or
// without evidence, it is a node of its own.
func TestBuilderResolvesAddresses(t *testing.T) {
	web, cart, pay := service("shop/web"), service("shop/cart"), service("shop/pay")
	for _, c := range []struct {
		name     string
		evidence []Subject
		want     string
	}{
		{"none", nil, "cart:80(external) shop/web(service) shop/web->cart:80:3"},
		{"one", []Subject{aliasOf("cart:80", cart)}, "shop/cart(service) shop/web(service) shop/web->shop/cart:3"},
		{"two", []Subject{aliasOf("cart:80", cart), aliasOf("cart:80", pay)}, "cart:80(external) shop/web(service) shop/web->cart:80:3"},
		{"other address", []Subject{aliasOf("cart:81", cart)}, "cart:80(external) shop/web(service) shop/web->cart:80:3"},
	} {
		b := NewBuilder(Filter{})
		add(b, 0, calls(web, address("cart:80")), Facets{}, 3)
		for _, s := range c.evidence {
			b.Evidence(s, 1)
		}
		if got := show(b.Graph(0, 10, Fine)); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

// Evidence whose count fell back to zero is none.
func TestBuilderEvidenceGoes(t *testing.T) {
	b := NewBuilder(Filter{})
	add(b, 0, calls(service("web"), address("cart")), Facets{}, 1)
	b.Evidence(aliasOf("cart", service("cart")), 0)
	want := "cart(external) web(service) web->cart:1"
	if got := show(b.Graph(0, 10, Fine)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A peer's name is looked for where it was given, else with the caller, else
// without namespace, else anywhere if it is unique.
func TestBuilderResolvesPeers(t *testing.T) {
	for _, c := range []struct {
		name  string
		known []string
		peer  NodeRef
		want  string
	}{
		{"given namespace", []string{"a/x", "b/x", "x"}, peer("b", "x"), "b/x"},
		{"given namespace unknown", []string{"a/x", "x"}, peer("b", "x"), "b/x(external)"},
		{"caller's namespace", []string{"a/x", "b/x", "x"}, peer("", "x"), "a/x"},
		{"no namespace", []string{"c/x", "b/x", "x"}, peer("", "x"), "x"},
		{"only one", []string{"b/x"}, peer("", "x"), "b/x"},
		{"ambiguous", []string{"b/x", "c/x"}, peer("", "x"), "x(external)"},
		{"unknown", nil, peer("", "x"), "x(external)"},
	} {
		b := NewBuilder(Filter{})
		add(b, 0, calls(service("a/web"), c.peer), Facets{}, 1)
		for _, k := range c.known {
			b.Evidence(spansOf(service(k)), 1)
		}
		g := b.Graph(0, 10, Fine)
		got := g.Edges[0].To
		if n, _ := g.Node(got); n.Kind != Service {
			got += "(" + n.Kind.String() + ")"
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// A peer that calls is resolved seen from the callee, and its calls join those
// that were recorded under the service's own name.
func TestBuilderMergesResolvedEdges(t *testing.T) {
	b := NewBuilder(Filter{})
	add(b, 0, calls(peer("", "web"), service("a/api")), Facets{}, 2)
	add(b, 10, calls(service("a/web"), service("a/api")), Facets{}, 3)
	b.Evidence(spansOf(service("a/web")), 1)
	want := "a/api(service) a/web(service) a/web->a/api:5"
	if got := show(b.Graph(0, 20, Fine)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Nodes of one printed name are told apart by kind; a service keeps its name.
func TestBuilderTellsNamesakesApart(t *testing.T) {
	b := NewBuilder(Filter{})
	web := service("web")
	for i, k := range []NodeKind{Service, Database, Messaging, External} {
		add(b, 0, calls(web, NodeRef{Kind: k, Name: "kafka"}), Facets{}, int64(i+1))
	}
	add(b, 0, calls(web, service("database:kafka")), Facets{}, 9)
	g := b.Graph(0, 10, Fine)
	var ids []string
	for _, n := range g.Nodes {
		ids = append(ids, n.ID)
	}
	want := []string{"database:database:kafka", "database:kafka", "external:kafka", "kafka", "messaging:kafka", "web"}
	if !slices.Equal(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
}

// No two services print alike, whatever their names hold.
func TestPrintIsInjectiveForServices(t *testing.T) {
	parts := []string{"", "a", "a/b", "b", "a%2Fb", "%", "/"}
	seen := map[string]NodeRef{}
	for _, ns := range parts {
		for _, name := range parts {
			n := NodeRef{Kind: Service, Namespace: ns, Name: name}
			if o, dup := seen[n.Print()]; dup && name != "" && o.Name != "" {
				t.Errorf("%+v and %+v both print %q", n, o, n.Print())
			}
			seen[n.Print()] = n
		}
	}
}

// The view of an environment holds edges with a half there and services with a
// span there, resolved by evidence of all environments.
func TestBuilderEnvironment(t *testing.T) {
	build := func(e string) string {
		b := NewBuilder(Filter{Environment: e})
		web, api, job := service("web"), service("api"), service("job")
		add(b, 0, calls(web, api), env("prod", "prod"), 1)
		add(b, 0, calls(web, api), env("prod", "stage\x00test"), 10)
		add(b, 0, calls(web, address("x")), env("stage", ""), 100)
		add(b, 0, spansOf(job), env("test", ""), 1)
		b.Evidence(aliasOf("x", job), 1)
		return show(b.Graph(0, 10, Fine))
	}
	for e, want := range map[string]string{
		"":      "api(service) job(service) web(service) web->api:11 web->job:100",
		"prod":  "api(service) web(service) web->api:11",
		"stage": "api(service) job(service) web(service) web->api:10 web->job:100",
		"test":  "api(service) job(service) web(service) web->api:10",
		"none":  "",
	} {
		if got := build(e); got != want {
			t.Errorf("environment %q:\n got %s\nwant %s", e, got, want)
		}
	}
}

// First and last seen are the bounds of the buckets that hold something.
func TestBuilderSeen(t *testing.T) {
	b := NewBuilder(Filter{})
	ten := Instant(10 * time.Second)
	add(b, 3*ten, calls(service("a"), service("b")), Facets{}, 1)
	add(b, 5*ten, calls(service("a"), service("b")), Facets{}, 1)
	add(b, 1*ten, spansOf(service("a")), Facets{}, 1)
	g := b.Graph(0, 10*ten, Fine)
	a, _ := g.Node("a")
	if e := g.Edges[0]; e.First != 3*ten || e.Last != 6*ten || a.First != ten || a.Last != 6*ten {
		t.Errorf("edge %d..%d, node %d..%d", e.First/ten, e.Last/ten, a.First/ten, a.Last/ten)
	}
}

func TestFilters(t *testing.T) {
	build := func(f Filter) string {
		b := NewBuilder(f)
		for _, e := range []string{"u>x/a", "x/a>x/b", "x/b>y/c", "y/c>y/d", "y/d>x/a"} {
			from, to, _ := strings.Cut(e, ">")
			add(b, 0, calls(service(from), service(to)), Facets{}, 1)
		}
		link := calls(service("y/c"), service("x/a"))
		link.Kind = Link
		add(b, 0, link, Facets{}, 7)
		add(b, 0, spansOf(service("x/lonely")), Facets{}, 1)
		g := b.Graph(0, 10, Fine)
		var out []string
		for _, n := range g.Nodes {
			out = append(out, n.ID)
		}
		return fmt.Sprint(out, len(g.Edges))
	}
	for _, c := range []struct {
		f    Filter
		want string
	}{
		{Filter{}, "[u x/a x/b x/lonely y/c y/d] 6"},
		{Filter{Namespace: "x"}, "[u x/a x/b x/lonely y/c y/d] 5"},
		{Filter{Kind: Link}, "[x/a y/c] 1"},
		{Filter{Focus: "x/a"}, "[u x/a x/b y/c y/d] 6"},
		{Filter{Focus: "x/a", Direction: Up}, "[u x/a y/c y/d] 4"},
		{Filter{Focus: "x/a", Direction: Down}, "[x/a x/b] 1"},
		{Filter{Focus: "x/a", Hops: 2, Direction: Down}, "[x/a x/b y/c] 3"},
		{Filter{Focus: "x/a", Hops: 99, Direction: Down}, "[x/a x/b y/c y/d] 5"},
		{Filter{Focus: "x/lonely"}, "[x/lonely] 0"},
		{Filter{Focus: "nobody"}, "[] 0"},
	} {
		if got := build(c.f); got != c.want {
			t.Errorf("%+v: got %s, want %s", c.f, got, c.want)
		}
	}
}
