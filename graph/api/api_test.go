package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/memstore"
)

// today is the time of the tests' clock; the calls are from its first bucket.
var today = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

func service(ns, name string) graph.NodeRef {
	return graph.NodeRef{Kind: graph.Service, Namespace: ns, Name: name}
}

// change counts calls of web on cart, and queries of cart on a database whose
// name is anything but harmless.
func change(calls int64) *graph.Delta {
	d := new(graph.Delta)
	put := func(s graph.Subject) *graph.Stats {
		return d.At(graph.Key{
			Bucket:  graph.InstantOf(today).Floor(graph.Fine),
			Subject: s.ID(),
			Facets:  graph.Facets{From: graph.Facet{Environments: "prod"}}.ID(),
		})
	}
	web, cart := service("shop", "web"), service("shop", "cart")
	st := put(graph.Subject{Of: graph.OfEdge, Kind: graph.RPC, From: web, To: cart})
	st.Calls, st.Errors, st.Estimated = calls, calls/2, calls*graph.WeightOne
	st.ServerSum = calls * int64(250*time.Millisecond)
	st.Server.Add(250*time.Millisecond, calls)
	put(graph.Subject{Of: graph.OfEdge, Kind: graph.DatabaseCall, From: cart, To: graph.NodeRef{Kind: graph.Database, Name: "\"<script>\\\n"}}).Calls = 1
	for _, n := range []graph.NodeRef{web, cart} {
		put(graph.Subject{Of: graph.OfSpans, From: n, Detail: "paired"}).Calls = calls
	}
	return d
}

func newStore(t *testing.T) *memstore.Store {
	t.Helper()
	s := memstore.New()
	if err := s.Apply(t.Context(), []graph.Batch{{Seq: 1, Delta: change(4)}}); err != nil {
		t.Fatal(err)
	}
	return s
}

func newTest(t *testing.T, source Source) http.Handler {
	t.Helper()
	return New(source, Options{
		Now: func() time.Time { return today.Add(time.Minute) },
		Status: func() Status {
			return Status{Version: "v", Accounting: Accounting{Received: 3, Buckets: []Bucket{{"paired", 3}}}}
		},
		Totals: func() Totals { return totalsOf(4) },
		Metrics: func() []Sample {
			return []Sample{{Name: "graph_store_bytes", Help: "Size.", Gauge: true, Value: 7}}
		},
	})
}

func do(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// Every question has its answer, and every mistake an error that names it.
func TestAnswers(t *testing.T) {
	h := newTest(t, newStore(t))
	for _, c := range []struct {
		target string
		status int
		want   string
	}{
		{"/api/v1/graph", 200, `{"from":"shop/web","to":"shop/cart","kind":"rpc","calls":4,"errors":2,"estimated_calls":4,`},
		{"/api/v1/graph?from=-2m&to=now", 200, `"resolution_s":10`},
		{"/api/v1/graph?from=-2m&to=-90s", 200, `"edges":[`},
		{"/api/v1/graph?at=2026-01-31T10:00:03Z", 200, `"from":"2026-01-31T10:00:00Z","to":"2026-01-31T10:00:10Z"`},
		{"/api/v1/graph?kind=database", 200, `"kind":"database"`},
		{"/api/v1/graph?environment=test", 200, `"nodes":[`},
		{"/api/v1/graph?focus=shop/web&hops=1&direction=down", 200, `"shop/cart"`},
		{"/api/v1/graph?focus=nobody", 404, `no node has the id \"nobody\"`},
		{"/api/v1/graph?cake=1", 400, `unknown parameter \"cake\"`},
		{"/api/v1/graph?hops=1&hops=2", 400, "given 2 times"},
		{"/api/v1/graph?from=yesterday", 400, "a time is RFC 3339"},
		{"/api/v1/graph?from=-1h&to=-2h", 400, "from must be before to"},
		{"/api/v1/graph?at=-1h&to=-2h", 400, "at is a window of its own"},
		{"/api/v1/graph?kind=cake", 400, "unknown kind"},
		{"/api/v1/graph?hops=0", 400, "hops is"},
		{"/api/v1/graph?direction=left", 400, "unknown direction"},
		{"/api/v1/export?format=csv", 200, "shop/web,shop/cart,rpc,4,2"},
		{"/api/v1/export?format=dot", 200, `"shop/web" -> "shop/cart"`},
		{"/api/v1/export", 400, "format is missing"},
		{"/api/v1/export?format=cake", 400, "formats are dot, json"},
		{"/api/v1/export?format=dot&theme=pink", 400, "themes are dark, light"},
		{"/api/v1/status", 200, `"accounting":{"received":3,"buckets":[{"name":"paired","spans":3}]}`},
		{"/healthz", 200, "ok"},
		{"/readyz", 200, "ready"},
		{"/metrics", 200, "graph_store_bytes 7"},
		{"/metrics", 200, `traces_service_graph_request_server_seconds_bucket{client="web",client_service_namespace="shop",connection_type="",server="cart",server_service_namespace="shop",le="0.4"} 4`},
		{"/api/dependencies", 200, `{"parent":"shop/web","child":"shop/cart","callCount":4}`},
		{"/api/dependencies?service=nobody", 200, `"data":[]`},
		{"/api/dependencies?endTs=cake", 400, `"errors":[{"code":400`},
		{"/zipkin/api/v2/dependencies", 400, "endTs is missing"},
		{"/zipkin/api/v2/dependencies?endTs=1769853720000&lookback=3600000", 200, `"callCount":4,"errorCount":2`},
		{"/api/services", 200, `"data":["shop/cart","shop/web"]`},
		{"/api/v3/services", 200, `{"services":["shop/cart","shop/web"]}`},
		{"/api/v1/cake", 404, "there is nothing at"},
		{"/cake", 404, "there is nothing at"},
	} {
		w := do(h, "GET", c.target)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("GET %s: %d, want %d with %q:\n%.1500s", c.target, w.Code, c.status, c.want, w.Body)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("GET %s: headers %v", c.target, w.Header())
		}
	}
}

