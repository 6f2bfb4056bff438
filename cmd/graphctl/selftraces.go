package main

import (
	"context"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"graphctl/graph"
	"graphctl/graph/api"
)

// selfTraces makes spans of graphctl's own work, if it was told where to send
// them. They are never sent to graphctl itself by default.
type selfTraces struct {
	tracer   trace.Tracer
	provider *sdktrace.TracerProvider // nil if off
}

func newSelfTraces(ctx context.Context, endpoint string) (*selfTraces, error) {
	if endpoint == "" {
		return &selfTraces{tracer: noop.NewTracerProvider().Tracer("")}, nil
	}
	exporter, err := otlptracegrpc.New(ctx, otlptracegrpc.WithEndpointURL(endpoint))
	if err != nil {
		return nil, usagef("--self-traces=%s: %w", endpoint, err)
	}
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		attribute.String("service.name", "graphctl"), attribute.String("service.version", version())))
	if err != nil {
		return nil, fmt.Errorf("own traces: %w", err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(res))
	return &selfTraces{tracer: p.Tracer("graphctl"), provider: p}, nil
}

// close sends what is left, for a bounded time.
func (t *selfTraces) close() {
	if t == nil || t.provider == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // what could not be sent is of no use any more
}

// end ends a span with its error.
func end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
	}
	span.End()
}

// store returns s with a span around each commit.
func (t *selfTraces) store(s graph.Store) graph.Store { return tracedStore{s, t.tracer} }

type tracedStore struct {
	graph.Store
	tracer trace.Tracer
}

func (s tracedStore) Apply(ctx context.Context, batches []graph.Batch) error {
	ctx, span := s.tracer.Start(ctx, "commit", trace.WithAttributes(attribute.Int("batches", len(batches))))
	err := s.Store.Apply(ctx, batches)
	end(span, err)
	return err
}

// source returns s with a span around each question.
func (t *selfTraces) source(s graph.Store) api.Source { return tracedSource{s, t.tracer} }

type tracedSource struct {
	graph.Store
	tracer trace.Tracer
}

func (s tracedSource) Read(ctx context.Context, q graph.Query) (*graph.Graph, error) {
	ctx, span := s.tracer.Start(ctx, "read")
	g, err := s.Store.Read(ctx, q)
	end(span, err)
	return g, err
}
