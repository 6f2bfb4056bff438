package otlp

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"graphctl/collector"
)

// The OpenTelemetry SDK's exporters reach both receivers, compressed or not,
// and what they send means what the program said.
func TestSDKExporters(t *testing.T) {
	overGRPC, overHTTP := serve(t, NewGRPC, Options{}), serve(t, NewHTTP, Options{})
	for _, c := range []struct {
		name     string
		server   *server
		exporter func(context.Context) (sdktrace.SpanExporter, error)
	}{
		{"gRPC", overGRPC, func(ctx context.Context) (sdktrace.SpanExporter, error) {
			return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(overGRPC.addr), otlptracegrpc.WithInsecure())
		}},
		{"gRPC gzip", overGRPC, func(ctx context.Context) (sdktrace.SpanExporter, error) {
			return otlptracegrpc.New(ctx, otlptracegrpc.WithEndpoint(overGRPC.addr), otlptracegrpc.WithInsecure(), otlptracegrpc.WithCompressor("gzip"))
		}},
		{"HTTP", overHTTP, func(ctx context.Context) (sdktrace.SpanExporter, error) {
			return otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(overHTTP.addr), otlptracehttp.WithInsecure())
		}},
		{"HTTP gzip", overHTTP, func(ctx context.Context) (sdktrace.SpanExporter, error) {
			return otlptracehttp.New(ctx, otlptracehttp.WithEndpoint(overHTTP.addr), otlptracehttp.WithInsecure(), otlptracehttp.WithCompression(otlptracehttp.GzipCompression))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			exporter, err := c.exporter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			checkExporter(t, c.server, exporter)
		})
	}
}

func checkExporter(t *testing.T, s *server, exporter sdktrace.SpanExporter) {
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "cart"))))
	tracer := provider.Tracer("test")
	ctx, parent := tracer.Start(t.Context(), "GET /cart", trace.WithSpanKind(trace.SpanKindServer))
	_, child := tracer.Start(ctx, "get", trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("server.address", "Stock.Example"), attribute.Int("server.port", 8080)))
	child.End()
	parent.End()
	if err := provider.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	spans := s.sink.take()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want 2", len(spans))
	}
	out, in := spans[0], spans[1]
	if out.Role != collector.Out || in.Role != collector.In || out.Parent != in.ID || out.Trace != in.Trace ||
		in.ID != collector.SpanID(parent.SpanContext().SpanID()) {
		t.Errorf("the spans are\n%+v and\n%+v", out, in)
	}
	if got := s.syms.Resource(in.Resource).Name; got != "cart" {
		t.Errorf("service %q, want cart", got)
	}
	if got, want := s.syms.Far(out.Far), (collector.Far{Host: "stock.example", Port: 8080}); got != want {
		t.Errorf("far side %+v, want %+v", got, want)
	}
	s.checkAccounts(t)
}
