package infer_test

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

// A traceDifference is an edge on which the rules of this program and those of
// the script that made the expected tables disagree, and why.
type traceDifference struct {
	file, from, to string
	theirs, ours   string // calls/errors; "" for no such edge
	rule, why      string
}

// traceDifferences are all differences, in the order of files and edges.
var traceDifferences = []traceDifference{
	{"zipkin-messaging", "frontend", "backend", "1/0", "", "M1",
		"a message goes through its destination, with no direct edge beside it"},
	{"zipkin-messaging", "frontend", "rabbitmq", "", "1/0", "M1, M2",
		"the producer names its broker as the peer: one message published"},
	{"zipkin-messaging", "rabbitmq", "backend", "", "1/0", "M1, M2",
		"the consumer names its broker as the peer: one message consumed"},
	{"zipkin-messaging2", "rabbitmq", "notification-service", "", "1/0", "M1, M2",
		"a consumer whose parent is missing still consumed from the broker that it names"},
	{"zipkin-smartthings-oauth-authorization", "bouncer", "pusher", "5/0", "1/0", "I3",
		"five server spans of one trace, id, kind and service are five deliveries of one span"},
	{"zipkin-smartthings-oauth-authorization", "datamgmt", "datamgmt", "24/0", "25/0", "P3, C3",
		"span b69b3db88ffa3212 is a server span whose parent's id has a server and a client half of datamgmt: the client half is its parent, so it is a self call like its 24 peers, whichever half is listed first"},
	{"zipkin-smartthings-oauth-authorization", "datamgmt", "stlogin", "2/0", "4/0", "P3, C1",
		"server spans fda7e30724d087a6 and 4d59559cb7d1753f have parents whose ids are shared by a client half of datamgmt and a server half of stlogin: the client half is their parent and has two IN spans each"},
	{"zipkin-smartthings-oauth-authorization", "pusher", "archiver.st.internal", "", "1/0", "U1",
		"a client span that nobody answered names its far side by URL; the script knows peer.service only"},
}

// The edges inferred from recorded traces equal those that an independent
// script counted, except where the rules differ.
func TestRealTraces(t *testing.T) {
	dir := filepath.Join(moduleRoot(t), "..", "shared", "traces")
	files, err := filepath.Glob(filepath.Join(dir, "otlp", "*.jsonl*"))
	if err != nil || len(files) == 0 {
		t.Skipf("no traces in ../shared/traces (%v): the comparison with recorded traces is skipped", err)
	}
	for _, f := range files {
		name, _, _ := strings.Cut(filepath.Base(f), ".jsonl")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[[2]string]string{}
			readEdges(t, filepath.Join(dir, "expected", name+".edges.csv"), 1, want)
			readEdges(t, filepath.Join(dir, "expected", name+".virtual.csv"), 2, want)
			g := replayFile(t, f)
			compareTraces(t, name, edgesOf(g), want)
			if name == "uber-crisp-graph-1call" {
				if nodes, edges := len(g.Nodes), len(g.Edges); nodes != 1238 || edges != 4271 {
					t.Errorf("%d services and %d edges, want 1238 and 4271", nodes, edges)
				}
			}
		})
	}
}

// compareTraces checks that got and want differ exactly where traceDifferences
// says so.
func compareTraces(t *testing.T, file string, got, want map[[2]string]string) {
	t.Helper()
	explained := map[[2]string]traceDifference{}
	for _, d := range traceDifferences {
		if d.file == file {
			explained[[2]string{d.from, d.to}] = d
		}
	}
	edges := map[[2]string]bool{}
	for _, m := range []map[[2]string]string{got, want} {
		for e := range m {
			edges[e] = true
		}
	}
	for e := range edges {
		d, ok := explained[e]
		switch {
		case !ok && got[e] == want[e]:
		case !ok:
			t.Errorf("%s -> %s: got %q, want %q", e[0], e[1], got[e], want[e])
		case got[e] != d.ours || want[e] != d.theirs || got[e] == want[e]:
			t.Errorf("%s -> %s: got %q, the table %q, but %q and %q are explained by rule %s: %s", e[0], e[1], got[e], want[e], d.ours, d.theirs, d.rule, d.why)
		}
		delete(explained, e)
	}
	for e, d := range explained {
		t.Errorf("%s -> %s: %q and %q are explained by rule %s, but neither has the edge", e[0], e[1], d.ours, d.theirs, d.rule)
	}
}

// readEdges reads a table of edges into want as calls/errors; to is the column
// of the far side. A missing file is an empty table. Rows of one pair of
// services but several kinds are added up.
func readEdges(t *testing.T, file string, to int, want map[[2]string]string) {
	t.Helper()
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	calls, errs := slices.Index(rows[0], "calls"), slices.Index(rows[0], "errors")
	sums := map[[2]string][2]int64{}
	for _, row := range rows[1:] {
		c, err1 := strconv.ParseInt(row[calls], 10, 64)
		e, err2 := strconv.ParseInt(row[errs], 10, 64)
		if err1 != nil || err2 != nil {
			t.Fatalf("%s: %v", file, row)
		}
		k := [2]string{row[0], row[to]}
		sums[k] = [2]int64{sums[k][0] + c, sums[k][1] + e}
	}
	for k, s := range sums {
		want[k] = fmt.Sprintf("%d/%d", s[0], s[1])
	}
}

// edgesOf adds up the edges of a graph over kinds; calls by the user, whom the
// tables do not know, are left out.
func edgesOf(g *graph.Graph) map[[2]string]string {
	sums := map[[2]string][2]int64{}
	for i := range g.Edges {
		e := &g.Edges[i]
		if n, _ := g.Node(e.From); n.Kind == graph.User {
			continue
		}
		k := [2]string{unescape(e.From), unescape(e.To)}
		sums[k] = [2]int64{sums[k][0] + e.Stats.Calls, sums[k][1] + e.Stats.Errors}
	}
	edges := map[[2]string]string{}
	for k, s := range sums {
		edges[k] = fmt.Sprintf("%d/%d", s[0], s[1])
	}
	return edges
}

func unescape(id string) string { return strings.ReplaceAll(id, "%2F", "/") }

// replayFile returns the graph of a file of export requests, one a line.
func replayFile(t *testing.T, file string) *graph.Graph {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var lines io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if lines, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	syms := collector.NewSymbols()
	engine := infer.New(infer.Options{Horizon: -1, MaxSpans: -1}, syms)
	read := otlpJSON(syms)
	in := bufio.NewScanner(lines)
	in.Buffer(nil, 64<<20)
	now := epoch
	for ; in.Scan(); now += int64(infer.Tick) {
		for _, s := range decodeAll(t, syms, read, in.Bytes()) {
			engine.Observe(now, &s.Span, s.links)
		}
		engine.Advance(now)
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	engine.SettleAll()
	store := memstore.New()
	if d := engine.Flush(); d != nil {
		if err := store.Apply(t.Context(), []graph.Batch{{Origin: graph.Origin{Epoch: 1}, Seq: 1, Delta: d}}); err != nil {
			t.Fatal(err)
		}
	}
	g, err := store.Read(t.Context(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
