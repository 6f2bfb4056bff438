package otlp

import (
	"encoding/hex"
	"fmt"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// The walk over OTLP/JSON: one function for each message. Keys are those of the
// protobuf JSON mapping in lowerCamelCase; others are skipped. Ids are hex in
// either case; 64-bit numbers are numbers or strings; values of enumerations are
// numbers. A key that is read may come once.

// seen tells whether the keys of an object came before.
type seen uint32

// again marks key number n and fails if it was marked.
func (d *Decoder) again(s *seen, n int) {
	if *s&(1<<n) != 0 {
		d.json.Fail("a key that came before")
	}
	*s |= 1 << n
}

// jsonRequest reads d.body: {"resourceSpans": [...]}.
func (d *Decoder) jsonRequest() error {
	j := &d.json
	j.Reset(d.body)
	defer j.Reset(nil)
	var s seen
	if j.Null() {
		j.Fail("want an object")
	}
	for j.Object(); j.Next(); {
		if string(j.Key()) != "resourceSpans" {
			j.Skip()
			continue
		}
		d.again(&s, 0)
		for j.Array(); j.Next(); {
			if err := d.jsonResourceSpans(); err != nil {
				return err
			}
		}
	}
	if err := j.End(); err != nil {
		return fmt.Errorf("%w: %w", collector.ErrMalformed, err)
	}
	return nil
}

// element fails on a null in an array of messages.
func (d *Decoder) element() {
	if d.json.Null() {
		d.json.Fail("null in an array")
	}
}

// jsonResourceSpans reads {"resource": {}, "scopeSpans": []}. Spans that come
// before their resource are passed over and read when it is known.
func (d *Decoder) jsonResourceSpans() error {
	j := &d.json
	var s seen
	var spans intake.Mark
	early, known := false, false
	j.Forget()
	d.red.BeginResource()
	d.element()
	for j.Object(); j.Next(); {
		switch string(j.Key()) {
		case "resource":
			d.again(&s, 0)
			d.jsonResource()
			d.resource = d.red.EndResource()
			known = true
		case "scopeSpans":
			d.again(&s, 1)
			if !known {
				early, spans = true, j.Mark()
				j.Skip()
			} else if err := d.jsonScopeSpans(); err != nil {
				return err
			}
		default:
			j.Skip()
		}
	}
	if !early || j.Err() != nil {
		return nil
	}
	if !known {
		d.resource = d.red.EndResource()
	}
	end := j.Mark()
	j.Return(spans)
	if err := d.jsonScopeSpans(); err != nil {
		return err
	}
	j.Return(end)
	return nil
}

// jsonResource reads {"attributes": []}.
func (d *Decoder) jsonResource() {
	j := &d.json
	var s seen
	for j.Object(); j.Next(); {
		if string(j.Key()) != "attributes" {
			j.Skip()
			continue
		}
		d.again(&s, 0)
		for j.Array(); j.Next(); {
			d.red.SetResource(d.jsonKeyValue())
		}
	}
}

// jsonScopeSpans reads the list [{"spans": []}].
func (d *Decoder) jsonScopeSpans() error {
	j := &d.json
	for j.Array(); j.Next(); {
		var s seen
		d.element()
		for j.Object(); j.Next(); {
			if string(j.Key()) != "spans" {
				j.Skip()
				continue
			}
			d.again(&s, 0)
			for j.Array(); j.Next(); {
				if err := d.out.Count(); err != nil {
					return err
				}
				d.jsonSpan()
			}
		}
	}
	return nil
}

// jsonSpan reads {"traceId", "spanId", "traceState", "parentSpanId", "name",
// "kind", "startTimeUnixNano", "endTimeUnixNano", "attributes", "links",
// "status", "flags"}.
func (d *Decoder) jsonSpan() {
	j := &d.json
	j.Forget()
	d.ids = d.ids[:0]
	d.red.BeginSpan()
	d.span = sentSpan{}
	sent := &d.span
	to := d.out.Next()
	var s seen
	d.element()
	for j.Object(); j.Next(); {
		switch string(j.Key()) {
		case "traceId":
			d.again(&s, 0)
			sent.trace, sent.noHex[collector.RejectTraceID] = d.jsonID()
		case "spanId":
			d.again(&s, 1)
			sent.id, sent.noHex[collector.RejectSpanID] = d.jsonID()
		case "parentSpanId":
			d.again(&s, 2)
			sent.parent, sent.noHex[collector.RejectParentID] = d.jsonID()
		case "traceState":
			d.again(&s, 3)
			sent.fields.TraceState, _ = j.Text()
		case "name":
			d.again(&s, 4)
			sent.fields.Name, _ = j.Text()
		case "kind":
			d.again(&s, 5)
			sent.kind, _ = j.Enum()
		case "startTimeUnixNano":
			d.again(&s, 6)
			sent.start, _ = j.Uint64()
		case "endTimeUnixNano":
			d.again(&s, 7)
			sent.end, _ = j.Uint64()
		case "attributes":
			d.again(&s, 8)
			d.jsonAttributes()
		case "links":
			d.again(&s, 9)
			for j.Array(); j.Next(); {
				d.jsonLink(to)
			}
		case "status":
			d.again(&s, 10)
			sent.fields.Status = d.jsonStatus()
		case "flags":
			d.again(&s, 11)
			sent.fields.Flags, _ = j.Uint32()
		default:
			j.Skip()
		}
	}
	if j.Err() == nil {
		d.finish(to)
	}
}

// jsonID reads an id in hex. What is no hex is returned as it is, and so said.
func (d *Decoder) jsonID() (id []byte, noHex bool) {
	text, _ := d.json.Text()
	start := len(d.ids)
	ids, err := hex.AppendDecode(d.ids, text)
	if err != nil {
		return text, true
	}
	d.ids = ids
	return ids[start:len(ids):len(ids)], false
}

// jsonLink reads {"traceId", "spanId"}.
func (d *Decoder) jsonLink(to *collector.Span) {
	j := &d.json
	var trace, id []byte
	var badTrace, badID bool
	var s seen
	d.element()
	kept := len(d.ids)
	for j.Object(); j.Next(); {
		switch string(j.Key()) {
		case "traceId":
			d.again(&s, 0)
			trace, badTrace = d.jsonID()
		case "spanId":
			d.again(&s, 1)
			id, badID = d.jsonID()
		default:
			j.Skip()
		}
	}
	if badTrace || badID {
		trace, id = nil, nil
	}
	if j.Err() == nil {
		d.link(to, trace, id)
	}
	d.ids = d.ids[:kept]
}

// jsonStatus reads {"code"}.
func (d *Decoder) jsonStatus() (code int32) {
	j := &d.json
	var s seen
	for j.Object(); j.Next(); {
		if string(j.Key()) != "code" {
			j.Skip()
			continue
		}
		d.again(&s, 0)
		code, _ = j.Enum()
	}
	return code
}

func (d *Decoder) jsonAttributes() {
	j := &d.json
	for j.Array(); j.Next(); {
		key, v := d.jsonKeyValue()
		if a := collector.SpanAttribute(key); a != 0 {
			d.red.Set(a, v)
		}
	}
}

// jsonKeyValue reads {"key", "value"}.
func (d *Decoder) jsonKeyValue() (key []byte, v collector.Value) {
	j := &d.json
	var s seen
	d.element()
	for j.Object(); j.Next(); {
		switch string(j.Key()) {
		case "key":
			d.again(&s, 0)
			key, _ = j.Text()
		case "value":
			d.again(&s, 1)
			v = d.jsonValue()
		default:
			j.Skip()
		}
	}
	return key, v
}

// jsonValue reads one of {"stringValue"}, {"boolValue"}, {"intValue"},
// {"doubleValue"}, {"arrayValue"}, {"kvlistValue"}, {"bytesValue"},
// {"stringValueStrindex"}. Of the last four only the presence is of interest.
func (d *Decoder) jsonValue() (v collector.Value) {
	j := &d.json
	for j.Object(); j.Next(); {
		before := v.Type
		switch string(j.Key()) {
		case "stringValue":
			if text, ok := j.Text(); ok {
				v = collector.Value{Type: collector.String, Text: text}
			}
		case "boolValue":
			if b, ok := j.Bool(); ok {
				v = collector.Value{Type: collector.Bool}
				if b {
					v.Int = 1
				}
			}
		case "intValue":
			if n, ok := j.Int64(); ok {
				v = collector.Value{Type: collector.Int, Int: n}
			}
		case "doubleValue":
			if f, ok := j.Double(); ok {
				v = collector.Value{Type: collector.Double, Double: f}
			}
		case "arrayValue", "kvlistValue":
			if d.jsonComposite() {
				v = collector.Value{Type: collector.Composite}
			}
		case "stringValueStrindex":
			if _, ok := j.Int64(); ok {
				v = collector.Value{Type: collector.Composite}
			}
		case "bytesValue":
			if _, ok := j.Text(); ok {
				v = collector.Value{Type: collector.Composite}
			}
		default:
			j.Skip()
			continue
		}
		if before != collector.Absent {
			j.Fail("two values in one")
		}
	}
	return v
}

// jsonComposite passes over an object and reports that it is no null.
func (d *Decoder) jsonComposite() bool {
	j := &d.json
	if j.Null() {
		return false
	}
	for j.Object(); j.Next(); {
		j.Skip()
	}
	return true
}
