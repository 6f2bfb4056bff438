// Package telemetry gives each service of the sample company its own tracing:
// one tracer provider, one resource, one exporter, as if the service were
// alone in its process.
//
// Nothing is global. A service passes its Tracing to every instrumentation
// library that it uses; that is what keeps twelve services in one process
// apart.
package telemetry

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

const (
	// exportEvery is short so that a call shows on the screen within a second.
	exportEvery = 500 * time.Millisecond
	// exportTimeout bounds one export, retries included.
	exportTimeout = 5 * time.Second
	// exportBatch and queueSize bound memory for each service: spans for one
	// request, and spans waiting. A full queue drops spans, as the SDK does.
	exportBatch = 512
	queueSize   = 8192
)

// An Identity is what the resource of a service says about it.
type Identity struct {
	// Name, Namespace and Version become service.name, service.namespace and
	// service.version.
	Name, Namespace, Version string
	// Environment becomes deployment.environment.name.
	Environment string
	// Team owns the service; it becomes the attribute team.
	Team string
}

// Tracing is what instrumentation libraries ask for.
type Tracing struct {
	// Provider makes the service's tracers.
	Provider trace.TracerProvider
	// Propagator carries the trace context between services.
	Propagator propagation.TextMapPropagator

	name     string
	provider *sdktrace.TracerProvider
	exporter sdktrace.SpanExporter
}

// Open starts tracing for one service. Spans go to endpoint by OTLP over gRPC:
// a URL (http is plain text, https is TLS) or host:port (plain text). Nobody
// need be listening yet. The caller must call Shutdown.
func Open(ctx context.Context, id Identity, endpoint string) (*Tracing, error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = "http://" + endpoint
	}
	exporter, err := otlptracegrpc.New(ctx,
		otlptracegrpc.WithEndpointURL(endpoint),
		otlptracegrpc.WithTimeout(exportTimeout))
	if err != nil {
		return nil, fmt.Errorf("telemetry: open %s: %w", id.Name, err)
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(resource.NewWithAttributes(semconv.SchemaURL,
			semconv.ServiceName(id.Name),
			semconv.ServiceNamespace(id.Namespace),
			semconv.ServiceVersion(id.Version),
			attribute.String("deployment.environment.name", id.Environment),
			attribute.String("team", id.Team),
			semconv.TelemetrySDKLanguageGo,
			semconv.TelemetrySDKName("opentelemetry"),
		)),
		sdktrace.WithSampler(sdktrace.AlwaysSample()),
		sdktrace.WithSpanProcessor(conventions{}),
		sdktrace.WithBatcher(exporter,
			sdktrace.WithBatchTimeout(exportEvery),
			sdktrace.WithExportTimeout(exportTimeout),
			sdktrace.WithMaxExportBatchSize(exportBatch),
			sdktrace.WithMaxQueueSize(queueSize)),
	)
	return &Tracing{
		Provider:   provider,
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
		name:       id.Name,
		provider:   provider,
		exporter:   exporter,
	}, nil
}

// Shutdown sends the spans that wait and stops the exporter. When ctx is done
// first, what is left is lost. That is reported as every export that fails: to
// OpenTelemetry's error handler.
func (t *Tracing) Shutdown(ctx context.Context) {
	if err := t.provider.Shutdown(ctx); err != nil {
		otel.Handle(fmt.Errorf("telemetry: last spans of %s: %w", t.name, err))
	}
	// The provider gives up when ctx is done, but an export under way does not
	// know: this cuts it off.
	if err := t.exporter.Shutdown(ctx); err != nil {
		otel.Handle(fmt.Errorf("telemetry: exporter of %s: %w", t.name, err))
	}
}
