package star

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"graphctl/graph"
)

// start of the window of all fixtures: 2026-01-01T10:00:00Z. It is 1000 s long,
// so that rates are decimals.
const (
	start  = graph.Instant(1767261600_000000000)
	length = 1000 * time.Second
)

// A builder makes graphs.
type builder struct{ g *graph.Graph }

func newBuilder() *builder {
	return &builder{&graph.Graph{From: start, To: start + graph.Instant(length), Resolution: time.Minute}}
}

func (b *builder) node(kind graph.NodeKind, namespace, name string) string {
	n := graph.Node{Kind: kind, Namespace: namespace, Name: name, First: b.g.From, Last: b.g.To}
	n.ID = graph.NodeRef{Kind: kind, Namespace: namespace, Name: name}.Print()
	b.g.Nodes = append(b.g.Nodes, n)
	return n.ID
}

func (b *builder) edge(from, to string, kind graph.EdgeKind, calls, errors int64) {
	e := graph.Edge{From: from, To: to, Kind: kind, First: b.g.From, Last: b.g.To}
	e.Stats.Calls, e.Stats.Errors = calls, errors
	b.g.Edges = append(b.g.Edges, e)
}

// graph returns the graph sorted as a store would.
func (b *builder) graph() *graph.Graph {
	slices.SortFunc(b.g.Nodes, func(x, y graph.Node) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(b.g.Edges, func(x, y graph.Edge) int {
		return cmp.Or(cmp.Compare(x.From, y.From), cmp.Compare(x.To, y.To), cmp.Compare(x.Kind, y.Kind))
	})
	return b.g
}

// pair is the smallest graph with a call.
func pair() *graph.Graph {
	b := newBuilder()
	b.edge(b.node(graph.Service, "shop", "web"), b.node(graph.Service, "shop", "cart"), graph.RPC, 42_000, 300)
	return b.graph()
}

// company is a small fleet with every kind of node, a failing payment provider
// and a service that calls itself.
func company() *graph.Graph {
	b := newBuilder()
	user := b.node(graph.User, "", "user")
	id := map[string]string{}
	for _, n := range []string{"driver-web", "passenger-web", "api-gateway", "driver-management", "passenger-management", "trip-management", "dispatch", "maps", "notifications", "billing", "payment", "fraud"} {
		namespace := "rides"
		if n == "billing" || n == "payment" || n == "fraud" {
			namespace = "money"
		}
		id[n] = b.node(graph.Service, namespace, n)
	}
	trips := b.node(graph.Database, "", "trips")
	passengers := b.node(graph.Database, "", "passengers")
	locations := b.node(graph.Database, "", "driver-locations.rides.internal")
	ledger := b.node(graph.Database, "", "ledger")
	events := b.node(graph.Messaging, "", "kafka:trip.events")
	psp := b.node(graph.External, "", "api.payments.example")
	for _, e := range []struct {
		from, to      string
		kind          graph.EdgeKind
		calls, errors int64
	}{
		{user, id["driver-web"], graph.RPC, 11_000, 40}, {user, id["passenger-web"], graph.RPC, 10_400, 22},
		{id["driver-web"], id["api-gateway"], graph.RPC, 11_000, 40}, {id["passenger-web"], id["api-gateway"], graph.RPC, 13_000, 22},
		{id["api-gateway"], id["driver-management"], graph.RPC, 16_000, 9}, {id["api-gateway"], id["passenger-management"], graph.RPC, 22_000, 0},
		{id["api-gateway"], id["trip-management"], graph.RPC, 15_000, 130}, {id["driver-management"], locations, graph.DatabaseCall, 17_000, 0},
		{id["passenger-management"], passengers, graph.DatabaseCall, 19_000, 0}, {id["trip-management"], trips, graph.DatabaseCall, 8_100, 4},
		{id["trip-management"], id["dispatch"], graph.RPC, 3_300, 110}, {id["dispatch"], locations, graph.DatabaseCall, 900, 0},
		{id["trip-management"], id["maps"], graph.RPC, 12_000, 60}, {id["dispatch"], id["maps"], graph.RPC, 1_900, 0},
		{id["trip-management"], events, graph.Message, 6_300, 0}, {events, id["billing"], graph.Message, 6_300, 2_950},
		{events, id["notifications"], graph.Message, 6_300, 0}, {id["billing"], ledger, graph.DatabaseCall, 5_100, 0},
		{id["billing"], id["payment"], graph.RPC, 3_100, 120}, {id["payment"], psp, graph.RPC, 7_400, 1_900},
		{id["payment"], id["fraud"], graph.RPC, 6_400, 30}, {id["maps"], id["maps"], graph.RPC, 700, 0},
		{id["notifications"], id["passenger-management"], graph.RPC, 2_100, 0},
	} {
		b.edge(e.from, e.to, e.kind, e.calls, e.errors)
	}
	return b.graph()
}

// divisions are the parents of the teams of large fleets.
var divisions = []struct {
	name  string
	teams []string
}{
	{"commerce", []string{"checkout", "cart", "payments", "pricing", "promotions", "orders", "tax"}},
	{"catalog", []string{"products", "search", "recommend", "reviews", "media"}},
	{"logistics", []string{"shipping", "warehouse", "routing", "couriers", "returns"}},
	{"people", []string{"identity", "profile", "loyalty", "support", "notify"}},
	{"growth", []string{"ads", "campaigns", "experiments", "affiliates"}},
	{"data", []string{"events", "etl", "features", "serving", "analytics"}},
	{"platform", []string{"gateway", "mesh", "config", "secrets", "storage", "messaging"}},
	{"risk", []string{"fraud", "compliance", "ledger"}},
}

var words = []string{"api", "worker", "sync", "cache", "router", "writer", "reader", "index", "scheduler", "proxy", "rules", "audit", "feed", "query", "planner", "adapter", "webhook", "batch", "relay", "sessions", "tokens", "rank", "quote", "export"}

// large is a made-up fleet: services in teams of different sizes, calls mostly
// within a team, to befriended teams and to the platform, with few that are
// very busy and a few services that fail. At most 40 teams. Nothing depends on
// more than the numbers given.
func large(services, calls, teams int) *graph.Graph {
	b := newBuilder()
	random := rand.New(rand.NewPCG(uint64(services), 7))
	// skewed is at least 1 and rarely large.
	skewed := func(power float64) float64 { return math.Pow(1-random.Float64()*0.999, -power) }
	var ids []string
	var members [][]int
	for round := range 7 { // no division has more teams
		for _, division := range divisions {
			if round < len(division.teams) && len(members) < teams {
				members = append(members, nil)
				size := max(1, int(float64(services)/float64(teams)*(0.25+1.5*random.Float64())))
				if len(members) == teams {
					size = services - len(ids)
				}
				team := division.teams[round]
				for k := 0; k < size && len(ids) < services; k++ {
					name := team + "-" + words[(k*7+round*3)%len(words)]
					if k >= len(words) {
						name = fmt.Sprintf("%s-%d", name, k/len(words)+1)
					}
					members[len(members)-1] = append(members[len(members)-1], len(ids))
					ids = append(ids, b.node(graph.Service, division.name+"."+team, name))
				}
			}
		}
	}
	members = slices.DeleteFunc(members, func(m []int) bool { return len(m) == 0 })
	c := connector{builder: b, ids: ids, members: members, random: random}
	c.connect(calls, skewed)
	return b.graph()
}

type connector struct {
	*builder
	ids     []string
	members [][]int
	random  *rand.Rand
}

func (c *connector) connect(calls int, skewed func(float64) float64) {
	attract := make([]float64, len(c.ids))
	sick := make([]float64, len(c.ids))
	for i := range attract {
		attract[i] = skewed(0.62)
	}
	for range max(2, len(c.ids)/300) {
		sick[c.random.IntN(len(c.ids))] = 0.03 + 0.4*c.random.Float64()*c.random.Float64()
	}
	pick := func(list []int) int {
		sum := 0.0
		for _, i := range list {
			sum += attract[i]
		}
		x := c.random.Float64() * sum
		for _, i := range list {
			if x -= attract[i]; x < 0 {
				return i
			}
		}
		return list[len(list)-1]
	}
	seen := map[[2]int]bool{}
	for len(seen) < calls {
		team := c.random.IntN(len(c.members))
		from := c.members[team][c.random.IntN(len(c.members[team]))]
		if len(seen) < len(c.ids) {
			from = len(seen)
			team = slices.IndexFunc(c.members, func(m []int) bool { return slices.Contains(m, from) })
		}
		target := team
		switch u := c.random.Float64(); {
		case u < 0.4:
		case u < 0.7:
			target = (team + 7*c.random.IntN(4)) % len(c.members)
		case u < 0.93:
			if i := 6 + 8*c.random.IntN(4); i < len(c.members) { // the platform
				target = i
			}
		default:
			target = c.random.IntN(len(c.members))
		}
		to := pick(c.members[target])
		if from == to || seen[[2]int{from, to}] {
			if len(seen) < len(c.ids) {
				attract[to] *= 0.99
			}
			continue
		}
		seen[[2]int{from, to}] = true
		u := c.random.Float64() + c.random.Float64() + c.random.Float64() - 1.5
		n := int64(math.Exp(u*2.6) * 12000 * math.Sqrt(attract[to]))
		c.edge(c.ids[from], c.ids[to], graph.RPC, n, int64(float64(n)*(sick[to]+0.001*c.random.Float64())))
	}
}
