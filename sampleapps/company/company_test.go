package company_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"

	"graphctl/sampleapps/company"
	"graphctl/sampleapps/traffic"
)

const (
	// patience is how long a test waits for spans; it is long because machines
	// that test with -race are slow, and used up only by a failure.
	patience = 60 * time.Second
	poll     = 50 * time.Millisecond
	rate     = 60 // requests a second
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A running company sends its spans to a receiver.
type running struct {
	*company.Company
	*receiver
	// stop stops the company and waits; it may be called twice.
	stop func()
}

// start runs a company, with traffic, until the test ends or calls stop.
func start(t *testing.T) *running {
	t.Helper()
	r := receive(t)
	c, err := company.Open(t.Context(), company.Options{Endpoint: r.endpoint, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	people, err := traffic.New(traffic.Options{Rate: rate, Seed: 1, Dial: c.Network.DialContext})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.Run(ctx, people); err != nil {
			t.Errorf("run: %v", err)
		}
		if err := c.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	stop := func() { cancel(); <-ended }
	t.Cleanup(stop)
	return &running{c, r, stop}
}

// eventually waits until ok holds of the spans received.
func (r *running) eventually(t *testing.T, what string, ok func([]span) bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if ok(r.all()) {
				return
			}
		case <-deadline:
			t.Fatalf("after %s: %s has not happened; %d spans", patience, what, len(r.all()))
		}
	}
}

// An edge is a row of the table in the README.
type edge struct{ from, to string }

// documented reads the edges from the README.
func documented(t *testing.T) map[edge]bool {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(text), "| from | to | how |\n|---|---|---|\n")
	if !found {
		t.Fatal("README.md: the table of edges is missing")
	}
	edges := make(map[edge]bool)
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			break
		}
		edges[edge{strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])}] = true
	}
	return edges
}

// seen works out the edges from parent ids and attributes.
func seen(spans []span) map[edge]bool {
	byID := make(map[string]span, len(spans))
	children := make(map[string]bool, len(spans))
	for _, s := range spans {
		byID[s.trace+s.id] = s
		if s.parent != "" {
			children[s.trace+s.parent] = true
		}
	}
	edges := make(map[edge]bool)
	for _, s := range spans {
		parent, known := byID[s.trace+s.parent]
		topic := s.attributes["messaging.destination.name"]
		switch {
		case s.kind == tracepb.Span_SPAN_KIND_SERVER && s.parent == "":
			edges[edge{"user", s.service}] = true
		case s.kind == tracepb.Span_SPAN_KIND_SERVER && known:
			edges[edge{parent.service, s.service}] = true
		case s.kind == tracepb.Span_SPAN_KIND_PRODUCER:
			edges[edge{s.service, topic}] = true
		case s.kind == tracepb.Span_SPAN_KIND_CONSUMER:
			edges[edge{topic, s.service}] = true
		case s.kind == tracepb.Span_SPAN_KIND_CLIENT && !children[s.trace+s.id]:
			edges[edge{s.service, farSide(s)}] = true
		}
	}
	return edges
}

// farSide names what an unanswered client span called.
func farSide(s span) string {
	if name := s.attributes["db.namespace"]; name != "" {
		return name
	}
	return strings.TrimSuffix(s.attributes["server.address"], ".rides.internal")
}

// The README lists all calls of the company, and no other.
func TestCallsAreTheDocumentedOnes(t *testing.T) {
	want := documented(t)
	c := start(t)
	c.eventually(t, "every documented edge", func(spans []span) bool {
		got := seen(spans)
		for e := range want {
			if !got[e] {
				return false
			}
		}
		return true
	})
	c.stop()
	for e := range seen(c.all()) {
		if !want[e] {
			t.Errorf("%s -> %s: seen, but not in the README", e.from, e.to)
		}
	}
}

// Every service has spans, and a resource that says who and whose it is.
func TestServicesIntroduceThemselves(t *testing.T) {
	c := start(t)
	c.eventually(t, "spans of every service", func([]span) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.resources) >= company.Services()
	})
	c.stop()
	if got, want := len(c.resources), company.Services(); got != want {
		t.Errorf("services: got %d (%v), want %d", got, slices.Sorted(maps.Keys(c.resources)), want)
	}
	for service, resource := range c.resources {
		for _, key := range []string{"service.namespace", "service.version", "deployment.environment.name", "team"} {
			if resource[key] == "" {
				t.Errorf("%s: resource has no %s", service, key)
			}
		}
	}
}

