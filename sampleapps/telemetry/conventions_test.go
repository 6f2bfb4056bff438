package telemetry

import (
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
)

// Spans with the attribute names of 2023 get those of today beside them; other
// spans stay as they are.
func TestConventions(t *testing.T) {
	for _, c := range []struct{ have, added []attribute.KeyValue }{
		{
			have: []attribute.KeyValue{
				attribute.String("messaging.operation", "publish"),
				attribute.String("messaging.destination.name", "events"),
			},
			added: []attribute.KeyValue{attribute.String("messaging.operation.type", "send")},
		},
		{
			have: []attribute.KeyValue{
				attribute.String("messaging.operation", "process"),
				attribute.String("messaging.source.name", "events"),
				attribute.String("messaging.kafka.consumer.group", "readers"),
			},
			added: []attribute.KeyValue{
				attribute.String("messaging.operation.type", "process"),
				attribute.String("messaging.destination.name", "events"),
				attribute.String("messaging.consumer.group.name", "readers"),
			},
		},
		{have: []attribute.KeyValue{attribute.String("http.route", "/")}},
	} {
		spans := tracetest.NewSpanRecorder()
		provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(conventions{}), sdktrace.WithSpanProcessor(spans))
		_, s := provider.Tracer("test").Start(t.Context(), "span", trace.WithAttributes(c.have...))
		s.End()
		got := attribute.NewSet(spans.Ended()[0].Attributes()...)
		want := attribute.NewSet(append(c.have, c.added...)...)
		if !got.Equals(&want) {
			t.Errorf("got %v, want %v", got.ToSlice(), want.ToSlice())
		}
	}
}
