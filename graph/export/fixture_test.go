package export

import (
	"cmp"
	"slices"
	"time"

	"graphctl/graph"
)

// start of the window of all fixtures: 2026-01-01T10:00:00Z.
const start = graph.Instant(1767261600_000000000)

// rides is a graph with every kind of node and edge, as a healthy user would
// have it; hostile is one whose names attack each format.
func rides() *graph.Graph {
	f := newFixture()
	for _, s := range []string{"edge/web", "edge/api-gateway", "riders/passengers", "riders/trips", "fleet/drivers", "fleet/dispatch", "money/billing", "money/payment"} {
		f.service(s)
	}
	f.service("notifications")
	f.node(graph.User, "user")
	f.node(graph.Database, "trips@postgres.internal")
	f.node(graph.Messaging, "kafka:trip.events")
	f.node(graph.External, "api.payments.example")
	f.edge("user", "edge/web", graph.RPC, 9200, 31, 0, 48)
	f.edge("edge/web", "edge/api-gateway", graph.RPC, 9100, 30, 40, 37)
	f.edge("edge/api-gateway", "riders/passengers", graph.RPC, 2400, 0, 9, 7)
	f.edge("edge/api-gateway", "riders/trips", graph.RPC, 6400, 120, 31, 28)
	f.edge("riders/trips", "trips@postgres.internal", graph.DatabaseCall, 18000, 0, 3, 0)
	f.edge("riders/trips", "fleet/dispatch", graph.RPC, 900, 72, 480, 470)
	f.edge("fleet/dispatch", "fleet/drivers", graph.RPC, 850, 0, 12, 11)
	f.edge("fleet/drivers", "fleet/drivers", graph.RPC, 4, 0, 2, 1)
	f.edge("riders/trips", "kafka:trip.events", graph.Message, 880, 0, 4, 0)
	f.edge("kafka:trip.events", "money/billing", graph.Message, 880, 0, 0, 22)
	f.edge("kafka:trip.events", "notifications", graph.Message, 880, 3, 0, 15)
	f.edge("money/billing", "money/payment", graph.RPC, 420, 40, 310, 300)
	f.edge("money/payment", "api.payments.example", graph.RPC, 420, 38, 290, 0)
	f.edge("fleet/drivers", "riders/trips", graph.Link, 17, 0, 0, 0)
	return f.graph()
}

// hostileNames are printed as they are: nothing in them may mean anything.
var hostileNames = []string{
	"", " ", `"`, `\`, `a\`, `a\\`, `\N\G\L`, "two\nlines", "two\r\nlines", "tab\there", "nul\x00", "esc\x1b[31m", "del\x7f",
	`<script>alert(1)</script>`, `<b>bold</b>`, "<<table>>", "&lt;i&gt;", "&#x3c;", "]]>", "-->", "<!--", "<?php", "%%{init: {}}%%",
	"=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'quoted'", "a,b", "a;b", "#quot;", "`**md**`", "end", "graph", "subgraph",
	`"]; evil [label="x`, `"} digraph {`, `n0["x"]`, "|pipe|", "{brace}", "日本語", "naïve", "🚕", "مرحبا", "\u202egnp.exe", "\u2028", "\ufeffbom", "\xff\xfe", "a\xc3",
}

func hostile() *graph.Graph {
	f := newFixture()
	for _, name := range hostileNames {
		f.add(graph.Node{ID: name, Name: name, Namespace: name, Kind: graph.Service})
	}
	for i, name := range hostileNames {
		f.edge(name, hostileNames[(i*7+1)%len(hostileNames)], graph.RPC, int64(i), int64(i/3), 5, 4)
	}
	return f.graph()
}

type fixture struct{ g *graph.Graph }

func newFixture() *fixture {
	end := start + graph.Instant(15*time.Minute)
	return &fixture{&graph.Graph{From: start, To: end, Resolution: time.Minute}}
}

func (f *fixture) add(n graph.Node) {
	n.First, n.Last = f.g.From, f.g.To
	f.g.Nodes = append(f.g.Nodes, n)
}

func (f *fixture) node(k graph.NodeKind, name string) {
	f.add(graph.Node{ID: name, Name: name, Kind: k, Environments: []string{"prod"}})
}

func (f *fixture) service(id string) {
	namespace, name := "", id
	if i := slices.Index([]byte(id), '/'); i >= 0 {
		namespace, name = id[:i], id[i+1:]
	}
	f.add(graph.Node{
		ID: id, Name: name, Namespace: namespace, Kind: graph.Service, Spans: 1000,
		Environments: []string{"prod", "staging"}, Teams: []string{"team " + namespace},
	})
}

// edge adds calls whose client and server side take about the milliseconds
// given; 0 is a side that nobody recorded. One call in eight takes four times
// as long.
func (f *fixture) edge(from, to string, k graph.EdgeKind, calls, errors int64, client, server time.Duration) {
	e := graph.Edge{From: from, To: to, Kind: k, First: f.g.From, Last: f.g.To - graph.Instant(time.Minute)}
	s := &e.Stats
	s.Calls, s.Errors, s.Estimated = calls, errors, calls*graph.WeightOne+calls/3
	slow := calls / 8
	if client > 0 {
		s.ClientErrors = errors
		s.ClientSum = int64(client)*(calls+3*slow)*int64(time.Millisecond) + 1
		s.Client.Add(client*time.Millisecond, calls-slow)
		s.Client.Add(4*client*time.Millisecond, slow)
	}
	if server > 0 {
		s.ServerErrors = errors
		s.ServerSum = int64(server) * (calls + 3*slow) * int64(time.Millisecond)
		s.Server.Add(server*time.Millisecond, calls-slow)
		s.Server.Add(4*server*time.Millisecond, slow)
	}
	if client > 0 && server > 0 {
		s.NetworkCount, s.NetworkSum = calls, s.ClientSum-s.ServerSum
	}
	f.g.Edges = append(f.g.Edges, e)
}

// graph returns the graph sorted as a store would.
func (f *fixture) graph() *graph.Graph {
	slices.SortFunc(f.g.Nodes, func(a, b graph.Node) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(f.g.Edges, func(a, b graph.Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), cmp.Compare(a.Kind, b.Kind))
	})
	return f.g
}
