package otlp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"graphctl/collector"
)

func text(key, v string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: v}}}
}

func number(key string, v int64) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: v}}}
}

func id(n int, v uint64) []byte {
	b := make([]byte, n)
	binary.BigEndian.PutUint64(b[n-8:], v)
	return b
}

// manySpans is a request of n spans, each with a link to the one before it.
func manySpans(n int) *collectortrace.ExportTraceServiceRequest {
	ss := new(trace.ScopeSpans)
	for i := range n {
		ss.Spans = append(ss.Spans, &trace.Span{TraceId: id(16, 1), SpanId: id(8, uint64(i)+1), Name: "n",
			Links: []*trace.Span_Link{{TraceId: id(16, 1), SpanId: id(8, uint64(i)+2)}}})
	}
	return &collectortrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource:   &resource.Resource{Attributes: []*common.KeyValue{text("service.name", "s")}},
		ScopeSpans: []*trace.ScopeSpans{ss},
	}}}
}

func marshal(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Requests around the sizes at which batches are cut come through whole, in
// order, each span with its own link.
func TestLargeRequests(t *testing.T) {
	d := NewDecoder(collector.NewSymbols(), DecodeOptions{})
	for _, n := range []int{0, 1, 1023, 1024, 1025, 8191, 8192, 8193, 20_000} {
		spans, links, out, err := collect(t, d.Proto, marshal(t, manySpans(n)))
		if err != nil || len(spans) != n || out.Accepted != n || out.Spans != n {
			t.Fatalf("%d spans: got %d, outcome %+v, error %v", n, len(spans), out, err)
		}
		for i := range spans {
			if got := binary.BigEndian.Uint64(spans[i].ID[:]); got != uint64(i)+1 {
				t.Fatalf("%d spans: number %d is %d", n, i, got)
			}
			if len(links[i]) != 1 || binary.BigEndian.Uint64(links[i][0].ID[:]) != uint64(i)+2 {
				t.Fatalf("%d spans: links of number %d are %v", n, i, links[i])
			}
		}
	}
}

// Nothing of a large request is handed on if its end is broken.
func TestLargeRequestBroken(t *testing.T) {
	body := append(marshal(t, manySpans(20_000)), 0xff)
	spans, _, out, err := collect(t, NewDecoder(collector.NewSymbols(), DecodeOptions{}).Proto, body)
	if !errors.Is(err, collector.ErrMalformed) || len(spans) != 0 || out.Spans != 0 {
		t.Errorf("%d spans, outcome %+v, error %v", len(spans), out, err)
	}
}

func TestTooManySpans(t *testing.T) {
	span := marshal(t, &trace.Span{TraceId: id(16, 1), SpanId: id(8, 1)})
	var spans []byte
	for range collector.MaxSpans + 1 {
		spans = append(spans, 2<<3|wireBytes, byte(len(span)))
		spans = append(spans, span...)
	}
	wrap := func(number byte, b []byte) []byte {
		return append(binary.AppendUvarint([]byte{number<<3 | wireBytes}, uint64(len(b))), b...)
	}
	d := NewDecoder(collector.NewSymbols(), DecodeOptions{})
	got, _, _, err := collect(t, d.Proto, wrap(1, wrap(2, spans)))
	if !errors.Is(err, collector.ErrTooManySpans) || len(got) != 0 {
		t.Errorf("%d spans, error %v", len(got), err)
	}
}

// Links beyond the bound, of a span and of what is held, cost links and no span.
func TestManyLinks(t *testing.T) {
	req := manySpans(100)
	for _, s := range req.ResourceSpans[0].ScopeSpans[0].Spans {
		for i := range 1100 {
			s.Links = append(s.Links, &trace.Span_Link{TraceId: id(16, 9), SpanId: id(8, uint64(i)+1)})
		}
	}
	spans, links, out, err := collect(t, NewDecoder(collector.NewSymbols(), DecodeOptions{}).Proto, marshal(t, req))
	if err != nil || len(spans) != 100 {
		t.Fatalf("%d spans, error %v", len(spans), err)
	}
	for i := range links {
		if len(links[i]) != collector.MaxLinks || links[i][1].ID != collector.SpanID(id(8, 1)) {
			t.Fatalf("span %d has %d links", i, len(links[i]))
		}
	}
	if got, want := out.Repaired[collector.RepairMaxLinks], 100*(1101-collector.MaxLinks); got != want {
		t.Errorf("%d links counted as left out, want %d", got, want)
	}
}

// When the sink refuses, what it took before is accepted, the rest throttled,
// and what is no span is rejected as ever.
func TestSinkRefuses(t *testing.T) {
	for _, n := range []int{3000, 30_000} {
		for _, accept := range []int{0, 1, 2} {
			req := manySpans(n)
			req.ResourceSpans[0].ScopeSpans[0].Spans[n-1].SpanId = nil
			calls := 0
			out, err := NewDecoder(collector.NewSymbols(), DecodeOptions{}).Proto(marshal(t, req), func(*collector.Batch) error {
				if calls++; calls > accept {
					return fmt.Errorf("router: %w", &collector.BusyError{Why: collector.ThrottleDisk})
				}
				return nil
			})
			if !errors.Is(err, collector.ErrBusy) || calls != accept+1 {
				t.Errorf("error %v after %d calls", err, calls)
			}
			taken := accept * collector.ChunkSpans
			if out.Spans != n || out.Accepted != taken || out.Rejected != 1 || out.Throttled != n-1-taken || out.ThrottledFor != collector.ThrottleDisk {
				t.Errorf("%d spans, %d batches taken: outcome %+v", n, accept, out)
			}
		}
	}
}

// Spans with bad ids are rejected one by one, and the first is named.
func TestRejections(t *testing.T) {
	req := manySpans(6)
	spans := req.ResourceSpans[0].ScopeSpans[0].Spans
	spans[1].TraceId = id(15, 1)
	spans[2].SpanId = make([]byte, 8)
	spans[3].ParentSpanId = id(9, 1)
	spans[4].ParentSpanId = make([]byte, 8)
	got, _, out, err := collect(t, NewDecoder(collector.NewSymbols(), DecodeOptions{}).Proto, marshal(t, req))
	if err != nil || len(got) != 3 || out.Rejected != 3 || out.RejectedFor != [3]int{1, 1, 1} {
		t.Fatalf("%d spans, outcome %+v, error %v", len(got), out, err)
	}
	if !got[1].Parent.IsZero() {
		t.Errorf("an all-zero parent became %v", got[1].Parent)
	}
	const want = "3 of 6 spans rejected; the first: span 2 of the request has a bad trace_id of 15 bytes, 0x000000000000000000000000000001"
	if out.Message != want {
		t.Errorf("message\n got %s\nwant %s", out.Message, want)
	}
}

// Names that found no room are told to the sender.
func TestFoldedMessage(t *testing.T) {
	syms := collector.NewLimitedSymbols(collector.SymbolLimits{Names: 1})
	_, _, out, err := collect(t, NewDecoder(syms, DecodeOptions{}).Proto, marshal(t, manySpans(2)))
	if err != nil || out.Folded != 2 || out.Message == "" || out.Rejected != 0 {
		t.Errorf("outcome %+v, error %v", out, err)
	}
}

// A resource in parts adds up, each part on its own is a message, and the memory
// of resources mixes none up.
func TestResourceParts(t *testing.T) {
	resourceOf := func(kvs ...*common.KeyValue) []byte {
		return marshal(t, &resource.Resource{Attributes: kvs})
	}
	field := func(number byte, b []byte) []byte {
		return append(binary.AppendUvarint([]byte{number<<3 | wireBytes}, uint64(len(b))), b...)
	}
	span := field(2, field(2, marshal(t, &trace.Span{TraceId: id(16, 1), SpanId: id(8, 1)})))
	join := func(parts ...[]byte) []byte { return field(1, bytes.Join(parts, nil)) }
	named, spaced := resourceOf(text("service.name", "a")), resourceOf(text("service.namespace", "n"))
	whole := resourceOf(text("service.name", "a"), text("service.namespace", "n"))
	syms := collector.NewSymbols()
	d := NewDecoder(syms, DecodeOptions{})
	for range 2 { // the second time from memory
		for _, c := range []struct {
			body []byte
			want collector.Resource
		}{
			{join(field(1, named), span), collector.Resource{Name: "a"}},
			{join(span, field(1, named)), collector.Resource{Name: "a"}},
			{join(span), collector.Resource{}},
			{join(field(1, nil), span), collector.Resource{}},
			{join(field(1, named), span, field(1, spaced)), collector.Resource{Name: "a", Namespace: "n"}},
			{join(field(1, whole), span), collector.Resource{Name: "a", Namespace: "n"}},
		} {
			spans, _, out, err := collect(t, d.Proto, c.body)
			if err != nil || len(spans) != 1 || syms.Resource(spans[0].Resource) != c.want {
				t.Fatalf("%x: outcome %+v, error %v, want %+v", c.body, out, err, c.want)
			}
			if nameless := c.want.Name == ""; nameless != (out.Repaired[collector.RepairService] == 1) {
				t.Errorf("%x: %d spans without a service", c.body, out.Repaired[collector.RepairService])
			}
		}
		cut := join(field(1, whole[:5]), field(1, whole[5:]), span)
		if _, _, _, err := collect(t, d.Proto, cut); !errors.Is(err, collector.ErrMalformed) {
			t.Errorf("a resource cut in two: %v", err)
		}
	}
}
