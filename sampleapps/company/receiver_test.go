package company_test

import (
	"context"
	"encoding/hex"
	"net"
	"sync"
	"testing"

	coltracepb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// A span is what tests look at.
type span struct {
	service, trace, id, parent string
	name                       string
	kind                       tracepb.Span_SpanKind
	failed                     bool
	attributes                 map[string]string // those that are strings
}

// A receiver is an OTLP endpoint that keeps every span.
type receiver struct {
	coltracepb.UnimplementedTraceServiceServer
	endpoint string

	mu        sync.Mutex
	spans     []span
	resources map[string]map[string]string // by service
}

// receive starts a receiver that ends with the test.
func receive(t *testing.T) *receiver {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{endpoint: "http://" + l.Addr().String(), resources: make(map[string]map[string]string)}
	server := grpc.NewServer()
	coltracepb.RegisterTraceServiceServer(server, r)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Errorf("receiver: %v", err)
		}
	})
	return r
}

func (r *receiver) Export(_ context.Context, request *coltracepb.ExportTraceServiceRequest) (*coltracepb.ExportTraceServiceResponse, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rs := range request.GetResourceSpans() {
		resource := texts(rs.GetResource().GetAttributes())
		service := resource["service.name"]
		r.resources[service] = resource
		for _, ss := range rs.GetScopeSpans() {
			for _, s := range ss.GetSpans() {
				r.spans = append(r.spans, span{
					service: service, name: s.GetName(), kind: s.GetKind(),
					trace:      hex.EncodeToString(s.GetTraceId()),
					id:         hex.EncodeToString(s.GetSpanId()),
					parent:     hex.EncodeToString(s.GetParentSpanId()),
					failed:     s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR,
					attributes: texts(s.GetAttributes()),
				})
			}
		}
	}
	return &coltracepb.ExportTraceServiceResponse{}, nil
}

// all returns the spans so far.
func (r *receiver) all() []span {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]span(nil), r.spans...)
}

func texts(attributes []*commonpb.KeyValue) map[string]string {
	m := make(map[string]string, len(attributes))
	for _, a := range attributes {
		if v, ok := a.GetValue().GetValue().(*commonpb.AnyValue_StringValue); ok {
			m[a.GetKey()] = v.StringValue
		}
	}
	return m
}