// Answers in JSON are JSON whatever the names hold.
func TestJSONIsValid(t *testing.T) {
	h := newTest(t, newStore(t))
	for _, target := range []string{"/api/v1/graph", "/api/v1/status", "/api/v1/openapi.json", "/api/dependencies", "/api/v1/graph?cake=%22"} {
		if b := do(h, "GET", target).Body.Bytes(); !json.Valid(b) {
			t.Errorf("%s: %s", target, b)
		}
	}
}

func TestOnlyReading(t *testing.T) {
	h := newTest(t, newStore(t))
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		w := do(h, method, "/api/v1/graph")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

func TestCompression(t *testing.T) {
	h := newTest(t, newStore(t))
	w := do(h, "GET", "/api/v1/graph", "Accept-Encoding", "gzip")
	plain := do(h, "GET", "/api/v1/graph").Body.Bytes()
	z, err := gzip.NewReader(w.Body)
	if err != nil || w.Header().Get("Content-Encoding") != "gzip" {
		t.Fatalf("headers %v, %v", w.Header(), err)
	}
	if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("unpacked to other bytes, %v", err)
	}
}

// totalsOf counts calls of web on cart, of 250 ms each.
func totalsOf(calls int64) Totals {
	return Totals{
		Bounds: []time.Duration{200 * time.Millisecond, 400 * time.Millisecond, time.Second},
		Calls: []Total{{
			From:   End{ID: "shop/web", Namespace: "shop", Name: "web", Kind: graph.Service},
			To:     End{ID: "shop/cart", Namespace: "shop", Name: "cart", Kind: graph.Service},
			Kind:   graph.RPC,
			Calls:  calls,
			Errors: calls / 2,
			Server: Durations{Sum: time.Duration(calls) * 250 * time.Millisecond, Counts: []int64{0, calls, 0, 0}},
		}},
	}
}

// A late span may take calls back; the exported counters do not go down, and
// rise again once the graph has overtaken them.
func TestCountersNeverFall(t *testing.T) {
	counted := int64(4)
	h := New(newStore(t), Options{Totals: func() Totals { return totalsOf(counted) }})
	count := func() string {
		for line := range strings.Lines(do(h, "GET", "/metrics").Body.String()) {
			if strings.HasPrefix(line, "traces_service_graph_request_total{client=\"web\"") {
				return strings.TrimSpace(line[strings.LastIndexByte(line, ' '):])
			}
		}
		return "none"
	}
	for _, step := range []struct {
		calls int64
		want  string
	}{{4, "4"}, {2, "4"}, {3, "4"}, {8, "8"}} {
		counted = step.calls
		if got := count(); got != step.want {
			t.Errorf("at %d calls: %s, want %s", step.calls, got, step.want)
		}
	}
}

