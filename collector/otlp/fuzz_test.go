package otlp

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"graphctl/collector"
)

var fuzzKeys = []string{
	"service.name", "service.namespace", "deployment.environment", "k8s.job.name", "process.executable.name", "team",
	"peer.service", "service.peer.name", "service.peer.namespace", "faas.trigger", "faas.invoked_name",
	"server.address", "server.port", "url.full", "net.peer.name", "net.peer.port", "http.host", "http.url",
	"network.peer.address", "network.peer.port", "net.sock.peer.addr", "net.peer.ip", "rpc.service", "rpc.method",
	"db.system", "db.system.name", "db.namespace", "db.name", "messaging.system", "messaging.destination.name",
	"messaging.destination.template", "messaging.destination.temporary", "messaging.rabbitmq.routing_key",
	"messaging.operation.type", "messaging.operation", "messaging.batch.message_count", "error", "error.type",
	"http.response.status_code", "http.status_code", "rpc.grpc.status_code", "rpc.response.status_code", "unknown.key", "",
}

var fuzzTexts = []string{
	"", "a", " b ", "process", "receive", "send", "false", "kafka", "mssql", "http://h:1/p", "https://[::1]/", "Host:80",
	"pkg.Svc/Method", "503", "UNAVAILABLE", "\x00", "é\u0001", strings.Repeat("long ", 200),
}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

func randomValue(r *rand.Rand) *common.AnyValue {
	switch r.IntN(12) {
	case 0:
		return nil
	case 1:
		return &common.AnyValue{}
	case 2:
		return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: r.IntN(2) == 0}}
	case 3:
		return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: pick(r, []float64{0, 1.5, 500, -3, 1e300})}}
	case 4:
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: &common.ArrayValue{Values: []*common.AnyValue{{}}}}}
	case 5:
		return &common.AnyValue{Value: &common.AnyValue_BytesValue{BytesValue: []byte{1, 2}}}
	case 6:
		return &common.AnyValue{Value: &common.AnyValue_KvlistValue{KvlistValue: &common.KeyValueList{}}}
	case 7, 8:
		return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: pick(r, []int64{0, 1, 14, 80, 503, 1 << 40, -1})}}
	}
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: pick(r, fuzzTexts)}}
}

func randomAttributes(r *rand.Rand, upTo int) []*common.KeyValue {
	kvs := make([]*common.KeyValue, r.IntN(upTo))
	for i := range kvs {
		kvs[i] = &common.KeyValue{Key: pick(r, fuzzKeys), Value: randomValue(r)}
	}
	return kvs
}

func randomID(r *rand.Rand, n int) []byte {
	switch r.IntN(20) {
	case 0:
		n = r.IntN(18)
	case 1:
		return make([]byte, n)
	}
	id := make([]byte, n)
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	return id
}

func randomSpan(r *rand.Rand) *trace.Span {
	s := &trace.Span{
		TraceId: randomID(r, 16), SpanId: randomID(r, 8), Name: pick(r, fuzzTexts),
		TraceState: pick(r, []string{"", "ot=th:8", "a=b,ot=th:c"}), Kind: trace.Span_SpanKind(r.IntN(8) - 1),
		StartTimeUnixNano: pick(r, []uint64{0, 1_760_000_000_000_000_000, 1<<64 - 1}), EndTimeUnixNano: r.Uint64(),
		Flags: pick(r, []uint32{0, 0x300, 0x100}), Attributes: randomAttributes(r, 10),
	}
	if r.IntN(2) == 0 {
		s.ParentSpanId = randomID(r, 8)
	}
	if r.IntN(2) == 0 {
		s.Status = &trace.Status{Message: pick(r, fuzzTexts), Code: trace.Status_StatusCode(r.IntN(5))}
	}
	for range r.IntN(3) {
		s.Links = append(s.Links, &trace.Span_Link{TraceId: randomID(r, 16), SpanId: randomID(r, 8), Attributes: randomAttributes(r, 2)})
		s.Events = append(s.Events, &trace.Span_Event{Name: "e", Attributes: randomAttributes(r, 2)})
	}
	return s
}

func randomRequest(r *rand.Rand, spans int) *collectortrace.ExportTraceServiceRequest {
	req := new(collectortrace.ExportTraceServiceRequest)
	for range 1 + r.IntN(3) {
		rs := &trace.ResourceSpans{SchemaUrl: "s"}
		if r.IntN(5) > 0 {
			rs.Resource = &resource.Resource{Attributes: randomAttributes(r, 8)}
		}
		for range r.IntN(3) {
			ss := &trace.ScopeSpans{Scope: &common.InstrumentationScope{Name: "n", Attributes: randomAttributes(r, 2)}}
			for range r.IntN(spans + 1) {
				ss.Spans = append(ss.Spans, randomSpan(r))
			}
			rs.ScopeSpans = append(rs.ScopeSpans, ss)
		}
		req.ResourceSpans = append(req.ResourceSpans, rs)
	}
	return req
}

