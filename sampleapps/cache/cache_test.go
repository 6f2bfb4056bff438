package cache_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.uber.org/goleak"

	"graphctl/sampleapps/cache"
	"graphctl/sampleapps/lan"
	"graphctl/sampleapps/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A command is one client span that says the server's name; connecting makes
// none.
func TestOneSpanACommand(t *testing.T) {
	const name = "things.example:6379"
	var network lan.Network
	server, err := cache.Open(&network, name)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	client, err := cache.Dial(&network, &telemetry.Tracing{Provider: provider}, name)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Set(t.Context(), "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Get(t.Context(), "key").Result(); err != nil || got != "value" {
		t.Fatalf("get: got %q, %v, want value", got, err)
	}
	var names []string
	for _, s := range spans.Ended() {
		names = append(names, s.Name())
	}
	if len(names) != 2 || names[0] != "set" || names[1] != "get" {
		t.Fatalf("spans: got %q, want set and get", names)
	}
	address := ""
	for _, a := range spans.Ended()[0].Attributes() {
		if a.Key == "server.address" {
			address = a.Value.AsString()
		}
	}
	if got, want := address, "things.example"; got != want {
		t.Errorf("server.address: got %q, want %q", got, want)
	}
}