// What is written is the text format, whatever the names hold, and a client that
// prefers another form gets it too.
func TestServiceGraphIsText(t *testing.T) {
	totals := totalsOf(3)
	totals.Calls[0].From = End{ID: "a\"b\\\n}", Kind: graph.External}
	h := New(newStore(t), Options{
		Totals:  func() Totals { return totals },
		Metrics: func() []Sample { return []Sample{{Name: "graph_x", Help: "X.", Value: 1}} },
	})
	body := do(h, "GET", "/metrics", "Accept", "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited").Body.String()
	labels := `{client="a\"b\\\n}",client_service_namespace="",connection_type="virtual_node",server="cart",server_service_namespace="shop"`
	for _, want := range []string{
		"graph_x 1\n# HELP traces_service_graph_request_total ",
		"# TYPE traces_service_graph_request_server_seconds histogram\ntraces_service_graph_request_server_seconds_bucket" + labels + `,le="0.2"} 0` + "\n",
		labels + `,le="0.4"} 3` + "\n",
		labels + `,le="+Inf"} 3` + "\ntraces_service_graph_request_server_seconds_sum" + labels + "} 0.75\ntraces_service_graph_request_server_seconds_count" + labels + "} 3\n",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s", want, body)
		}
	}
	if strings.Contains(body, "client_seconds_bucket") {
		t.Error("a side that timed nothing has a histogram")
	}
}

// One scrape of 10,000 edges. The aim is 20 ms, compression and network apart.
func BenchmarkScrape(b *testing.B) {
	one := totalsOf(1000).Calls[0]
	one.Client = one.Server
	totals := totalsOf(0)
	totals.Bounds = make([]time.Duration, 8)
	totals.Calls = totals.Calls[:0]
	counts := []int64{1, 2, 3, 4, 5, 6, 7, 8, 9}
	one.Client.Counts, one.Server.Counts = counts, counts
	for i := range 10_000 {
		c := one
		c.To.Name = fmt.Sprint("cart", i)
		totals.Calls = append(totals.Calls, c)
	}
	g := serviceGraph{known: map[seriesKey]*series{}}
	for b.Loop() {
		if err := g.write(io.Discard, totals); err != nil {
			b.Fatal(err)
		}
	}
}

// brokenSource fails every question.
type brokenSource struct{ err error }

func (s brokenSource) Read(context.Context, graph.Query) (*graph.Graph, error) { return nil, s.err }

func TestSourceFails(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
	}{
		{errors.New("secret path /x"), http.StatusInternalServerError},
		{context.DeadlineExceeded, http.StatusServiceUnavailable},
	} {
		w := do(newTest(t, brokenSource{c.err}), "GET", "/api/v1/graph")
		if w.Code != c.status || strings.Contains(w.Body.String(), "secret") || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
	}
}

// A page of another site cannot reach the port through a name that it controls.
func TestHosts(t *testing.T) {
	h := AllowHosts(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Hosts{Allowed: []string{"Graph.example"}})
	for host, want := range map[string]int{
		"localhost":          200,
		"localhost:4319":     200,
		"127.0.0.1:4319":     200,
		"[::1]:4319":         200,
		"graph.example":      200,
		"GRAPH.example.:80":  200,
		"evil.example":       421,
		"localhost.evil.com": 421,
		"10.0.0.1":           421,
		"":                   421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("host %q: %d, want %d", host, w.Code, want)
		}
	}
}

// The document lists the routes that are served, and describes each parameter.
func TestOpenAPIIsTrue(t *testing.T) {
	var doc struct {
		OpenAPI string
		Paths   map[string]struct {
			Get struct {
				Summary    string
				Parameters []struct{ Name, Description string }
			}
		}
	}
	h := newTest(t, newStore(t))
	if err := json.Unmarshal(do(h, "GET", "/api/v1/openapi.json").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Paths) != len(new(handler).routes()) {
		t.Errorf("version %s, %d paths", doc.OpenAPI, len(doc.Paths))
	}
	for path, p := range doc.Paths {
		if w := do(h, "GET", path); w.Code == http.StatusNotFound {
			t.Errorf("%s is described and not served", path)
		}
		if p.Get.Summary == "" {
			t.Errorf("%s has no summary", path)
		}
		for _, q := range p.Get.Parameters {
			if q.Description == "" {
				t.Errorf("%s: parameter %s is not described", path, q.Name)
			}
		}
	}
}
