package fleet

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Options of Run.
type Options struct {
	Services int     // size of the fleet; default 200
	Rate     float64 // traces a second; default 20
	Endpoint string  // OTLP/HTTP, like http://127.0.0.1:4318
}

const (
	sendEvery    = 250 * time.Millisecond
	maxSpans     = 400 // of one trace
	requestLimit = 10 * time.Second
)

// Run sends spans until ctx is done. A request that the receiver refuses for
// now is left out: the fleet has no memory.
func Run(ctx context.Context, o Options) error {
	o.fill()
	g := &generator{t: newTopology(o.Services), rng: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))}
	tick := time.NewTicker(sendEvery)
	defer tick.Stop()
	owed := 0.0
	// Every call is made once at the beginning, so that the whole fleet is seen
	// at once.
	if err := g.send(ctx, o.Endpoint, g.tour(time.Now())); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			owed += o.Rate * sendEvery.Seconds()
			for ; owed >= 1; owed-- {
				g.request(now)
			}
			if err := g.send(ctx, o.Endpoint, g.take()); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// A generator makes the spans of traces, gathered by service.
type generator struct {
	t     *topology
	rng   *rand.Rand
	spans map[int][]*trace.Span
	trace []byte
	left  int // spans that the trace may still have
}

// take returns a request with all spans made so far.
func (g *generator) take() *collectortrace.ExportTraceServiceRequest {
	req := new(collectortrace.ExportTraceServiceRequest)
	for i, spans := range g.spans {
		s := &g.t.services[i]
		req.ResourceSpans = append(req.ResourceSpans, &trace.ResourceSpans{
			Resource: &resource.Resource{Attributes: []*common.KeyValue{
				text("service.name", s.name), text("service.namespace", s.team), text("team", s.team),
				text("deployment.environment.name", "demo"),
			}},
			ScopeSpans: []*trace.ScopeSpans{{Spans: spans}},
		})
	}
	g.spans = nil
	return req
}

// request makes one trace that ends at about now.
func (g *generator) request(now time.Time) {
	g.begin()
	g.serve(g.t.entry(g.rng), nil, now.Add(-time.Second), false)
}

func (g *generator) begin() {
	g.trace, g.left = g.id(16), maxSpans
}

// tour returns a request in which every service is called by each caller once.
func (g *generator) tour(now time.Time) *collectortrace.ExportTraceServiceRequest {
	start := now.Add(-time.Second)
	for i := range g.t.services {
		for _, c := range g.t.services[i].calls {
			g.begin()
			client := g.span(i, trace.Span_SPAN_KIND_CLIENT, nil, start, 5)
			g.span(c.to, trace.Span_SPAN_KIND_SERVER, client, start.Add(time.Millisecond), 3)
		}
	}
	for _, i := range g.t.entries {
		g.begin()
		g.span(i, trace.Span_SPAN_KIND_SERVER, nil, start, 5)
	}
	return g.take()
}

// serve makes the server span of a request and all below it. It returns how
// long it took in ms, and whether it failed.
func (g *generator) serve(i int, parent *trace.Span, start time.Time, _ bool) (ms float64, failed bool) {
	s := &g.t.services[i]
	ms = s.latency * math.Exp(g.rng.NormFloat64()*0.5)
	server := g.span(i, trace.Span_SPAN_KIND_SERVER, parent, start, ms)
	at := func() time.Time { return start.Add(time.Duration(ms * float64(time.Millisecond))) }
	if s.database != "" && g.left > 0 {
		took := 0.5 + g.rng.ExpFloat64()
		db := g.span(i, trace.Span_SPAN_KIND_CLIENT, server, at(), took)
		db.Name = "SELECT"
		db.Attributes = []*common.KeyValue{
			text("db.system.name", "postgresql"), text("db.namespace", s.team), text("server.address", s.database),
		}
		ms += took
	}
	for _, c := range s.calls {
		if g.left <= 0 || g.rng.Float64() > c.chance {
			continue
		}
		client := g.span(i, trace.Span_SPAN_KIND_CLIENT, server, at(), 0)
		took, broken := g.serve(c.to, client, at(), false)
		took += 0.3 + 0.2*g.rng.ExpFloat64() // the network
		client.EndTimeUnixNano = client.StartTimeUnixNano + uint64(took*1e6)
		if broken {
			client.Status = &trace.Status{Code: trace.Status_STATUS_CODE_ERROR}
		}
		ms += took
	}
	server.EndTimeUnixNano = server.StartTimeUnixNano + uint64(ms*1e6)
	if failed = g.rng.Float64() < s.failing; failed {
		server.Status = &trace.Status{Code: trace.Status_STATUS_CODE_ERROR}
	}
	return ms, failed
}

// span makes a span of service i.
func (g *generator) span(i int, kind trace.Span_SpanKind, parent *trace.Span, start time.Time, ms float64) *trace.Span {
	g.left--
	s := &trace.Span{
		TraceId:           g.trace,
		SpanId:            g.id(8),
		Name:              "call",
		Kind:              kind,
		StartTimeUnixNano: uint64(start.UnixNano()),
		EndTimeUnixNano:   uint64(start.UnixNano()) + uint64(ms*1e6),
	}
	if parent != nil {
		s.ParentSpanId = parent.SpanId
	}
	if g.spans == nil {
		g.spans = map[int][]*trace.Span{}
	}
	g.spans[i] = append(g.spans[i], s)
	return s
}

// id returns n random bytes, not all zero.
func (g *generator) id(n int) []byte {
	b := make([]byte, 0, n)
	for len(b) < n {
		b = binary.BigEndian.AppendUint64(b, g.rng.Uint64()|1)
	}
	return b
}

func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: value}}}
}

// send posts a request. Only an answer that says the request itself is wrong
// is an error.
func (g *generator) send(ctx context.Context, endpoint string, req *collectortrace.ExportTraceServiceRequest) error {
	if len(req.ResourceSpans) == 0 {
		return nil
	}
	body, err := proto.Marshal(req)
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/v1/traces", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("fleet: %w", err)
	}
	post.Header.Set("Content-Type", "application/x-protobuf")
	res, err := http.DefaultClient.Do(post)
	if err != nil {
		if ctx.Err() != nil {
			return nil // stopping
		}
		return fmt.Errorf("fleet: send: %w", err)
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusTooManyRequests {
		return fmt.Errorf("fleet: the receiver answered %s", res.Status)
	}
	return nil
}
