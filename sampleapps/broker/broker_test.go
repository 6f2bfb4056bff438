package broker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"graphctl/sampleapps/broker"
	"graphctl/sampleapps/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each group gets every message once, in the trace of the one who sent it; a
// message that could not be handled has a failed span.
func TestGroupsShareATopic(t *testing.T) {
	cluster, err := broker.Open("things")
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	tracing := &telemetry.Tracing{Provider: provider, Propagator: propagation.TraceContext{}}
	producer, err := cluster.NewProducer(tracing, "things")
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()

	const messages = 20
	var handled sync.WaitGroup
	handled.Add(2 * messages)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	for group, outcome := range map[string]error{"readers": nil, "writers": errors.New("no ink")} {
		consumer, err := cluster.NewConsumer(tracing, "things", group)
		if err != nil {
			t.Fatal(err)
		}
		defer consumer.Close()
		go func() {
			ended <- consumer.Run(ctx, func(context.Context, []byte) error { handled.Done(); return outcome })
		}()
	}
	request, span := provider.Tracer("test").Start(t.Context(), "request")
	for range messages {
		if err := producer.Publish(request, "key", []byte("message")); err != nil {
			t.Fatal(err)
		}
	}
	span.End()
	await(t, &handled)
	cancel()
	for range 2 {
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	}

	processed := map[codes.Code]int{}
	for _, s := range spans.Ended() {
		if got, want := s.SpanContext().TraceID(), span.SpanContext().TraceID(); got != want {
			t.Errorf("%s: got trace %s, want that of the request, %s", s.Name(), got, want)
		}
		if s.Name() == "things process" {
			processed[s.Status().Code]++
		}
	}
	if processed[codes.Unset] != messages || processed[codes.Error] != messages {
		t.Errorf("process spans by status: got %v, want %d unset and %d failed", processed, messages, messages)
	}
}

// A topic that nobody made is an error for the one who publishes.
func TestUnknownTopic(t *testing.T) {
	cluster, err := broker.Open("things")
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	tracing := &telemetry.Tracing{Provider: sdktrace.NewTracerProvider(), Propagator: propagation.TraceContext{}}
	producer, err := cluster.NewProducer(tracing, "others")
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.Publish(t.Context(), "key", []byte("message")); err == nil {
		t.Error("publishing succeeded")
	}
}

// await waits for what is counted down, or fails.
func await(t *testing.T, w *sync.WaitGroup) {
	t.Helper()
	done := make(chan struct{})
	go func() { w.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("not everything was handled within a minute")
	}
}
