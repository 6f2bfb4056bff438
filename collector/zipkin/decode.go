// Package zipkin receives spans in Zipkin's v2 JSON.
//
// A span's localEndpoint names its service and its remoteEndpoint the peer;
// tags are attributes. Client and server halves that share one id stay two
// spans, joined by inference.
package zipkin

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// A Decoder reads lists of spans. It may be used again and again, but not in
// parallel. The batches that it yields are its own and valid during the call.
type Decoder struct {
	red  *collector.Reducer
	out  collector.Handoff
	json intake.JSON
	body []byte
	walk func() error

	span   sentSpan
	ids    []byte // decoded ids of the span in hand
	padded []byte // an id of an odd number of digits
	name   []byte // service name in lower case
}

// A sentSpan is what a span says outside its tags.
type sentSpan struct {
	trace, id, parent, kind []byte
	fields                  collector.Fields
	timestamp, duration     uint64 // µs
	service                 []byte
	remote                  endpoint
}

type endpoint struct {
	name, ip []byte
	port     int64
}

// NewDecoder returns a decoder that interns names into syms.
func NewDecoder(syms *collector.Symbols) *Decoder {
	d := &Decoder{red: collector.NewReducer(syms, collector.ReduceOptions{})}
	d.walk = d.spans
	return d
}

// JSON reads a list of spans and yields them in batches of at most
// collector.ChunkSpans. If it is malformed or too large nothing is yielded, and
// the error is collector.ErrMalformed or collector.ErrTooManySpans. When yield
// returns an error no more is yielded, the spans left count as throttled, and
// JSON returns that error along with the outcome.
func (d *Decoder) JSON(body []byte, yield func(*collector.Batch) error) (collector.Outcome, error) {
	d.body = body
	defer func() { d.body, d.span = nil, sentSpan{} }()
	return d.out.Run(d.red, d.walk, yield)
}

func (d *Decoder) spans() error {
	j := &d.json
	j.Reset(d.body)
	defer j.Reset(nil)
	if j.Null() {
		j.Fail("want a list of spans")
	}
	for j.Array(); j.Next(); {
		if err := d.out.Count(); err != nil {
			return err
		}
		d.readSpan()
	}
	if err := j.End(); err != nil {
		return fmt.Errorf("%w: %w", collector.ErrMalformed, err)
	}
	return nil
}

// readSpan reads {"traceId", "id", "parentId", "kind", "name", "timestamp",
// "duration", "localEndpoint", "remoteEndpoint", "tags"}. "shared" and "debug"
// say nothing that the rules read.
func (d *Decoder) readSpan() {
	j := &d.json
	j.Forget()
	d.ids = d.ids[:0]
	d.span = sentSpan{}
	sent := &d.span
	d.red.BeginSpan()
	if j.Null() {
		j.Fail("null in an array")
	}
	for j.Object(); j.Next(); {
		switch string(j.Key()) {
		case "traceId":
			sent.trace, _ = j.Text()
		case "id":
			sent.id, _ = j.Text()
		case "parentId":
			sent.parent, _ = j.Text()
		case "kind":
			sent.kind, _ = j.Text()
		case "name":
			sent.fields.Name, _ = j.Text()
		case "timestamp":
			sent.timestamp, _ = j.Uint64()
		case "duration":
			sent.duration, _ = j.Uint64()
		case "localEndpoint":
			sent.service = d.readEndpoint().name
		case "remoteEndpoint":
			sent.remote = d.readEndpoint()
		case "tags":
			d.readTags()
		default:
			j.Skip()
		}
	}
	if j.Err() == nil {
		d.finish()
	}
}

// readEndpoint reads {"serviceName", "ipv4", "ipv6", "port"}.
func (d *Decoder) readEndpoint() (e endpoint) {
	j := &d.json
	for j.Object(); j.Next(); {
		switch string(j.Key()) {
		case "serviceName":
			e.name, _ = j.Text()
		case "ipv4", "ipv6":
			if ip, ok := j.Text(); ok && len(e.ip) == 0 {
				e.ip = ip
			}
		case "port":
			e.port, _ = j.Int64()
		default:
			j.Skip()
		}
	}
	return e
}

