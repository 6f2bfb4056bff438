package otlp

import (
	"fmt"
	"math"

	"graphctl/collector"
)

// The walk over protobuf: one function for each message, with the fields that
// are read. All other fields are skipped by their length. Each returns false if
// its bytes are malformed. As in any protobuf reader a field of the wrong wire
// type is an unknown one, and of a repeated single field the last counts.

// protoRequest reads d.body:
//
//	message ExportTraceServiceRequest { repeated ResourceSpans resource_spans = 1; }
func (d *Decoder) protoRequest() error {
	b := d.body
	n := 0 // resource spans read
	for i := 0; i < len(b); {
		var t uint64
		if t, i = tag(b, i); i < 0 {
			return malformed("protobuf after %d resource_spans", n)
		}
		if t != 1<<3|wireBytes {
			if i = skip(b, i, t); i < 0 {
				return malformed("protobuf after %d resource_spans", n)
			}
			continue
		}
		var p []byte
		if p, i = chunk(b, i); i < 0 {
			return malformed("protobuf after %d resource_spans", n)
		}
		ok, err := d.protoResourceSpans(p)
		if err != nil {
			return err
		}
		if !ok {
			return malformed("protobuf in resource_spans %d", n)
		}
		n++
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", collector.ErrMalformed, fmt.Sprintf(format, args...))
}

//	message ResourceSpans {
//	  Resource resource = 1;
//	  repeated ScopeSpans scope_spans = 2;
//	}
//
// The resource may come after the spans, so it is read first.
func (d *Decoder) protoResourceSpans(b []byte) (bool, error) {
	var resource []byte
	parts := 0
	for i := 0; i < len(b); {
		var t uint64
		if t, i = tag(b, i); i < 0 {
			return false, nil
		}
		if t == 1<<3|wireBytes {
			resource, i = chunk(b, i)
			parts++
		} else {
			i = skip(b, i, t)
		}
		if i < 0 {
			return false, nil
		}
	}
	if parts > 1 && !d.protoResourceParts(b) || parts <= 1 && !d.protoResource(resource) {
		return false, nil
	}
	for i := 0; i < len(b); { // the second time around nothing is malformed
		var t uint64
		t, i = tag(b, i)
		if t != 2<<3|wireBytes {
			i = skip(b, i, t)
			continue
		}
		var p []byte
		p, i = chunk(b, i)
		if ok, err := d.protoScopeSpans(p); !ok || err != nil {
			return ok, err
		}
	}
	return true, nil
}

// protoResource reads a whole resource, perhaps from memory.
func (d *Decoder) protoResource(b []byte) bool {
	if y, ok := d.red.KnownResource(b); ok {
		d.resource = y
		return true
	}
	d.red.BeginResource()
	if !d.protoResourceAttributes(b) {
		return false
	}
	d.resource = d.red.EndEncodedResource(b)
	return true
}

// protoResourceParts reads the resource of a ResourceSpans, whose framing is
// good, that gives it in parts: as in any protobuf reader they add up.
func (d *Decoder) protoResourceParts(b []byte) bool {
	d.red.BeginResource()
	for i := 0; i < len(b); {
		var t uint64
		t, i = tag(b, i)
		if t != 1<<3|wireBytes {
			i = skip(b, i, t)
			continue
		}
		var p []byte
		if p, i = chunk(b, i); !d.protoResourceAttributes(p) {
			return false
		}
	}
	d.resource = d.red.EndResource()
	return true
}

// message Resource { repeated KeyValue attributes = 1; }
func (d *Decoder) protoResourceAttributes(b []byte) bool {
	for i := 0; i < len(b); {
		var t uint64
		if t, i = tag(b, i); i < 0 {
			return false
		}
		if t != 1<<3|wireBytes {
			if i = skip(b, i, t); i < 0 {
				return false
			}
			continue
		}
		var p []byte
		if p, i = chunk(b, i); i < 0 {
			return false
		}
		key, v, ok := protoKeyValue(p)
		if !ok {
			return false
		}
		d.red.SetResource(key, v)
	}
	return true
}

// message ScopeSpans { repeated Span spans = 2; }
func (d *Decoder) protoScopeSpans(b []byte) (bool, error) {
	for i := 0; i < len(b); {
		var t uint64
		if t, i = tag(b, i); i < 0 {
			return false, nil
		}
		if t != 2<<3|wireBytes {
			if i = skip(b, i, t); i < 0 {
				return false, nil
			}
			continue
		}
		var p []byte
		if p, i = chunk(b, i); i < 0 {
			return false, nil
		}
		if err := d.out.Count(); err != nil {
			return true, err
		}
		s := d.out.Next()
		if !d.protoSpan(p, s) {
			return false, nil
		}
		d.finish(s)
	}
	return true, nil
}

//	message Span {
//	  bytes trace_id = 1;  bytes span_id = 2;  string trace_state = 3;
//	  bytes parent_span_id = 4;  string name = 5;  SpanKind kind = 6;
//	  fixed64 start_time_unix_nano = 7;  fixed64 end_time_unix_nano = 8;
//	  repeated KeyValue attributes = 9;  repeated Link links = 13;
//	  Status status = 15;  fixed32 flags = 16;
//	}
func (d *Decoder) protoSpan(b []byte, s *collector.Span) bool {
	d.red.BeginSpan()
	d.span = sentSpan{}
	sent := &d.span
	for i := 0; i < len(b); {
		var t, v uint64
		var p []byte
		if t = uint64(b[i]); t >= 1<<3 && t < 0x80 {
			i++
		} else if t, i = tag(b, i); i < 0 {
			return false
		}
		switch t {
		case 9<<3 | wireBytes:
			if n := shortLen(b, i); n >= 0 {
				p, i = b[i+1:i+1+n], i+1+n
			} else if p, i = chunk(b, i); i < 0 {
				return false
			}
			if !d.protoAttribute(p) {
				return false
			}
		case 1<<3 | wireBytes:
			sent.trace, i = chunk(b, i)
		case 2<<3 | wireBytes:
			sent.id, i = chunk(b, i)
		case 3<<3 | wireBytes:
			sent.fields.TraceState, i = chunk(b, i)
		case 4<<3 | wireBytes:
			sent.parent, i = chunk(b, i)
		case 5<<3 | wireBytes:
			sent.fields.Name, i = chunk(b, i)
		case 6<<3 | wireVarint:
			v, i = varint(b, i)
			sent.kind = int32(v)
		case 7<<3 | wireFixed64:
			sent.start, i = fixed64(b, i)
		case 8<<3 | wireFixed64:
			sent.end, i = fixed64(b, i)
		case 13<<3 | wireBytes:
			if p, i = chunk(b, i); i < 0 || !d.protoLink(p, s) {
				return false
			}
		case 15<<3 | wireBytes:
			if p, i = chunk(b, i); i < 0 || !protoStatus(p, &sent.fields.Status) {
				return false
			}
		case 16<<3 | wireFixed32:
			sent.fields.Flags, i = fixed32(b, i)
		default:
			i = skip(b, i, t)
		}
		if i < 0 {
			return false
		}
	}
	return true
}

// message Link { bytes trace_id = 1; bytes span_id = 2; }
func (d *Decoder) protoLink(b []byte, s *collector.Span) bool {
	var trace, id []byte
	for i := 0; i < len(b); {
		var t uint64
		if t, i = tag(b, i); i < 0 {
			return false
		}
		switch t {
		case 1<<3 | wireBytes:
			trace, i = chunk(b, i)
		case 2<<3 | wireBytes:
			id, i = chunk(b, i)
		default:
			i = skip(b, i, t)
		}
		if i < 0 {
			return false
		}
	}
	d.link(s, trace, id)
	return true
}

// message Status { StatusCode code = 3; }
func protoStatus(b []byte, code *int32) bool {
	for i := 0; i < len(b); {
		var t, v uint64
		if t, i = tag(b, i); i < 0 {
			return false
		}
		if t == 3<<3|wireVarint {
			v, i = varint(b, i)
			*code = int32(v)
		} else {
			i = skip(b, i, t)
		}
		if i < 0 {
			return false
		}
	}
	return true
}

// protoAttribute reads a span's KeyValue. The value is looked at only if a rule
// reads the key. Nearly all have the key and then the value and nothing else.
func (d *Decoder) protoAttribute(b []byte) bool {
	if n := shortLen(b, 1); n >= 0 && b[0] == 1<<3|wireBytes {
		key, rest := b[2:2+n], b[2+n:]
		m := shortLen(rest, 1)
		if m >= 0 && m == len(rest)-2 && rest[0] == 2<<3|wireBytes {
			a := collector.SpanAttribute(key)
			return a == 0 || protoValue(rest[2:], d.red.Value(a))
		}
	}
	key, v, ok := protoKeyValue(b)
	if !ok {
		return false
	}
	if a := collector.SpanAttribute(key); a != 0 {
		d.red.Set(a, v)
	}
	return true
}

// message KeyValue { string key = 1; AnyValue value = 2; }
func protoKeyValue(b []byte) (key []byte, v collector.Value, ok bool) {
	for i := 0; i < len(b); {
		var t uint64
		var p []byte
		if t, i = tag(b, i); i < 0 {
			return nil, v, false
		}
		switch t {
		case 1<<3 | wireBytes:
			key, i = chunk(b, i)
		case 2<<3 | wireBytes:
			if p, i = chunk(b, i); i < 0 || !protoValue(p, &v) {
				return nil, v, false
			}
		default:
			i = skip(b, i, t)
		}
		if i < 0 {
			return nil, v, false
		}
	}
	return key, v, true
}

//	message AnyValue {
//	  oneof value {
//	    string string_value = 1;  bool bool_value = 2;  int64 int_value = 3;
//	    double double_value = 4;  ArrayValue array_value = 5;
//	    KeyValueList kvlist_value = 6;  bytes bytes_value = 7;
//	    int32 string_value_strindex = 8;
//	  }
//	}
//
// Of the last four only the presence is of interest.
func protoValue(b []byte, v *collector.Value) bool {
	if n := shortLen(b, 1); n >= 0 && n == len(b)-2 && b[0] == 1<<3|wireBytes {
		v.Type, v.Text = collector.String, b[2:]
		return true
	}
	for i := 0; i < len(b); {
		var t, n uint64
		if t, i = tag(b, i); i < 0 {
			return false
		}
		switch t {
		case 1<<3 | wireBytes:
			v.Type = collector.String
			v.Text, i = chunk(b, i)
		case 2<<3 | wireVarint:
			n, i = varint(b, i)
			v.Type, v.Int = collector.Bool, int64(min(n, 1))
		case 3<<3 | wireVarint:
			n, i = varint(b, i)
			v.Type, v.Int = collector.Int, int64(n)
		case 4<<3 | wireFixed64:
			n, i = fixed64(b, i)
			v.Type, v.Double = collector.Double, math.Float64frombits(n)
		case 5<<3 | wireBytes, 6<<3 | wireBytes, 7<<3 | wireBytes, 8<<3 | wireVarint:
			v.Type = collector.Composite
			i = skip(b, i, t)
		default:
			i = skip(b, i, t)
		}
		if i < 0 {
			return false
		}
	}
	return true
}
