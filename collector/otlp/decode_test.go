package otlp

import (
	"errors"
	"strings"
	"testing"

	"graphctl/collector"
)

// collect returns a copy of all spans and links that decode yields, the links
// of each span at its index.
func collect(t testing.TB, decode func([]byte, func(*collector.Batch) error) (Result, error), body []byte) ([]collector.Span, [][]collector.Link, Result, error) {
	t.Helper()
	var spans []collector.Span
	var links [][]collector.Link
	out, err := decode(body, func(b *collector.Batch) error {
		if len(b.Spans) > collector.ChunkSpans {
			t.Errorf("a batch of %d spans, want at most %d", len(b.Spans), collector.ChunkSpans)
		}
		for i := range b.Spans {
			s := b.Spans[i]
			links = append(links, append([]collector.Link(nil), b.LinksOf(&s)...))
			s.FirstLink = 0
			spans = append(spans, s)
		}
		return nil
	})
	return spans, links, out, err
}

// What a client span of old and of new conventions says is reduced to the same
// records.
func TestJSONSpan(t *testing.T) {
	const request = `{"resourceSpans":[{"resource":{"attributes":[
		{"key":"service.name","value":{"stringValue":" cart "}},
		{"key":"service.namespace","value":{"stringValue":"shop"}},
		{"key":"deployment.environment","value":{"stringValue":"prod"}},
		{"key":"team","value":{"stringValue":"blue"}}]},
	"scopeSpans":[{"spans":[{
		"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173",
		"name":"GET \u00e4","kind":3,"startTimeUnixNano":"1544712660000000000","endTimeUnixNano":1544712661e9,
		"traceState":"ot=th:8","flags":768,"status":{"code":2},
		"attributes":[
			{"value":{"stringValue":"https://u:p@API.example:8443/x?y#z"},"key":"http.url"},
			{"key":"rpc.method","value":{"stringValue":"pkg.Svc/Call"}},
			{"key":"other","value":{"arrayValue":{"values":[{"intValue":"1"},{"kvlistValue":{}}]}}}],
		"links":[{"traceId":"5b8efff798038103d269b633813fc60d","spanId":"0000000000000001"},{"traceId":"","spanId":"01"}]
	}]}]}]}`
	syms := collector.NewSymbols()
	d := NewDecoder(syms, DecodeOptions{})
	spans, links, out, err := collect(t, d.JSON, []byte(request))
	if err != nil {
		t.Fatal(err)
	}
	if out.Spans != 1 || out.Accepted != 1 || out.Repaired[collector.RepairLink] != 1 || len(spans) != 1 {
		t.Fatalf("outcome %+v, %d spans", out, len(spans))
	}
	s := spans[0]
	if got, want := syms.Resource(s.Resource), (collector.Resource{Namespace: "shop", Name: "cart", Environment: "prod", Team: "blue"}); got != want {
		t.Errorf("resource\n got %+v\nwant %+v", got, want)
	}
	if got, want := syms.Far(s.Far), (collector.Far{Host: "api.example", Port: 8443, RPCService: "pkg.Svc"}); got != want {
		t.Errorf("far\n got %+v\nwant %+v", got, want)
	}
	if got, want := syms.Text(s.Name), "GET ä"; got != want {
		t.Errorf("name %q, want %q", got, want)
	}
	if s.Kind != collector.KindClient || s.Role != collector.Out || s.Flags != collector.Failed|collector.ParentRemote {
		t.Errorf("kind %d, role %d, flags %b", s.Kind, s.Role, s.Flags)
	}
	if s.Start != 1544712660e9 || s.End != 1544712661e9 || s.Weight != 2*collector.WeightOne || s.Messages != collector.NoCount {
		t.Errorf("start %d, end %d, weight %d, messages %d", s.Start, s.End, s.Weight, s.Messages)
	}
	if len(links[0]) != 1 || links[0][0].ID != (collector.SpanID{7: 1}) {
		t.Errorf("links %v", links[0])
	}
}

// A resource that follows its spans is still theirs.
func TestJSONResourceAfterSpans(t *testing.T) {
	const request = `{"resourceSpans":[{"scopeSpans":[{"spans":[
		{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}]}],
		"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"late"}}]}},
		{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175"}]}]}]}`
	syms := collector.NewSymbols()
	spans, _, _, err := collect(t, NewDecoder(syms, DecodeOptions{}).JSON, []byte(request))
	if err != nil || len(spans) != 2 {
		t.Fatalf("%d spans, error %v", len(spans), err)
	}
	if got := syms.Resource(spans[0].Resource).Name; got != "late" {
		t.Errorf("first span's service %q, want late", got)
	}
	if got := syms.Resource(spans[1].Resource).Name; got != "" {
		t.Errorf("second span's service %q, want none", got)
	}
}

