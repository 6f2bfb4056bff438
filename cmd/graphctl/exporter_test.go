package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/collector/otlp"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

// The OpenTelemetry SDK's exporters, sending as fast as they can to receivers
// that often have no room, for seconds at a time, and over a network that loses
// answers, lose no call and have none counted twice. Each refusal on the wire
// says when to come back.
func TestExportersLoseNothing(t *testing.T) {
	const pairs, calls = 4, 10_000 // calls of each pair of a client and a server
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		var failed errorLog
		otel.SetErrorHandler(&failed) // where the SDK says that it gave spans up
		defer otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
		sink := newMoodySink(seed)
		tally := new(collector.Tally)
		o := otlp.Options{Symbols: sink.syms, Tally: tally}
		overGRPC, overHTTP := newPipe(), newPipe()
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for _, r := range []collector.Receiver{otlp.NewGRPC(overGRPC, o), otlp.NewHTTP(overHTTP, o)} {
			running.Go(func() {
				if err := r.Run(ctx, sink); err != nil {
					t.Errorf("Run: %v", err)
				}
			})
		}
		var wire wireLog
		var programs sync.WaitGroup
		for range pairs {
			programs.Go(func() { callOut(t, calls, grpcExporter(t, overGRPC, &wire), httpExporter(t, overHTTP, &wire)) })
		}
		programs.Wait()
		cancel()
		running.Wait()

		if failed.errs != nil {
			t.Errorf("exporters gave up: %v", errors.Join(failed.errs...))
		}
		if got, want := sink.edges(t), fmt.Sprintf("[web→api %d]", pairs*calls); got != want {
			t.Errorf("the graph is %s, want %s", got, want)
		}
		wire.check(t)
		c := tally.Snapshot()
		if sent := uint64(2 * pairs * calls); c.Accepted <= sent {
			t.Errorf("%d spans were taken of %d: none was sent again, and the test tests nothing", c.Accepted, sent)
		}
		if sum := c.Accepted + c.Throttled[collector.ThrottleLane]; sum != c.Received {
			t.Errorf("accepted %d + turned away %d = %d, received %d", c.Accepted, c.Throttled[collector.ThrottleLane], sum, c.Received)
		}
	})
}

// A moodySink is an engine that often has no room: in two of five seconds none
// at all, in the others for one batch in three.
type moodySink struct {
	syms  *collector.Symbols
	began time.Time

	mu     sync.Mutex
	rng    *rand.Rand
	away   map[int]bool // by second
	engine *infer.Engine
}

func newMoodySink(seed uint64) *moodySink {
	syms := collector.NewSymbols()
	return &moodySink{syms: syms, began: time.Now(), rng: rand.New(rand.NewPCG(seed, 0)), away: map[int]bool{}, engine: infer.New(infer.Options{}, syms)}
}

// Consume implements collector.Sink.
func (m *moodySink) Consume(_ context.Context, b *collector.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if wait := m.refuses(); wait > 0 {
		return &collector.BusyError{Why: collector.ThrottleLane, After: wait}
	}
	for i := range b.Spans {
		s := &b.Spans[i]
		m.engine.Observe(time.Now().UnixNano(), s, b.LinksOf(s))
	}
	return nil
}

// refuses returns how long to stay away, 0 for not at all.
func (m *moodySink) refuses() time.Duration {
	passed := time.Since(m.began)
	second := int(passed / time.Second)
	if _, known := m.away[second]; !known {
		m.away[second] = m.rng.IntN(5) < 2
	}
	switch {
	case m.away[second]:
		return time.Duration(second+1)*time.Second - passed
	case m.rng.IntN(3) == 0:
		return 50 * time.Millisecond
	}
	return 0
}

