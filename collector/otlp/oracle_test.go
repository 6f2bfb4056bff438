package otlp

import (
	"encoding/base64"
	"encoding/hex"
	"math"
	"slices"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"graphctl/collector"
)

// The decoder's oracle: the generated code of the OpenTelemetry project reads
// the request, and this file walks its objects in the plainest way.

// A plainSpan is a reduced span with its records in place of numbers, so that
// spans of two symbol tables compare.
type plainSpan struct {
	span     collector.Span
	resource collector.Resource
	far      collector.Far
	name     string
	links    []collector.Link
}

func plain(syms *collector.Symbols, s collector.Span, links []collector.Link) plainSpan {
	p := plainSpan{s, syms.Resource(s.Resource), syms.Far(s.Far), syms.Text(s.Name), links}
	p.span.Resource, p.span.Far, p.span.Name, p.span.FirstLink = 0, 0, 0, 0
	return p
}

func (p plainSpan) equal(q plainSpan) bool {
	return p.span == q.span && p.resource == q.resource && p.far == q.far && p.name == q.name && slices.Equal(p.links, q.links)
}

// oracle reduces req span by span, and counts those that it rejects.
func oracle(req *collectortrace.ExportTraceServiceRequest) (spans []plainSpan, rejected int) {
	syms := collector.NewSymbols()
	red := collector.NewReducer(syms, collector.ReduceOptions{})
	for _, rs := range req.GetResourceSpans() {
		red.BeginResource()
		for _, kv := range rs.GetResource().GetAttributes() {
			red.SetResource([]byte(kv.GetKey()), oracleValue(kv.GetValue()))
		}
		resource := red.EndResource()
		for _, ss := range rs.GetScopeSpans() {
			for _, from := range ss.GetSpans() {
				s, links, ok := oracleSpan(red, from)
				if !ok {
					rejected++
					continue
				}
				s.Resource = resource
				spans = append(spans, plain(syms, s, links))
			}
		}
	}
	return spans, rejected
}

func oracleSpan(red *collector.Reducer, from *trace.Span) (s collector.Span, links []collector.Link, ok bool) {
	parent := from.GetParentSpanId()
	if !isID(from.GetTraceId(), 16) || !isID(from.GetSpanId(), 8) || len(parent) != 0 && len(parent) != 8 {
		return s, nil, false
	}
	copy(s.Trace[:], from.GetTraceId())
	copy(s.ID[:], from.GetSpanId())
	copy(s.Parent[:], parent)
	if k := from.GetKind(); k >= 0 && k <= 5 {
		s.Kind = collector.Kind(k)
	}
	s.Start = int64(min(from.GetStartTimeUnixNano(), math.MaxInt64))
	s.End = int64(min(from.GetEndTimeUnixNano(), math.MaxInt64))
	red.BeginSpan()
	for _, kv := range from.GetAttributes() {
		if a := collector.SpanAttribute([]byte(kv.GetKey())); a != 0 {
			red.Set(a, oracleValue(kv.GetValue()))
		}
	}
	red.EndSpan(&s, &collector.Fields{
		Name: []byte(from.GetName()), TraceState: []byte(from.GetTraceState()),
		Status: int32(from.GetStatus().GetCode()), Flags: from.GetFlags(),
	})
	for _, l := range from.GetLinks() {
		if isID(l.GetTraceId(), 16) && isID(l.GetSpanId(), 8) && len(links) < collector.MaxLinks {
			links = append(links, collector.Link{Trace: collector.TraceID(l.GetTraceId()), ID: collector.SpanID(l.GetSpanId())})
		}
	}
	s.Links = uint16(len(links))
	return s, links, true
}

func isID(id []byte, n int) bool {
	return len(id) == n && slices.ContainsFunc(id, func(b byte) bool { return b != 0 })
}

func oracleValue(v *common.AnyValue) collector.Value {
	switch v := v.GetValue().(type) {
	case nil:
		return collector.Value{}
	case *common.AnyValue_StringValue:
		return collector.Value{Type: collector.String, Text: []byte(v.StringValue)}
	case *common.AnyValue_IntValue:
		return collector.Value{Type: collector.Int, Int: v.IntValue}
	case *common.AnyValue_DoubleValue:
		return collector.Value{Type: collector.Double, Double: v.DoubleValue}
	case *common.AnyValue_BoolValue:
		n := int64(0)
		if v.BoolValue {
			n = 1
		}
		return collector.Value{Type: collector.Bool, Int: n}
	}
	return collector.Value{Type: collector.Composite}
}

// asJSON writes a request as OTLP/JSON: the protobuf mapping with ids in hex.
func asJSON(req *collectortrace.ExportTraceServiceRequest) ([]byte, error) {
	req = proto.CloneOf(req)
	for _, rs := range req.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				s.TraceId, s.SpanId, s.ParentSpanId = asHex(s.TraceId), asHex(s.SpanId), asHex(s.ParentSpanId)
				for _, l := range s.Links {
					l.TraceId, l.SpanId = asHex(l.TraceId), asHex(l.SpanId)
				}
			}
		}
	}
	return protojson.MarshalOptions{UseEnumNumbers: true}.Marshal(req)
}

// asHex returns the bytes whose base64 is the hex of id, so that protojson
// writes hex. That works for ids of an even number of bytes; others become
// four digits that stand for two bytes, which is also a bad length.
func asHex(id []byte) []byte {
	digits := hex.EncodeToString(id)
	if len(digits)%4 != 0 {
		digits = "abcd"
	}
	b, err := base64.StdEncoding.DecodeString(digits)
	if err != nil {
		panic(err)
	}
	return b
}