// Producer and consumers name system, destination and operation as the current
// conventions do, and each group processes what was sent.
func TestMessagesAreDescribed(t *testing.T) {
	processed := func(spans []span, service string) int {
		n := 0
		for _, s := range spans {
			if s.service == service && s.attributes["messaging.operation.type"] == "process" {
				n++
			}
		}
		return n
	}
	c := start(t)
	c.eventually(t, "consumption by both groups", func(spans []span) bool {
		return processed(spans, company.Billing) > 5 && processed(spans, company.Notifications) > 5
	})
	c.stop()
	operations := map[tracepb.Span_SpanKind][]string{
		tracepb.Span_SPAN_KIND_PRODUCER: {"send"},
		tracepb.Span_SPAN_KIND_CONSUMER: {"receive", "process"},
	}
	for _, s := range c.all() {
		allowed, messaging := operations[s.kind]
		if !messaging {
			continue
		}
		if got, want := s.attributes["messaging.system"], "kafka"; got != want {
			t.Errorf("%s %s: messaging.system: got %q, want %q", s.service, s.name, got, want)
		}
		if got, want := s.attributes["messaging.destination.name"], "trip.events"; got != want {
			t.Errorf("%s %s: messaging.destination.name: got %q, want %q", s.service, s.name, got, want)
		}
		if got := s.attributes["messaging.operation.type"]; !slices.Contains(allowed, got) {
			t.Errorf("%s %s: messaging.operation.type: got %q, want one of %q", s.service, s.name, got, allowed)
		}
	}
}

// An outage, switched by its URL, makes every charge fail after three attempts.
func TestOutageFailsCharges(t *testing.T) {
	c := start(t)
	post(t, c.ControlURL()+"/outage?for=10m")
	c.eventually(t, "a charge that failed three times", func(spans []span) bool {
		attempts := make(map[string]int)
		for _, s := range spans {
			if s.service == company.Payment && s.failed && s.attributes["server.address"] == company.Provider {
				attempts[s.trace]++
			}
		}
		return slices.Contains(slices.Collect(maps.Values(attempts)), 3)
	})
	c.eventually(t, "a failed charge that billing sees", func(spans []span) bool {
		return slices.ContainsFunc(spans, func(s span) bool {
			return s.service == company.Billing && s.kind == tracepb.Span_SPAN_KIND_CLIENT && s.failed
		})
	})
}

// In a storm one request calls maps again and again; in calm, twice at most.
func TestStormMultipliesAttempts(t *testing.T) {
	c := start(t)
	c.eventually(t, "a trip in calm", func(spans []span) bool { return mostMapsCalls(spans) >= 2 })
	if got := mostMapsCalls(c.all()); got != 2 {
		t.Errorf("calls of maps by one request, in calm: got %d, want 2", got)
	}
	post(t, c.ControlURL()+"/storm?for=10m")
	c.eventually(t, "nine attempts by one request", func(spans []span) bool { return mostMapsCalls(spans) >= 9 })
}

// mostMapsCalls is the largest number of calls of maps in one trace.
func mostMapsCalls(spans []span) int {
	most := 0
	calls := make(map[string]int)
	for _, s := range spans {
		if s.service == company.Maps && s.kind == tracepb.Span_SPAN_KIND_SERVER {
			calls[s.trace]++
			most = max(most, calls[s.trace])
		}
	}
	return most
}

// The status says what is on and what the public did; what is on can be ended.
func TestControlTellsStatus(t *testing.T) {
	c := start(t)
	c.eventually(t, "a request", func(spans []span) bool { return len(spans) > 0 })
	post(t, c.ControlURL()+"/outage?for=1m")
	status := readStatus(t, c.ControlURL())
	if status.Services != company.Services() || status.Requests.Sent == 0 {
		t.Errorf("status: got %+v, want %d services and requests", status, company.Services())
	}
	if status.OutageSeconds <= 0 || status.OutageSeconds > 60 || status.StormSeconds != 0 {
		t.Errorf("status: got %+v, want an outage for a minute and no storm", status)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, c.ControlURL()+"/outage", nil)
	if err != nil {
		t.Fatal(err)
	}
	send(t, request)
	if status := readStatus(t, c.ControlURL()); status.OutageSeconds != 0 {
		t.Errorf("status: got %+v, want no outage", status)
	}
}

func readStatus(t *testing.T, url string) company.Status {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	var status company.Status
	if err := json.Unmarshal(send(t, request), &status); err != nil {
		t.Fatal(err)
	}
	return status
}

// What control is asked that makes no sense is refused, and says why.
func TestControlRefusesNonsense(t *testing.T) {
	c := start(t)
	for _, duration := range []string{"soon", "-1s", "48h"} {
		response, err := http.Post(c.ControlURL()+"/storm?for="+duration, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got, want := response.StatusCode, http.StatusBadRequest; got != want {
			t.Errorf("for=%s: got status %d, want %d", duration, got, want)
		}
	}
	if c.Storm.On() {
		t.Error("a storm is on that nobody asked for in order")
	}
	http.DefaultClient.CloseIdleConnections()
}

func post(t *testing.T, url string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	send(t, request)
}

// send makes a request that must succeed, and returns the body of the answer.
func send(t *testing.T, request *http.Request) []byte {
	t.Helper()
	defer http.DefaultClient.CloseIdleConnections()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: got %s: %s", request.Method, request.URL, response.Status, body)
	}
	return body
}
