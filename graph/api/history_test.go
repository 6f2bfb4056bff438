package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/memstore"
)

// kept is a memstore with the history of a store on disk.
type kept struct{ *memstore.Store }

func (k kept) Extent(ctx context.Context) (graph.Instant, graph.Instant, error) {
	g, err := k.Read(ctx, graph.Query{})
	if err != nil {
		return 0, 0, err
	}
	return g.From, g.To, nil
}

func (k kept) CellsWithin(ctx context.Context, from, to graph.Instant, _ time.Duration, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	return k.Cells(ctx, from, to, yield)
}

// newHistory returns a handler over ten minutes of calls, one a minute and one
// more each: web calls cart at an address that only evidence resolves, and every
// second call fails. cart queries a database.
func newHistory(t *testing.T) http.Handler {
	t.Helper()
	web, cart := service("shop", "web"), service("shop", "cart")
	d := new(graph.Delta)
	at := func(when time.Time, s graph.Subject) *graph.Stats {
		return d.At(graph.Key{Bucket: graph.InstantOf(when).Floor(graph.Fine), Subject: s.ID(), Facets: graph.Facets{}.ID()})
	}
	for i := range int64(10) {
		when := today.Add(time.Duration(i) * time.Minute)
		st := at(when, graph.Subject{Of: graph.OfEdge, Kind: graph.RPC, From: web, To: graph.NodeRef{Kind: graph.Address, Name: "10.0.0.1:80"}})
		st.Calls, st.Errors = i+1, (i+1)/2
		st.Server.Add(time.Duration(i+1)*time.Millisecond, i+1)
		at(when, graph.Subject{Of: graph.OfEdge, Kind: graph.DatabaseCall, From: cart, To: graph.NodeRef{Kind: graph.Database, Name: "orders"}}).Calls = 100
	}
	hour := today.Truncate(time.Hour)
	at(hour, graph.Subject{Of: graph.OfAlias, To: cart, Detail: "10.0.0.1:80"}).Calls = 1
	at(hour, graph.Subject{Of: graph.OfOperation, From: cart, Detail: "POST /cart"}).Calls = 3
	at(hour, graph.Subject{Of: graph.OfOperation, From: cart, Detail: "GET /cart"}).Calls = 30
	at(hour, graph.Subject{Of: graph.OfOperation, From: web, Detail: "GET /"}).Calls = 20
	for _, n := range []graph.NodeRef{web, cart} {
		at(today, graph.Subject{Of: graph.OfSpans, From: n, Detail: "paired"}).Calls = 1
	}
	s := memstore.New()
	if err := s.Apply(t.Context(), []graph.Batch{{Seq: 1, Delta: d}}); err != nil {
		t.Fatal(err)
	}
	return New(s, Options{Now: func() time.Time { return today.Add(10 * time.Minute) }, History: kept{s}})
}

