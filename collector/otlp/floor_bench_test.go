package otlp

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// The floor draws the right graph: halves meet across requests and in either
// order, a database is called without one, errors of either side count, and
// what has no other half is no call.
func TestFloor(t *testing.T) {
	span := func(kind trace.Span_SpanKind, id_, parent uint64, failed bool, a ...*common.KeyValue) *trace.Span {
		s := &trace.Span{TraceId: id(16, 7), SpanId: id(8, id_), Kind: kind, StartTimeUnixNano: 1000, EndTimeUnixNano: 1900, Attributes: a}
		if parent != 0 {
			s.ParentSpanId = id(8, parent)
		}
		if failed {
			s.Status = &trace.Status{Code: trace.Status_STATUS_CODE_ERROR}
		}
		return s
	}
	request := func(service string, spans ...*trace.Span) []byte {
		return marshal(t, &collectortrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
			Resource:   &resource.Resource{Attributes: []*common.KeyValue{text("host.name", "h"), text("service.name", service)}},
			ScopeSpans: []*trace.ScopeSpans{{Spans: spans}},
		}}})
	}
	const server, client, producer, consumer, local = trace.Span_SPAN_KIND_SERVER, trace.Span_SPAN_KIND_CLIENT,
		trace.Span_SPAN_KIND_PRODUCER, trace.Span_SPAN_KIND_CONSUMER, trace.Span_SPAN_KIND_INTERNAL
	f := newFloor()
	f.take(request("api", span(server, 11, 10, true), span(consumer, 21, 20, false)))
	f.take(request("web", span(server, 1, 0, false), span(client, 10, 1, false), span(client, 12, 1, true, text("server.port", "1"), text("db.namespace", "stock")),
		span(producer, 20, 1, false), span(client, 30, 1, false), span(local, 31, 1, false)))
	f.take(request("api", span(server, 31, 31, false)))
	var got strings.Builder
	if err := f.write(&got); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(got.String()), "\n")
	slices.Sort(lines)
	want := []string{
		`traces_service_graph_request_failed_total{client="web",server="api"} 1`,
		`traces_service_graph_request_failed_total{client="web",server="stock"} 1`,
		`traces_service_graph_request_total{client="web",server="api"} 2`,
		`traces_service_graph_request_total{client="web",server="stock"} 1`,
	}
	if !slices.Equal(lines, want) || f.broken != 0 || f.waiting.n != 2 {
		t.Errorf("%d broken, %d wait, the graph is\n%s", f.broken, f.waiting.n, strings.Join(lines, "\n"))
	}
	f.take([]byte{0xff})
	if f.broken != 1 {
		t.Error("what is malformed was taken")
	}
}

// The table of waiting halves does what a map does, through growth and removal.
func TestHalves(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	model := map[[2]uint64]half{}
	table := newHalves()
	for range 400_000 {
		h := half{trace: r.Uint64N(500), id: 1 + r.Uint64N(300), duration: r.Uint64()}
		k := [2]uint64{h.trace, h.id}
		want, waited := model[k]
		if waited {
			delete(model, k)
		} else {
			model[k] = h
		}
		if got, found := table.meet(h); got != want || found != waited {
			t.Fatalf("meet %+v: %+v, %v, want %+v, %v", h, got, found, want, waited)
		}
		if table.n != len(model) {
			t.Fatalf("%d wait, want %d", table.n, len(model))
		}
	}
	if len(table.slots) == 1<<16 {
		t.Error("the table never grew")
	}
}

// BenchmarkWalk is the least that decoding can cost: what a graph needs of each
// span is found, and nothing done with it.
func BenchmarkWalk(b *testing.B) {
	for _, services := range []int{50, 2000} {
		body := marshal(b, gatewayRequest(services))
		b.Run(fmt.Sprintf("services=%d", services), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			spans := 0
			for b.Loop() {
				if !floorWalk(body, func([]byte, *floorSpan) { spans++ }) {
					b.Fatal("malformed")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(spans), "ns/span")
		})
	}
}

// BenchmarkPair is the least that matching two halves of a call can cost with a
// million of them waiting: one is put in and one found and taken out.
func BenchmarkPair(b *testing.B) {
	const waiting = 1_000_000
	keys := make([]half, 4*waiting)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range keys {
		keys[i] = half{trace: r.Uint64(), id: r.Uint64() | 1}
	}
	run := func(name string, meet func(half) bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for _, h := range keys[:waiting] {
				meet(h)
			}
			for i := 0; b.Loop(); i++ {
				if meet(keys[(i+waiting)%len(keys)]) || !meet(keys[i%len(keys)]) {
					b.Fatal("a half met the wrong one")
				}
			}
		})
	}
	run("map", func() func(half) bool {
		m := make(map[[2]uint64]half, waiting)
		return func(h half) bool {
			k := [2]uint64{h.trace, h.id}
			if _, found := m[k]; found {
				delete(m, k)
				return true
			}
			m[k] = h
			return false
		}
	}())
	run("open-addressing", func() func(half) bool {
		t := newHalves()
		return func(h half) bool {
			_, found := t.meet(h)
			return found
		}
	}())
}