// checkProto holds the decoder to the generated code: what that reads is read
// alike, and what is accepted has good framing at least.
func checkProto(body []byte) error {
	syms := collector.NewSymbols()
	got, rejected, err := decodePlain(syms, NewDecoder(syms, DecodeOptions{}).Proto, body)
	if err != nil && !errors.Is(err, collector.ErrMalformed) {
		return err
	}
	if err == nil && !requestFraming.holds(body) {
		return errors.New("a request of broken framing is accepted")
	}
	req := new(collectortrace.ExportTraceServiceRequest)
	if reference := proto.Unmarshal(body, req); reference != nil {
		return nil // something that is not read is wrong, or a text is no UTF-8
	}
	if err != nil {
		return fmt.Errorf("%w, but the generated code reads it", err)
	}
	want, wantRejected := oracle(req)
	return comparePlain(got, want, rejected, wantRejected)
}

func decodePlain(syms *collector.Symbols, decode func([]byte, func(*collector.Batch) error) (Result, error), body []byte) (spans []plainSpan, rejected int, err error) {
	out, err := decode(body, func(b *collector.Batch) error {
		for i := range b.Spans {
			links := append([]collector.Link(nil), b.LinksOf(&b.Spans[i])...)
			spans = append(spans, plain(syms, b.Spans[i], links))
		}
		return nil
	})
	if out.Spans != out.Accepted+out.Rejected+out.Throttled || out.Accepted != len(spans) {
		return nil, 0, fmt.Errorf("the sums of %+v are wrong, %d spans", out, len(spans))
	}
	return spans, out.Rejected, err
}

func comparePlain(got, want []plainSpan, rejected, wantRejected int) error {
	if len(got) != len(want) || rejected != wantRejected {
		return fmt.Errorf("%d spans and %d rejected, want %d and %d", len(got), rejected, len(want), wantRejected)
	}
	for i := range got {
		if !got[i].equal(want[i]) {
			return fmt.Errorf("span %d\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
	return nil
}

// A framing says which fields of a message are messages that the decoder reads
// whatever their other fields say.
type framing map[protowire.Number]framing

var (
	keyValueFraming = framing{2: framing{}}
	requestFraming  = framing{1: framing{
		1: framing{1: keyValueFraming},
		2: framing{2: framing{9: framing{}, 13: framing{}, 15: framing{}}},
	}}
)

// holds checks the wire format with the protobuf project's own reader. Values of
// span attributes are left to the generated code.
func (f framing) holds(b []byte) bool {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 || number > protowire.MaxValidNumber {
			return false
		}
		m := protowire.ConsumeFieldValue(number, kind, b[n:])
		if m < 0 {
			return false
		}
		if inner, ok := f[number]; ok && kind == protowire.BytesType {
			if p, _ := protowire.ConsumeBytes(b[n:]); !inner.holds(p) {
				return false
			}
		}
		b = b[n+m:]
	}
	return true
}

// The decoder and the generated code reduce every request to the same spans.
func TestProtoAgainstGenerated(t *testing.T) {
	for seed := range uint64(100) {
		r := rand.New(rand.NewPCG(seed, 1))
		body, err := proto.Marshal(randomRequest(r, 5))
		if err != nil {
			t.Fatal(err)
		}
		if err := checkProto(body); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if len(body) == 0 {
			continue
		}
		for range 20 { // and with a byte changed, taken out or cut off
			i := r.IntN(len(body))
			bad := append([]byte(nil), body...)
			switch r.IntN(3) {
			case 0:
				bad[i] = byte(r.Uint32())
			case 1:
				bad = append(bad[:i], bad[i+1:]...)
			case 2:
				bad = bad[:i]
			}
			if err := checkProto(bad); err != nil {
				t.Fatalf("seed %d, %x: %v", seed, bad, err)
			}
		}
	}
}

// OTLP/JSON is reduced to the same spans as the protobuf of the same request.
func TestJSONAgainstProto(t *testing.T) {
	for seed := range uint64(200) {
		req := randomRequest(rand.New(rand.NewPCG(seed, 2)), 5)
		if err := checkJSON(req); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}

func checkJSON(req *collectortrace.ExportTraceServiceRequest) error {
	body, err := asJSON(req)
	if err != nil {
		return err
	}
	syms := collector.NewSymbols()
	got, rejected, err := decodePlain(syms, NewDecoder(syms, DecodeOptions{}).JSON, body)
	if err != nil {
		return fmt.Errorf("%s: %w", body, err)
	}
	want, wantRejected := oracle(req)
	return comparePlain(got, want, rejected, wantRejected)
}

func FuzzProto(f *testing.F) {
	for seed := range uint64(20) {
		body, err := proto.Marshal(randomRequest(rand.New(rand.NewPCG(seed, 3)), 2))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if err := checkProto(body); err != nil {
			t.Fatal(err)
		}
		req := new(collectortrace.ExportTraceServiceRequest)
		if proto.Unmarshal(body, req) == nil {
			if err := checkJSON(req); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzJSON(f *testing.F) {
	for seed := range uint64(20) {
		body, err := asJSON(randomRequest(rand.New(rand.NewPCG(seed, 4)), 1))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		syms := collector.NewSymbols()
		_, _, err := decodePlain(syms, NewDecoder(syms, DecodeOptions{}).JSON, body)
		if err == nil && !json.Valid(body) {
			t.Fatalf("%q is accepted and is no JSON", body)
		}
		if err != nil && !errors.Is(err, collector.ErrMalformed) {
			t.Fatal(err)
		}
	})
}