// A history has the calls of its part of the graph at their time.
func TestHistory(t *testing.T) {
	h := newHistory(t)
	for _, c := range []struct{ query, calls, errors, p99 string }{
		{"step=1m", "[101 102 103 104 105 106 107 108 109 110]", "[0 1 1 2 2 3 3 4 4 5]", ""},
		{"step=5m", "[515 540]", "[6 19]", ""},
		{"from=-3m&step=1m", "[108 109 110]", "[4 4 5]", ""},
		{"service=shop/cart&step=5m", "[15 40]", "[6 19]", "[5 10]"},
		{"service=shop/web&step=5m", "[15 40]", "[6 19]", "[5 10]"},
		{"edge=shop/web,shop/cart&step=5m", "[15 40]", "[6 19]", "[5 10]"},
		{"edge=shop/cart,orders&step=5m", "[500 500]", "[0 0]", "[]"},
		{"", "55", "", ""},
	} {
		w := do(h, "GET", "/api/v1/history?"+c.query)
		var got struct {
			From, To      time.Time
			StepS         int64 `json:"step_s"`
			Calls, Errors []int64
			P99           []*float64 `json:"p99_ms"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", c.query, w.Code, w.Body)
		}
		if c.query == "" {
			if len(got.Calls) != 60 || got.StepS != 10 {
				t.Errorf("without a step: %d points each %d s", len(got.Calls), got.StepS)
			}
			continue
		}
		p99 := []int{}
		for _, v := range got.P99 {
			if v != nil {
				p99 = append(p99, int(*v+0.5))
			}
		}
		if calls, errors := fmt.Sprint(got.Calls), fmt.Sprint(got.Errors); calls != c.calls || errors != c.errors || c.p99 != "" && fmt.Sprint(p99) != c.p99 {
			t.Errorf("%s: calls %s errors %s p99 %v, want %s %s %s", c.query, calls, errors, p99, c.calls, c.errors, c.p99)
		}
		if want := got.From.Add(time.Duration(int64(len(got.Calls))*got.StepS) * time.Second); !got.To.Equal(want) {
			t.Errorf("%s: %d points of %d s from %v end at %v", c.query, len(got.Calls), got.StepS, got.From, got.To)
		}
	}
}

// Several services are answered at once, in the order asked for; one that is
// not there has no calls.
func TestHistoryOfSeveral(t *testing.T) {
	w := do(newHistory(t), "GET", "/api/v1/history?step=5m&service=orders&service=shop/web&service=nobody&service=shop/cart")
	var got struct {
		Calls  []int64
		Series []struct {
			Service       string
			Calls, Errors []int64
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if got, want := fmt.Sprint(got.Calls, got.Series), "[] [{orders [500 500] [0 0]} {shop/web [15 40] [6 19]} {nobody [0 0] [0 0]} {shop/cart [15 40] [6 19]}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An answer about the whole graph is given again for a moment, and no longer.
func TestRecentHistories(t *testing.T) {
	var r recentHistories
	c := cut{0, graph.Instant(time.Minute), graph.Fine}
	if _, ok := r.find(c, today); ok {
		t.Error("found an answer that nobody kept")
	}
	r.keep(c, history{Calls: []int64{1}}, today)
	if got, ok := r.find(c, today.Add(recentAge-1)); !ok || len(got.Calls) != 1 {
		t.Errorf("a new answer: %v, %v", got, ok)
	}
	if _, ok := r.find(c, today.Add(recentAge)); ok {
		t.Error("an old answer is given")
	}
	if _, ok := r.find(cut{0, graph.Instant(time.Hour), graph.Fine}, today); ok {
		t.Error("an answer is given to another question")
	}
	for i := range 2 * maxRecent {
		r.keep(cut{graph.Instant(i), 0, graph.Fine}, history{}, today)
		if len(r.kept) > maxRecent {
			t.Fatalf("%d answers are kept", len(r.kept))
		}
	}
}

// Mistakes are named, and no history is longer than its bound.
func TestHistoryRefuses(t *testing.T) {
	h := newHistory(t)
	for _, c := range []struct {
		query  string
		status int
		want   string
	}{
		{"history?step=7s", 400, "step is"},
		{"history?step=90s", 400, "step is"},
		{"history?edge=a,b&service=a", 400, "not both"},
		{"history?step=1m&step=2m", 400, "given 2 times"},
		{"history?" + strings.Repeat("service=a&", 33), 400, "32 are the most"},
		{"history?service=nobody", 404, "no calls of"},
		{"history?edge=shop/cart,shop/web", 404, "no calls of"},
		{"history?cake=1", 400, "unknown parameter"},
		{"operations?limit=0", 400, "limit is"},
		{"diff?significant=cake", 400, "significant is"},
		{"diff?from=-1h&to=-2h", 400, "from must be before to"},
		{"diff?focus=nobody", 404, "no node has the id"},
	} {
		if w := do(h, "GET", "/api/v1/"+c.query); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want %d with %q", c.query, w.Code, w.Body, c.status, c.want)
		}
	}
	for _, last := range []time.Duration{time.Minute, 26 * time.Hour, 400 * 24 * time.Hour} {
		first := graph.InstantOf(today)
		c, err := cutOf(graph.Query{}, first, first+graph.Instant(last), "")
		if err != nil || c.points() > maxPoints || c.points() < 1 {
			t.Errorf("%v: %d points, %v", last, c.points(), err)
		}
		if last > 2*time.Hour {
			if _, err := cutOf(graph.Query{}, first, first+graph.Instant(last), "10s"); err == nil {
				t.Errorf("%v in steps of 10 s is not refused", last)
			}
		}
	}
}

// Where only wide buckets are kept, points are as wide: none stands for more
// than the others.
func TestHistoryOfWideBuckets(t *testing.T) {
	s := sums{cut: cut{0, graph.Instant(2 * time.Hour), time.Minute}, stats: make([]graph.Stats, 120)}
	s.add(0, &graph.Stats{Calls: 60}, time.Hour)
	s.add(graph.Instant(61*time.Minute), &graph.Stats{Calls: 1}, time.Minute)
	var got history
	s.write(&got, false)
	if fmt.Sprint(got.Calls, got.StepS) != "[60 1] 3600" {
		t.Errorf("calls %v, step %d", got.Calls, got.StepS)
	}
}

func TestOperations(t *testing.T) {
	h := newHistory(t)
	for target, want := range map[string]string{
		"/api/v1/operations":                          `{"operations":[{"service":"shop/cart","name":"GET /cart","spans":30},{"service":"shop/web","name":"GET /","spans":20},{"service":"shop/cart","name":"POST /cart","spans":3}]}`,
		"/api/v1/operations?text=POST":                `{"operations":[{"service":"shop/cart","name":"POST /cart","spans":3}]}`,
		"/api/v1/operations?service=shop/web&limit=5": `{"operations":[{"service":"shop/web","name":"GET /","spans":20}]}`,
		"/api/services/shop%2Fcart/operations":        `{"data":["GET /cart","POST /cart"],"total":2,"limit":0,"offset":0,"errors":null}`,
		"/api/v3/operations?service=shop/cart":        `{"operations":[{"name":"GET /cart","spanKind":""},{"name":"POST /cart","spanKind":""}]}`,
	} {
		if w := do(h, "GET", target); w.Code != http.StatusOK || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s: %d\n got %s\nwant %s", target, w.Code, w.Body, want)
		}
	}
}

// A window is compared with its base, whichever is the later.
func TestDiff(t *testing.T) {
	h := newHistory(t)
	w := do(h, "GET", "/api/v1/diff?from=-1m&to=now&base_from=-10m&base_to=-9m")
	var got struct {
		Added, Removed, Changed []struct{ From, To string }
		Unchanged               int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(got.Added)+len(got.Removed) != 0 || len(got.Changed) != 1 || got.Changed[0].To != "shop/cart" || got.Unchanged != 1 {
		t.Errorf("got %s", w.Body)
	}
	w = do(h, "GET", "/api/v1/diff?from=-1m&to=now&base_from=-2h&base_to=-1h")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Added) != 2 {
		t.Errorf("compared with nothing: %d %s", w.Code, w.Body)
	}
}

// The document describes the paths that only a history has.
func TestOpenAPIOfHistory(t *testing.T) {
	body := do(newHistory(t), "GET", "/api/v1/openapi.json").Body.String()
	for _, want := range []string{`"/api/v1/history"`, `"/api/v1/diff"`, `"/api/v1/operations"`, `"in":"path"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}
