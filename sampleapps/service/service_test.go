package service_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"graphctl/sampleapps/lan"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
	"graphctl/sampleapps/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open makes a service on a network and records its spans.
func open(t *testing.T, network *lan.Network, name string) (*service.Service, *tracetest.SpanRecorder) {
	t.Helper()
	s, err := service.Open(t.Context(), telemetry.Identity{Name: name}, service.Host{Network: network, Endpoint: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	spans := tracetest.NewSpanRecorder()
	own := s.Tracing.Provider // kept for Close
	s.Tracing.Provider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	t.Cleanup(func() {
		s.Tracing.Provider = own
		if err := s.Close(context.Background()); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
	})
	return s, spans
}

// run runs a service until the test ends.
func run(t *testing.T, s *service.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// A call over HTTP has a client span and, below it, a server span; what the
// handler returns arrives as value or as status.
func TestHTTP(t *testing.T) {
	var network lan.Network
	callee, served := open(t, &network, "callee")
	mux := http.NewServeMux()
	mux.Handle("POST /things/{id}", service.Handler(func(r *http.Request) (any, error) {
		if service.Token(r) != "secret" {
			return nil, status.Error(codes.Unauthenticated, "who are you?")
		}
		var in map[string]int
		if err := service.ReadJSON(r, &in); err != nil {
			return nil, err
		}
		return map[string]int{"twice": 2 * in["n"]}, nil
	}))
	if err := callee.HandleHTTP(mux); err != nil {
		t.Fatal(err)
	}
	caller, called := open(t, &network, "caller")
	client := caller.HTTPClient()
	run(t, callee)

	var out map[string]int
	request := service.Request{
		Method: http.MethodPost, URL: service.URL("callee") + "/things/7", Token: "secret",
		In: map[string]int{"n": 21}, Out: &out,
	}
	if err := client.Call(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	if got, want := out["twice"], 42; got != want {
		t.Errorf("answer: got %d, want %d", got, want)
	}
	request.Token = ""
	var refused *service.StatusError
	if err := client.Call(t.Context(), request); !errors.As(err, &refused) || refused.Code != http.StatusUnauthorized {
		t.Errorf("without a token: got %v, want status 401", err)
	}
	request.Token, request.In = "secret", "no object"
	if err := client.Call(t.Context(), request); !errors.As(err, &refused) || refused.Code != http.StatusBadRequest {
		t.Errorf("with a body that does not parse: got %v, want status 400", err)
	}
	checkPair(t, called.Ended(), served, "callee.rides.internal")
}

// A call over gRPC has both spans too, and the client's says the name.
func TestGRPC(t *testing.T) {
	var network lan.Network
	callee, served := open(t, &network, "callee")
	err := callee.HandleGRPC(func(r grpc.ServiceRegistrar) {
		rides.RegisterMapsServer(r, rides.UnimplementedMapsServer{})
	})
	if err != nil {
		t.Fatal(err)
	}
	caller, called := open(t, &network, "caller")
	conn, err := caller.Dial("callee")
	if err != nil {
		t.Fatal(err)
	}
	run(t, callee)
	_, err = rides.NewMapsClient(conn).Route(t.Context(), &rides.RouteRequest{})
	if got, want := status.Code(err), codes.Unimplemented; got != want {
		t.Errorf("code: got %s, want %s (%v)", got, want, err)
	}
	checkPair(t, called.Ended(), served, "callee.rides.internal")
}

// checkPair compares the first client span with the server span below it.
func checkPair(t *testing.T, clients []sdktrace.ReadOnlySpan, served *tracetest.SpanRecorder, address string) {
	t.Helper()
	if len(clients) == 0 {
		t.Fatal("no client span")
	}
	client := clients[0]
	if got, want := client.SpanKind(), trace.SpanKindClient; got != want {
		t.Errorf("kind: got %s, want %s", got, want)
	}
	got := ""
	for _, a := range client.Attributes() {
		if a.Key == "server.address" {
			got = a.Value.AsString()
		}
	}
	if got != address {
		t.Errorf("server.address: got %q, want %q", got, address)
	}
	if !slices.ContainsFunc(served.Started(), func(s sdktrace.ReadWriteSpan) bool {
		return s.SpanKind() == trace.SpanKindServer && s.Parent().SpanID() == client.SpanContext().SpanID()
	}) {
		t.Error("no server span below the client span")
	}
}

// Retry repeats what is unavailable, over both protocols, and nothing else.
func TestRetry(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want int
	}{
		{"success", nil, 1},
		{"http 503", &service.StatusError{Code: http.StatusServiceUnavailable}, 3},
		{"http 500", &service.StatusError{Code: http.StatusInternalServerError}, 1},
		{"grpc unavailable", status.Error(codes.Unavailable, ""), 3},
		{"grpc not found", status.Error(codes.NotFound, ""), 1},
	} {
		got := 0
		err := service.Retry(t.Context(), 3, func(context.Context) error { got++; return c.err })
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: got %d attempts and %v, want %d and %v", c.name, got, err, c.want, c.err)
		}
	}
}

// Retry does not repeat for a caller that has gone.
func TestRetryEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	got := 0
	_ = service.Retry(ctx, 3, func(context.Context) error {
		got++
		cancel()
		return status.Error(codes.Unavailable, "")
	})
	if got != 1 {
		t.Errorf("attempts: got %d, want 1", got)
	}
}