// readTags reads an object of strings. A tag "error" fails the span whatever it
// says, but for "false".
func (d *Decoder) readTags() {
	j := &d.json
	for j.Object(); j.Next(); {
		a := collector.SpanAttribute(j.Key())
		if text, ok := j.Text(); ok && a != 0 {
			d.red.Set(a, collector.Value{Type: collector.String, Text: text})
		}
	}
}

// finish turns what was sent into a span, or rejects it.
func (d *Decoder) finish() {
	sent := &d.span
	to := d.out.Next()
	if !d.readIDs(to) {
		return
	}
	to.Kind = kindOf(sent.kind)
	to.Start = nanoseconds(sent.timestamp)
	to.End = nanoseconds(sent.timestamp + min(sent.duration, math.MaxUint64-sent.timestamp))
	d.setRemote()
	d.name = append(d.name[:0], bytes.ToLower(sent.service)...)
	d.red.BeginResource()
	d.red.SetResource([]byte("service.name"), collector.Value{Type: collector.String, Text: d.name})
	to.Resource = d.red.EndResource()
	d.red.EndSpan(to, &sent.fields)
}

// setRemote makes attributes of the remote endpoint, below those that tags give.
func (d *Decoder) setRemote() {
	e := &d.span.remote
	if len(e.name) > 0 && !d.red.Has(collector.AttrPeerService) {
		d.red.Set(collector.AttrPeerService, collector.Value{Type: collector.String, Text: bytes.ToLower(e.name)})
	}
	if len(e.ip) > 0 && !d.red.Has(collector.AttrNetPeerIP) {
		d.red.Set(collector.AttrNetPeerIP, collector.Value{Type: collector.String, Text: e.ip})
		if e.port > 0 && !d.red.Has(collector.AttrNetPeerPort) {
			d.red.Set(collector.AttrNetPeerPort, collector.Value{Type: collector.Int, Int: e.port})
		}
	}
}

// readIDs fills in the ids of to: a trace id has 16 to 32 digits, the others
// have 16. If one is wrong the span is taken back and rejected.
func (d *Decoder) readIDs(to *collector.Span) bool {
	sent := &d.span
	trace, ok := d.hex(sent.trace)
	if !ok || len(trace) < 8 || len(trace) > 16 || zero(trace) {
		return d.reject(to, collector.RejectTraceID, sent.trace)
	}
	copy(to.Trace[16-len(trace):], trace)
	id, ok := d.hex(sent.id)
	if !ok || len(id) != 8 || zero(id) {
		return d.reject(to, collector.RejectSpanID, sent.id)
	}
	copy(to.ID[:], id)
	parent, ok := d.hex(sent.parent)
	if !ok || len(parent) != 8 && len(parent) != 0 {
		return d.reject(to, collector.RejectParentID, sent.parent)
	}
	copy(to.Parent[:], parent)
	return true
}

func (d *Decoder) reject(to *collector.Span, why collector.Rejection, id []byte) bool {
	d.out.Drop(to)
	d.out.Reject(why, id)
	return false
}

// hex decodes an id. One with an odd number of digits lacks a leading zero.
func (d *Decoder) hex(text []byte) (id []byte, ok bool) {
	start := len(d.ids)
	if len(text)%2 != 0 {
		d.padded = append(append(d.padded[:0], '0'), text...)
		text = d.padded
	}
	ids, err := hex.AppendDecode(d.ids, text)
	if err != nil {
		return nil, false
	}
	d.ids = ids
	return ids[start:], true
}

func zero(id []byte) bool { return len(bytes.TrimLeft(id, "\x00")) == 0 }

// kindOf reads a kind; what is unknown counts as missing.
func kindOf(text []byte) collector.Kind {
	switch string(text) {
	case "CLIENT":
		return collector.KindClient
	case "SERVER":
		return collector.KindServer
	case "PRODUCER":
		return collector.KindProducer
	case "CONSUMER":
		return collector.KindConsumer
	}
	return collector.KindUnspecified
}

// nanoseconds converts µs, clamped to the range of int64.
func nanoseconds(us uint64) int64 {
	if us > math.MaxInt64/1000 {
		return math.MaxInt64
	}
	return int64(us) * 1000
}
