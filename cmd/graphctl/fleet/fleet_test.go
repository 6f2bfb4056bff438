package fleet

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A fleet has as many services as asked for, all of different names, all
// reached from the users, in calls that only go deeper; and it is the same in
// every run.
func TestTopology(t *testing.T) {
	for _, n := range []int{2, 3, 10, 40, 200, 2000, 10_000} {
		f := newTopology(n)
		if len(f.services) != n {
			t.Errorf("fleet of %d has %d services", n, len(f.services))
		}
		names := map[string]bool{}
		for _, s := range f.services {
			names[s.team+"/"+s.name] = true
			for _, c := range s.calls {
				if to := f.services[c.to]; to.layer <= s.layer {
					t.Errorf("fleet of %d: %s calls %s, which lies no deeper", n, s.name, to.name)
				}
			}
		}
		if len(names) != n {
			t.Errorf("fleet of %d has %d names", n, len(names))
		}
		if reached := f.reached(); reached != n {
			t.Errorf("fleet of %d: %d are reached", n, reached)
		}
		if !reflect.DeepEqual(f, newTopology(n)) {
			t.Errorf("fleet of %d differs from run to run", n)
		}
	}
}

// reached counts the services that a request of a user can reach.
func (t *topology) reached() int {
	seen := map[int]bool{}
	for work := append([]int(nil), t.entries...); len(work) > 0; {
		i := work[len(work)-1]
		work = work[:len(work)-1]
		if seen[i] {
			continue
		}
		seen[i] = true
		for _, c := range t.services[i].calls {
			work = append(work, c.to)
		}
	}
	return len(seen)
}

// Traces are whole and bounded: one root, every parent there, ends after
// starts; some requests fail.
func TestTraces(t *testing.T) {
	g := &generator{t: newTopology(300), rng: rand.New(rand.NewPCG(1, 2))}
	failed := 0
	for range 2000 {
		g.request(time.Now())
		ids, roots, spans := map[string]bool{}, 0, 0
		req := g.take()
		for span := range each(req) {
			ids[string(span.SpanId)] = true
		}
		for span := range each(req) {
			spans++
			if len(span.ParentSpanId) == 0 {
				roots++
			} else if !ids[string(span.ParentSpanId)] {
				t.Fatal("a span without its parent")
			}
			if span.EndTimeUnixNano < span.StartTimeUnixNano {
				t.Fatal("a span that ends before it starts")
			}
			if span.Status.GetCode() == trace.Status_STATUS_CODE_ERROR {
				failed++
			}
		}
		if roots != 1 || spans > maxSpans+2 {
			t.Fatalf("a trace with %d roots and %d spans", roots, spans)
		}
	}
	if failed == 0 {
		t.Error("nothing ever fails")
	}
}

func each(req *collectortrace.ExportTraceServiceRequest) func(func(*trace.Span) bool) {
	return func(yield func(*trace.Span) bool) {
		for _, r := range req.ResourceSpans {
			for _, s := range r.ScopeSpans {
				for _, span := range s.Spans {
					if !yield(span) {
						return
					}
				}
			}
		}
	}
}

// The first request shows the whole fleet; a receiver that is busy is not
// pressed, one that refuses for good is an error.
func TestRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var requests atomic.Int64
	first := make(chan *collectortrace.ExportTraceServiceRequest, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch requests.Add(1) {
		case 1:
			body, err := io.ReadAll(r.Body)
			req := new(collectortrace.ExportTraceServiceRequest)
			if err != nil || proto.Unmarshal(body, req) != nil {
				t.Errorf("the first request does not parse")
			}
			first <- req
		case 2:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer receiver.Close()
	err := Run(ctx, Options{Services: 50, Rate: 100, Endpoint: receiver.URL})
	if err == nil || !strings.Contains(err.Error(), "400 Bad Request") {
		t.Errorf("error %v, want the receiver's answer", err)
	}
	if n := requests.Load(); n != 3 {
		t.Errorf("%d requests, want 3: one taken, one refused for now, one refused", n)
	}
	names := map[string]bool{}
	for _, r := range (<-first).ResourceSpans {
		for _, a := range r.Resource.Attributes {
			if a.Key == "service.name" {
				names[a.Value.GetStringValue()] = true
			}
		}
	}
	if len(names) != 50 {
		t.Errorf("the first request shows %d services, want 50", len(names))
	}
}

// Run ends without an error when it is told to.
func TestRunStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() }))
	defer receiver.Close()
	if err := Run(ctx, Options{Services: 5, Endpoint: receiver.URL}); err != nil {
		t.Error(err)
	}
}