// Everything that is not the JSON of an export request is refused whole.
func TestJSONMalformed(t *testing.T) {
	const good = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"SPAN}]}]}]}`
	inSpan := func(s string) string { return strings.Replace(good, "SPAN", s, 1) }
	for name, body := range map[string]string{
		"empty":                 "",
		"white space":           " \n",
		"null":                  "null",
		"array":                 "[]",
		"string":                `"x"`,
		"BOM":                   "\xef\xbb\xbf{}",
		"cut":                   inSpan("")[:60],
		"trailing brace":        inSpan("") + "}",
		"trailing text":         inSpan("") + " x",
		"two values":            "{}{}",
		"trailing NUL":          "{}\x00",
		"trailing comma":        inSpan(`,`),
		"unquoted key":          inSpan(`,name:"x"`),
		"single quotes":         inSpan(`,'name':"x"`),
		"comment":               inSpan(`/**/`),
		"spans is an object":    `{"resourceSpans":{}}`,
		"span is a number":      `{"resourceSpans":[{"scopeSpans":[{"spans":[1]}]}]}`,
		"span is null":          `{"resourceSpans":[{"scopeSpans":[{"spans":[null]}]}]}`,
		"name is a number":      inSpan(`,"name":1`),
		"id is a number":        `{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":1}]}]}]}`,
		"kind by name":          inSpan(`,"kind":"SPAN_KIND_SERVER"`),
		"kind is a fraction":    inSpan(`,"kind":1.5`),
		"kind is too large":     inSpan(`,"kind":4294967296`),
		"time is negative":      inSpan(`,"startTimeUnixNano":-1`),
		"time is a text":        inSpan(`,"startTimeUnixNano":"now"`),
		"time is empty":         inSpan(`,"startTimeUnixNano":""`),
		"time is over 64 bits":  inSpan(`,"startTimeUnixNano":18446744073709551616`),
		"number with a zero":    inSpan(`,"startTimeUnixNano":01`),
		"number with a plus":    inSpan(`,"startTimeUnixNano":+1`),
		"number ends in a dot":  inSpan(`,"startTimeUnixNano":1.`),
		"NaN":                   inSpan(`,"x":NaN`),
		"int as bool":           inSpan(`,"attributes":[{"key":"a","value":{"intValue":true}}]`),
		"two values of one key": inSpan(`,"attributes":[{"key":"a","value":{"intValue":1,"stringValue":"x"}}]`),
		"value is a string":     inSpan(`,"attributes":[{"key":"a","value":"x"}]`),
		"repeated key":          inSpan(`,"name":"a","name":"b"`),
		"bad escape":            inSpan(`,"name":"\x"`),
		"raw newline":           inSpan(",\"name\":\"a\nb\""),
		"open string":           inSpan(`,"name":"a`),
		"nested 129 deep":       inSpan(`,"x":` + strings.Repeat("[", 123) + strings.Repeat("]", 123)),
		"nested without end":    inSpan(`,"x":` + strings.Repeat("[", 100_000)),
	} {
		d := NewDecoder(collector.NewSymbols(), DecodeOptions{})
		spans, _, out, err := collect(t, d.JSON, []byte(body))
		if !errors.Is(err, collector.ErrMalformed) || len(spans) > 0 || out.Spans != 0 {
			t.Errorf("%s: %d spans, outcome %+v, error %v; want ErrMalformed", name, len(spans), out, err)
		}
	}
	for name, body := range map[string]string{
		"nothing":            "{}",
		"white space":        " \r\n{ } \t",
		"no spans":           `{"resourceSpans":[]}`,
		"null list":          `{"resourceSpans":null}`,
		"unknown keys":       inSpan(`,"x":{"y":[1,-2.5e+3,true,false,null,"\u0000"]},"x":1`),
		"unknown kind":       inSpan(`,"kind":99`),
		"nulls":              inSpan(`,"kind":null,"name":null,"attributes":null,"status":null,"flags":null,"startTimeUnixNano":null`),
		"snake case":         inSpan(`,"start_time_unix_nano":"x"`),
		"numbers as strings": inSpan(`,"startTimeUnixNano":"1e18","flags":"768","endTimeUnixNano":1000000000000000000.0`),
		"invalid UTF-8":      inSpan(",\"name\":\"a\xffb\""),
		"half a surrogate":   inSpan(`,"name":"\ud800"`),
		"nested 128 deep":    inSpan(`,"x":` + strings.Repeat("[", 121) + strings.Repeat("]", 121)),
	} {
		d := NewDecoder(collector.NewSymbols(), DecodeOptions{})
		if _, _, _, err := collect(t, d.JSON, []byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
