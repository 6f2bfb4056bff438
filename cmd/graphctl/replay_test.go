package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// replayed runs graphctl replay with standard input.
func replayed(t *testing.T, in []byte, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), append([]string{"replay"}, args...), streams{bytes.NewReader(in), &o, &e})
	return code, o.String(), e.String()
}

// A request is read in protobuf as in JSON, compressed or not.
func TestReplayForms(t *testing.T) {
	side := func(service string, kind trace.Span_SpanKind, id, parent byte) *trace.ResourceSpans {
		span := &trace.Span{
			TraceId: bytes.Repeat([]byte{1}, 16), SpanId: bytes.Repeat([]byte{id}, 8), Kind: kind,
			StartTimeUnixNano: 1_600_000_000_000_000_000, EndTimeUnixNano: 1_600_000_000_010_000_000,
		}
		if parent != 0 {
			span.ParentSpanId = bytes.Repeat([]byte{parent}, 8)
		}
		return &trace.ResourceSpans{
			Resource: &resource.Resource{Attributes: []*common.KeyValue{{
				Key: "service.name", Value: &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: service}},
			}}},
			ScopeSpans: []*trace.ScopeSpans{{Spans: []*trace.Span{span}}},
		}
	}
	body, err := proto.Marshal(&collectortrace.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{
		side("web", trace.Span_SPAN_KIND_CLIENT, 2, 0), side("api", trace.Span_SPAN_KIND_SERVER, 3, 2),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(body)
	z.Close()
	for name, in := range map[string][]byte{"protobuf": body, "gzip": packed.Bytes()} {
		if code, out, errs := replayed(t, in, "-", "-o", "csv"); code != 0 || !strings.Contains(out, "web,api,rpc,1,0") {
			t.Errorf("%s: exit %d: %s%s", name, code, out, errs)
		}
	}
	cut := packed.Bytes()[:packed.Len()-6]
	if code, _, errs := replayed(t, cut, "-"); code != exitFailed || !strings.Contains(errs, "graphctl: -: unexpected EOF") {
		t.Errorf("cut gzip: exit %d: %s", code, errs)
	}
	if code, _, errs := replayed(t, []byte("\x0a\xff"), "-"); code != exitFailed || !strings.Contains(errs, "graphctl: -: ") {
		t.Errorf("broken protobuf: exit %d: %s", code, errs)
	}
	if code, out, errs := replayed(t, nil, "-"); code != 0 || strings.Count(out, "\n") != 1 {
		t.Errorf("nothing: exit %d: %s%s", code, out, errs)
	}
}

// The real graph of 1,238 services comes out whole.
func TestReplayLargeGraph(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "traces", "otlp", "uber-crisp-graph-1call.jsonl.gz")
	if _, err := os.Stat(path); err != nil {
		t.Skip("the recorded traces are not there: ", err)
	}
	code, out, errs := replayed(t, nil, path, "-o", "csv")
	if code != 0 || errs != "" {
		t.Fatalf("exit %d: %s", code, errs)
	}
	if got, want := strings.Count(out, "\n")-1, 4271; got != want {
		t.Errorf("%d edges, want %d", got, want)
	}
	_, again, _ := replayed(t, nil, path, path, "-o", "csv")
	if again != out {
		t.Error("the graph differs when the file is read twice")
	}
}

// Lines are those of offsets asked for in turn, and a request without an end
// is given up.
func TestLineCounter(t *testing.T) {
	l := &lineCounter{r: strings.NewReader("a\nbb\n\nc")}
	if _, err := io.ReadAll(l); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offset int64
		line   int
	}{{0, 1}, {1, 1}, {2, 2}, {4, 2}, {5, 3}, {6, 4}, {7, 4}} {
		if got := l.lineAt(c.offset); got != c.line {
			t.Errorf("offset %d is on line %d, want %d", c.offset, got, c.line)
		}
	}
	endless := &lineCounter{r: zeros{}}
	if _, err := io.Copy(io.Discard, endless); !errors.Is(err, errRequestTooLong) {
		t.Errorf("error %v, want %v", err, errRequestTooLong)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