// edges returns the graph.
func (m *moodySink) edges(t *testing.T) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.engine.SettleAll()
	store := memstore.New()
	if d := m.engine.Flush(); d != nil {
		if err := store.Apply(t.Context(), []graph.Batch{{Seq: 1, Delta: d}}); err != nil {
			t.Fatal(err)
		}
	}
	g, err := store.Read(t.Context(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range g.Edges {
		all = append(all, fmt.Sprintf("%s→%s %d", e.From, e.To, e.Stats.Calls))
	}
	return fmt.Sprint(all)
}

// callOut is a client and a server that exchange n calls as fast as their
// exporters let them.
func callOut(t *testing.T, n int, client, server sdktrace.SpanExporter) {
	web, api := newProvider("web", client), newProvider("api", server)
	caller, answerer := web.Tracer("test"), api.Tracer("test")
	for range n {
		ctx, out := caller.Start(t.Context(), "call", trace.WithSpanKind(trace.SpanKindClient))
		remote := trace.ContextWithRemoteSpanContext(t.Context(), trace.SpanContextFromContext(ctx))
		_, in := answerer.Start(remote, "answer", trace.WithSpanKind(trace.SpanKindServer))
		in.End()
		out.End()
	}
	for _, p := range []*sdktrace.TracerProvider{web, api} {
		if err := p.Shutdown(t.Context()); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	}
}

// newProvider returns an SDK that waits rather than drop what its exporter has
// not sent. Its requests are longer than a chunk, so that some are taken in part.
func newProvider(service string, e sdktrace.SpanExporter) *sdktrace.TracerProvider {
	return sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(e, sdktrace.WithBlocking(), sdktrace.WithMaxExportBatchSize(collector.ChunkSpans*3/2), sdktrace.WithExportTimeout(sendPatience)),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
}

// sendPatience is how long exporters try: longer than any run of bad seconds.
const sendPatience = 10 * time.Minute

func grpcExporter(t *testing.T, to *pipe, wire *wireLog) sdktrace.SpanExporter {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///pipe", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return to.dial(ctx) }),
		grpc.WithUnaryInterceptor(wire.grpc))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	e, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithGRPCConn(conn), otlptracegrpc.WithTimeout(sendPatience),
		otlptracegrpc.WithRetry(otlptracegrpc.RetryConfig{Enabled: true, InitialInterval: 5 * time.Millisecond, MaxInterval: time.Second, MaxElapsedTime: sendPatience}))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func httpExporter(t *testing.T, to *pipe, wire *wireLog) sdktrace.SpanExporter {
	t.Helper()
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return to.dial(ctx) }}
	t.Cleanup(tr.CloseIdleConnections)
	e, err := otlptracehttp.New(t.Context(), otlptracehttp.WithEndpoint("pipe"), otlptracehttp.WithInsecure(),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: wire.http(tr)}), otlptracehttp.WithTimeout(sendPatience),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: 5 * time.Millisecond, MaxInterval: time.Second, MaxElapsedTime: sendPatience}))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// A wireLog counts refusals by transport, and keeps answers that do not say
// when to come back.
type wireLog struct {
	mu      sync.Mutex
	refused map[string]int
	bad     []string

	answered atomic.Int64 // over gRPC
}

func (l *wireLog) note(transport string, good bool, answer any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refused == nil {
		l.refused = map[string]int{}
	}
	l.refused[transport]++
	if !good {
		l.bad = append(l.bad, fmt.Sprint(transport, ": ", answer))
	}
}

// loseEach is how many calls there are to an answer that gets lost.
const loseEach = 5

var errLost = status.Error(codes.Unavailable, "the answer was lost")

// grpc is a client's interceptor: what is refused must carry RetryInfo, and some
// answers do not arrive.
func (l *wireLog) grpc(ctx context.Context, method string, req, reply any, c *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption) error {
	err := invoke(ctx, method, req, reply, c, o...)
	if err != nil {
		var wait time.Duration
		for _, d := range status.Convert(err).Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				wait = info.GetRetryDelay().AsDuration()
			}
		}
		l.note("gRPC", status.Code(err) == codes.ResourceExhausted && wait > 0 && wait <= time.Second, err)
		return err
	}
	if l.answered.Add(1)%loseEach == 0 {
		return errLost
	}
	return nil
}

// roundTripper is a function as an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// http is next, watched: what is refused must carry Retry-After.
func (l *wireLog) http(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		res, err := next.RoundTrip(r)
		switch {
		case err != nil:
			l.note("HTTP", false, err)
		case res.StatusCode != http.StatusOK:
			wait, err := strconv.Atoi(res.Header.Get("Retry-After"))
			l.note("HTTP", res.StatusCode == http.StatusTooManyRequests && err == nil && wait == 1, res.Status+" Retry-After "+res.Header.Get("Retry-After"))
		}
		return res, err
	})
}

func (l *wireLog) check(t *testing.T) {
	t.Helper()
	for _, transport := range []string{"gRPC", "HTTP"} {
		if l.refused[transport] == 0 {
			t.Errorf("nothing was refused over %s: the test tests nothing", transport)
		}
	}
	if len(l.bad) > 0 {
		t.Errorf("%d of %v refusals do not say when to come back, the first: %s", len(l.bad), l.refused, l.bad[0])
	}
}

// An errorLog keeps what the SDK reports.
type errorLog struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorLog) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
}

// A pipe is a listener in memory, so that time is the test's.
type pipe struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipe() *pipe {
	p := &pipe{conns: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipe) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipe) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipe) Close() error { p.close(); return nil }

// Addr implements net.Listener.
func (p *pipe) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
