package zipkin

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"graphctl/collector"
)

func decode(t testing.TB, syms *collector.Symbols, body string) ([]collector.Span, collector.Outcome, error) {
	t.Helper()
	var spans []collector.Span
	out, err := NewDecoder(syms).JSON([]byte(body), func(b *collector.Batch) error {
		spans = append(spans, b.Spans...)
		return nil
	})
	return spans, out, err
}

// A span in full becomes what the same call would be in OTLP.
func TestSpan(t *testing.T) {
	syms := collector.NewSymbols()
	spans, out, err := decode(t, syms, `[{"traceId":"9a2f9fd8ce4931ecbe3ef00a7ff97842","id":"e50a1821ea2d311a","parentId":"93d61e7abc1fe25e",
		"kind":"CLIENT","name":"get /cart","timestamp":1760000000000000,"duration":20000,"shared":true,"debug":true,
		"localEndpoint":{"serviceName":"Web","ipv4":"10.0.0.1"},
		"remoteEndpoint":{"serviceName":"Stock","ipv4":"10.0.0.2","port":8080},
		"annotations":[{"timestamp":1760000000000001,"value":"error"}],
		"tags":{"http.method":"GET","http.status_code":"503"}}]`)
	if err != nil || out.Accepted != 1 {
		t.Fatalf("outcome %+v, error %v", out, err)
	}
	s := spans[0]
	if got := syms.Resource(s.Resource); got != (collector.Resource{Name: "web"}) {
		t.Errorf("resource %+v", got)
	}
	if got, want := syms.Far(s.Far), (collector.Far{Peer: "stock", Host: "10.0.0.2", Port: 8080}); got != want {
		t.Errorf("far side %+v, want %+v", got, want)
	}
	if s.Kind != collector.KindClient || s.Role != collector.Out || !s.Is(collector.Failed) ||
		s.Start != 1_760_000_000_000_000_000 || s.End-s.Start != 20_000_000 || syms.Text(s.Name) != "get /cart" {
		t.Errorf("span %+v", s)
	}
}

func TestKindsAndFailures(t *testing.T) {
	for _, c := range []struct {
		rest   string
		role   collector.Role
		failed bool
	}{
		{`"kind":"SERVER"`, collector.In, false},
		{`"kind":"SERVER","tags":{"error":""}`, collector.In, true},
		{`"kind":"SERVER","tags":{"error":"false"}`, collector.In, false},
		{`"kind":"SERVER","tags":{"http.status_code":"499"}`, collector.In, false},
		{`"kind":"SERVER","annotations":[{"value":"error"}]`, collector.In, false},
		{`"kind":"PRODUCER"`, collector.Publish, false},
		{`"kind":"CONSUMER","tags":{"messaging.operation":"receive"}`, collector.Receive, false},
		{`"kind":"CONSUMER"`, collector.Process, false},
		{`"name":"local"`, collector.Local, false},
		{`"kind":"OTHER"`, collector.Local, false},
		{`"remoteEndpoint":{"serviceName":"db"}`, collector.Out, false},
		{`"kind":null,"tags":null,"localEndpoint":null,"remoteEndpoint":null`, collector.Local, false},
	} {
		spans, _, err := decode(t, collector.NewSymbols(), `[{"traceId":"9a2f9fd8ce4931ec","id":"e50a1821ea2d311a",`+c.rest+`}]`)
		if err != nil || len(spans) != 1 {
			t.Fatalf("%s: %d spans, error %v", c.rest, len(spans), err)
		}
		if spans[0].Role != c.role || spans[0].Is(collector.Failed) != c.failed {
			t.Errorf("%s: role %d, failed %v", c.rest, spans[0].Role, spans[0].Is(collector.Failed))
		}
	}
}

