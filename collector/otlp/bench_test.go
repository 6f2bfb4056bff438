package otlp

import (
	"fmt"
	"math/rand/v2"
	"testing"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"graphctl/collector"
)

// gatewayRequest is what a collector upstream sends: 512 spans of many services
// with about a dozen attributes each, a third of which the rules read.
func gatewayRequest(services int) *collectortrace.ExportTraceServiceRequest {
	r := rand.New(rand.NewPCG(1, 1))
	req := new(collectortrace.ExportTraceServiceRequest)
	for left := 512; left > 0; {
		n := min(left, 1+r.IntN(20))
		left -= n
		service := r.IntN(services)
		ss := &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: "instrumentation", Version: "1.2.3"}}
		for range n {
			ss.Spans = append(ss.Spans, gatewaySpan(r, services))
		}
		req.ResourceSpans = append(req.ResourceSpans, &trace.ResourceSpans{
			Resource: &resource.Resource{Attributes: []*common.KeyValue{
				text("service.name", fmt.Sprintf("service-%d", service)), text("service.namespace", "shop"),
				text("service.version", "1.2.3"), text("telemetry.sdk.language", "go"), text("host.name", "node-17"),
				text("deployment.environment.name", "prod"),
			}},
			ScopeSpans: []*trace.ScopeSpans{ss},
		})
	}
	return req
}

func gatewaySpan(r *rand.Rand, services int) *trace.Span {
	s := &trace.Span{
		TraceId: id(16, r.Uint64()), SpanId: id(8, r.Uint64()), ParentSpanId: id(8, r.Uint64()),
		Name: fmt.Sprintf("GET /operation/%d", r.IntN(8)), Kind: trace.Span_SpanKind(2 + r.IntN(2)),
		StartTimeUnixNano: 1_760_000_000_000_000_000, EndTimeUnixNano: 1_760_000_000_020_000_000,
		Flags: 0x101, Status: new(trace.Status),
		Attributes: []*common.KeyValue{
			text("http.request.method", "GET"), text("url.scheme", "https"), text("http.route", "/operation/{id}"),
			text("network.protocol.version", "1.1"), text("user_agent.original", "client/1.2 (linux; amd64)"),
			number("http.response.status_code", 200), number("thread.id", 17), text("thread.name", "worker-17"),
			text("url.path", "/operation/17"), text("client.address", "10.1.2.3"),
		},
	}
	if s.Kind == trace.Span_SPAN_KIND_CLIENT {
		s.Attributes = append(s.Attributes, text("server.address", fmt.Sprintf("service-%d.shop.svc", r.IntN(services))),
			number("server.port", 8080))
	}
	return s
}

// A known set of names is decoded without an allocation a span.
func TestDecodeAllocations(t *testing.T) {
	req := gatewayRequest(50)
	asText, err := asJSON(req)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		decode func(*Decoder) func([]byte, func(*collector.Batch) error) (Result, error)
		body   []byte
	}{
		{"protobuf", func(d *Decoder) func([]byte, func(*collector.Batch) error) (Result, error) { return d.Proto }, marshal(t, req)},
		{"JSON", func(d *Decoder) func([]byte, func(*collector.Batch) error) (Result, error) { return d.JSON }, asText},
	} {
		decode := c.decode(NewDecoder(collector.NewSymbols(), DecodeOptions{}))
		run := func() {
			if out, err := decode(c.body, func(*collector.Batch) error { return nil }); err != nil || out.Accepted != 512 {
				t.Fatal(out, err)
			}
		}
		run()
		if n := testing.AllocsPerRun(10, run); n > 2 {
			t.Errorf("%s: %v allocations for a request of 512 spans, want at most 2", c.name, n)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, services := range []int{50, 2000} {
		req := gatewayRequest(services)
		asText, err := asJSON(req)
		if err != nil {
			b.Fatal(err)
		}
		d := NewDecoder(collector.NewSymbols(), DecodeOptions{})
		b.Run(fmt.Sprintf("protobuf/services=%d", services), func(b *testing.B) { benchmarkDecode(b, d.Proto, marshal(b, req)) })
		b.Run(fmt.Sprintf("json/services=%d", services), func(b *testing.B) { benchmarkDecode(b, d.JSON, asText) })
	}
}

func benchmarkDecode(b *testing.B, decode func([]byte, func(*collector.Batch) error) (Result, error), body []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	spans := 0
	for b.Loop() {
		out, err := decode(body, func(*collector.Batch) error { return nil })
		if err != nil {
			b.Fatal(err)
		}
		spans += out.Accepted
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(spans), "ns/span")
}
