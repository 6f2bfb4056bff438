package otlp

import (
	"math"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// A DecodeOptions says what is read beside the fixed attributes.
type DecodeOptions struct {
	TeamAttribute string // resource attribute that names the owning team; "" means "team"
}

// A Result is what became of a request's spans.
type Result = collector.Outcome

// A Decoder reads export requests. It may be used again and again, but not in
// parallel. The batches that it yields are its own and valid during the call.
type Decoder struct {
	red *collector.Reducer
	out collector.Handoff

	body     []byte // of the request in hand
	resource collector.Sym
	span     sentSpan
	json     intake.JSON
	ids      []byte // decoded from hex, of the span in hand

	walkProto, walkJSON func() error // bound once, so that a request allocates no closure
}

// A sentSpan is what a span says outside its attributes and links. Slices point
// into the request.
type sentSpan struct {
	trace, id, parent []byte
	noHex             [3]bool // by collector.Rejection: the id in JSON is no hex
	kind              int32
	start, end        uint64
	fields            collector.Fields
}

// NewDecoder returns a decoder that interns names into syms.
func NewDecoder(syms *collector.Symbols, o DecodeOptions) *Decoder {
	d := &Decoder{red: collector.NewReducer(syms, collector.ReduceOptions{TeamAttribute: o.TeamAttribute})}
	d.walkProto, d.walkJSON = d.protoRequest, d.jsonRequest
	return d
}

// Proto reads a protobuf ExportTraceServiceRequest and yields its spans in
// batches of at most collector.ChunkSpans. If the request is malformed or too
// large nothing is yielded, and the error is collector.ErrMalformed or
// collector.ErrTooManySpans. When yield returns an error no more is yielded, the
// spans left count as throttled, and Proto returns that error along with the
// result.
func (d *Decoder) Proto(body []byte, yield func(*collector.Batch) error) (Result, error) {
	return d.run(body, d.walkProto, yield)
}

// JSON is Proto for OTLP/JSON.
func (d *Decoder) JSON(body []byte, yield func(*collector.Batch) error) (Result, error) {
	return d.run(body, d.walkJSON, yield)
}

func (d *Decoder) run(body []byte, walk func() error, yield func(*collector.Batch) error) (Result, error) {
	d.body = body
	defer func() { d.body, d.span = nil, sentSpan{} }()
	return d.out.Run(d.red, walk, yield)
}

// finish decides on s, whose links and attributes have been read: it is filled
// from d.span, or rejected and dropped (rule I1).
func (d *Decoder) finish(s *collector.Span) {
	sent := &d.span
	switch {
	case sent.noHex[collector.RejectTraceID] || len(sent.trace) != len(s.Trace) || collector.TraceID(sent.trace).IsZero():
		d.reject(s, collector.RejectTraceID, sent.trace)
		return
	case sent.noHex[collector.RejectSpanID] || len(sent.id) != len(s.ID) || collector.SpanID(sent.id).IsZero():
		d.reject(s, collector.RejectSpanID, sent.id)
		return
	case sent.noHex[collector.RejectParentID] || len(sent.parent) != len(s.Parent) && len(sent.parent) != 0:
		d.reject(s, collector.RejectParentID, sent.parent)
		return
	}
	s.Trace, s.ID = collector.TraceID(sent.trace), collector.SpanID(sent.id)
	if len(sent.parent) != 0 {
		s.Parent = collector.SpanID(sent.parent)
	}
	s.Resource = d.resource
	if sent.kind > 0 && sent.kind <= int32(collector.KindConsumer) {
		s.Kind = collector.Kind(sent.kind)
	}
	s.Start, s.End = int64(min(sent.start, math.MaxInt64)), int64(min(sent.end, math.MaxInt64))
	d.red.EndSpan(s, &sent.fields)
}

func (d *Decoder) reject(s *collector.Span, why collector.Rejection, id []byte) {
	d.out.Drop(s)
	d.out.Reject(why, id)
}

// link adds a link to s, unless its ids are no ids or s has too many.
func (d *Decoder) link(s *collector.Span, trace, id []byte) {
	var l collector.Link
	if len(trace) != len(l.Trace) || len(id) != len(l.ID) {
		d.red.Repaired[collector.RepairLink]++
		return
	}
	l = collector.Link{Trace: collector.TraceID(trace), ID: collector.SpanID(id)}
	if l.Trace.IsZero() || l.ID.IsZero() {
		d.red.Repaired[collector.RepairLink]++
	} else if !d.out.Link(s, l) {
		d.red.Repaired[collector.RepairMaxLinks]++
	}
}