func TestIDs(t *testing.T) {
	for _, c := range []struct {
		ids  string
		want [3]int // rejected for
	}{
		{`"traceId":"9A2F9FD8CE4931EC","id":"e50a1821ea2d311a"`, [3]int{}},
		{`"traceId":"19a2f9fd8ce4931ec","id":"e50a1821ea2d311a","parentId":""`, [3]int{}},
		{`"traceId":"9a2f9fd8ce4931ec","id":"e50a1821ea2d311a","parentId":"0000000000000000"`, [3]int{}},
		{`"id":"e50a1821ea2d311a"`, [3]int{1}},
		{`"traceId":"0000000000000000","id":"e50a1821ea2d311a"`, [3]int{1}},
		{`"traceId":"a2f9fd8ce4931e","id":"e50a1821ea2d311a"`, [3]int{1}},
		{`"traceId":"9a2f9fd8ce4931ec9a2f9fd8ce4931ec0","id":"e50a1821ea2d311a"`, [3]int{1}},
		{`"traceId":"9a2f9fd8ce4931e!","id":"e50a1821ea2d311a"`, [3]int{1}},
		{`"traceId":"9a2f9fd8ce4931ec","id":"1a"`, [3]int{0, 1}},
		{`"traceId":"9a2f9fd8ce4931ec"`, [3]int{0, 1}},
		{`"traceId":"9a2f9fd8ce4931ec","id":"e50a1821ea2d311a","parentId":"x"`, [3]int{0, 0, 1}},
	} {
		spans, out, err := decode(t, collector.NewSymbols(), "[{"+c.ids+"}]")
		if err != nil || out.RejectedFor != c.want || len(spans)+out.Rejected != 1 {
			t.Errorf("%s: outcome %+v, error %v", c.ids, out, err)
		}
	}
	spans, _, err := decode(t, collector.NewSymbols(), `[{"traceId":"19a2f9fd8ce4931ec","id":"e50a1821ea2d311a"}]`)
	if want := (collector.TraceID{7: 1, 8: 0x9a, 9: 0x2f, 10: 0x9f, 11: 0xd8, 12: 0xce, 13: 0x49, 14: 0x31, 15: 0xec}); err != nil || spans[0].Trace != want {
		t.Errorf("trace id %x, want %x (%v)", spans[0].Trace, want, err)
	}
}

func TestTimes(t *testing.T) {
	for rest, want := range map[string][2]int64{
		``:                                {0, 0},
		`,"timestamp":1,"duration":2`:     {1000, 3000},
		`,"timestamp":"1","duration":"2"`: {1000, 3000},
		`,"duration":5`:                   {0, 5000},
		`,"timestamp":18446744073709551615,"duration":100`: {1<<63 - 1, 1<<63 - 1},
	} {
		spans, _, err := decode(t, collector.NewSymbols(), `[{"traceId":"9a2f9fd8ce4931ec","id":"e50a1821ea2d311a"`+rest+`}]`)
		if err != nil || [2]int64{spans[0].Start, spans[0].End} != want {
			t.Errorf("%s: %d to %d, want %v (%v)", rest, spans[0].Start, spans[0].End, want, err)
		}
	}
}

func TestMalformed(t *testing.T) {
	const good = `{"traceId":"9a2f9fd8ce4931ec","id":"e50a1821ea2d311a"}`
	for _, body := range []string{
		"", " ", "null", "{}", good, "[", "[" + good, "[" + good + ",]", "[" + good + "]]", "[null]", "[1]", "\xef\xbb\xbf[]",
		`[{"traceId":5}]`, `[{"kind":2}]`, `[{"timestamp":"x"}]`, `[{"timestamp":-1}]`, `[{"tags":[]}]`, `[{"tags":{"a":1}}]`,
		`[{"localEndpoint":"web"}]`, `[{"remoteEndpoint":{"port":"x"}}]`,
		`[{"x":` + strings.Repeat("[", 127) + strings.Repeat("]", 127) + `}]`,
	} {
		spans, out, err := decode(t, collector.NewSymbols(), body)
		if !errors.Is(err, collector.ErrMalformed) || len(spans) != 0 || out.Spans != 0 {
			t.Errorf("%s: %d spans, outcome %+v, error %v", body, len(spans), out, err)
		}
	}
	for _, body := range []string{"[]", " [ ] ", `[{"x":[{}],"y":null}]`, "[" + good + "]"} {
		if _, _, err := decode(t, collector.NewSymbols(), body); err != nil {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func FuzzJSON(f *testing.F) {
	f.Add([]byte(`[{"traceId":"9a2f9fd8ce4931ecbe3ef00a7ff97842","id":"e50a1821ea2d311a","kind":"SERVER","tags":{"error":"\u00e9"},
		"timestamp":1760000000000000,"duration":"2e4","localEndpoint":{"serviceName":"A"},"remoteEndpoint":{"ipv6":"::1","port":80}}]`))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, body []byte) {
		spans, out, err := decode(t, collector.NewSymbols(), string(body))
		if err != nil && !errors.Is(err, collector.ErrMalformed) {
			t.Fatal(err)
		}
		if err == nil && !json.Valid(body) {
			t.Fatalf("%q is accepted and is no JSON", body)
		}
		if out.Spans != out.Accepted+out.Rejected || out.Accepted != len(spans) {
			t.Fatalf("outcome %+v of %d spans", out, len(spans))
		}
	})
}
