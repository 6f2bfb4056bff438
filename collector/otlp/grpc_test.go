package otlp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	grpcgzip "google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"

	"graphctl/collector"
	"graphctl/collector/intake"
)

func dial(t testing.TB, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// raw sends bytes as they are.
type raw struct{}

func (raw) Marshal(v any) ([]byte, error)   { return v.([]byte), nil }
func (raw) Unmarshal(b []byte, v any) error { *v.(*[]byte) = b; return nil }
func (raw) Name() string                    { return "proto" }

func callRaw(t testing.TB, conn *grpc.ClientConn, method string, body []byte, o ...grpc.CallOption) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var res []byte
	return conn.Invoke(ctx, method, body, &res, append(o, grpc.ForceCodec(raw{}))...)
}

// retryDelay returns the RetryInfo of a status, 0 if it has none.
func retryDelay(err error) time.Duration {
	for _, d := range status.Convert(err).Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// A stock client's calls are served, compressed or not, one after another and
// at once.
func TestGRPCExport(t *testing.T) {
	s := serve(t, NewGRPC, Options{})
	conn := dial(t, s.addr)
	client := collectortrace.NewTraceServiceClient(conn)
	for _, o := range [][]grpc.CallOption{nil, {grpc.UseCompressor(grpcgzip.Name)}} {
		for _, n := range []int{0, 3, 20_000} {
			res, err := client.Export(t.Context(), manySpans(n), o...)
			if err != nil {
				t.Fatalf("%d spans: %v", n, err)
			}
			if res.PartialSuccess != nil {
				t.Errorf("%d spans: partial success %v", n, res.PartialSuccess)
			}
			if got := len(s.sink.take()); got != n {
				t.Errorf("the sink got %d spans, want %d", got, n)
			}
		}
	}
	errs := make(chan error)
	const calls = 150 // more than the streams of a connection
	for range calls {
		go func() {
			_, err := client.Export(t.Context(), manySpans(10))
			errs <- err
		}()
	}
	for range calls {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if got := len(s.sink.take()); got != 10*calls {
		t.Errorf("the sink got %d spans, want %d", got, 10*calls)
	}
	c := s.checkAccounts(t)
	if c.Received != 2*20_003+10*calls {
		t.Errorf("received %d", c.Received)
	}
}

func TestGRPCOtherSignals(t *testing.T) {
	s := serve(t, NewGRPC, Options{})
	conn := dial(t, s.addr)
	if _, err := collectormetrics.NewMetricsServiceClient(conn).Export(t.Context(), new(collectormetrics.ExportMetricsServiceRequest)); err != nil {
		t.Error(err)
	}
	if _, err := collectorlogs.NewLogsServiceClient(conn).Export(t.Context(), new(collectorlogs.ExportLogsServiceRequest)); err != nil {
		t.Error(err)
	}
	if got := s.tally.Snapshot().DroppedRequests; got != [2]uint64{1, 1} {
		t.Errorf("dropped %v, want one each", got)
	}
}

// Every kind of bad input has its status, and only want of room has RetryInfo.
func TestGRPCAnswers(t *testing.T) {
	s := serve(t, NewGRPC, Options{MaxBody: 1 << 20})
	conn := dial(t, s.addr)
	good := marshal(t, manySpans(3))
	for _, c := range []struct {
		name, method string
		body         []byte
		options      []grpc.CallOption
		want         codes.Code
	}{
		{"good", exportTraces, good, nil, codes.OK},
		{"empty", exportTraces, nil, nil, codes.OK},
		{"cut", exportTraces, good[:len(good)-1], nil, codes.InvalidArgument},
		{"garbage", exportTraces, append(bytes.Clone(good), 0xff), nil, codes.InvalidArgument},
		{"JSON", exportTraces, jsonRequest(jsonSpan), nil, codes.InvalidArgument},
		{"too large", exportTraces, make([]byte, 1<<20+1), nil, codes.ResourceExhausted},
		{"far too large", exportTraces, make([]byte, 16<<20), nil, codes.ResourceExhausted},
		{"bomb", exportTraces, make([]byte, 8<<20), []grpc.CallOption{grpc.UseCompressor(grpcgzip.Name)}, codes.ResourceExhausted},
		{"no such method", "/opentelemetry.proto.collector.trace.v1.TraceService/Import", good, nil, codes.Unimplemented},
		{"no such service", "/x.Y/Export", good, nil, codes.Unimplemented},
		{"metrics too large", exportMetrics, make([]byte, 2<<20), nil, codes.ResourceExhausted},
		{"good again", exportTraces, good, nil, codes.OK},
	} {
		err := callRaw(t, conn, c.method, c.body, c.options...)
		if got := status.Code(err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.want != codes.OK && status.Convert(err).Message() == "" {
			t.Errorf("%s: no message", c.name)
		}
		if d := retryDelay(err); d != 0 {
			t.Errorf("%s: RetryInfo of %v", c.name, d)
		}
	}
	if got := len(s.sink.take()); got != 6 {
		t.Errorf("the sink got %d spans, want 6", got)
	}
	c := s.checkAccounts(t)
	if want := [4]uint64{3, 4, 0, 0}; c.RefusedRequests != want {
		t.Errorf("refused %v, want %v", c.RefusedRequests, want)
	}
}

func TestGRPCRejected(t *testing.T) {
	s := serve(t, NewGRPC, Options{})
	req := manySpans(3)
	req.ResourceSpans[0].ScopeSpans[0].Spans[1].SpanId = []byte{1}
	res, err := collectortrace.NewTraceServiceClient(dial(t, s.addr)).Export(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if p := res.GetPartialSuccess(); p.GetRejectedSpans() != 1 || !strings.Contains(p.GetErrorMessage(), "span_id of 1 bytes") {
		t.Errorf("partial success %v", p)
	}
	if c := s.checkAccounts(t); c.Rejected != [3]uint64{0, 1, 0} {
		t.Errorf("rejected %v", c.Rejected)
	}
}

// Want of room is RESOURCE_EXHAUSTED with RetryInfo, so that clients keep the
// spans.
func TestGRPCBusy(t *testing.T) {
	s := serve(t, NewGRPC, Options{Budget: intake.NewBudget(1 << 20)})
	conn := dial(t, s.addr)
	good := marshal(t, manySpans(3))
	for _, c := range []struct {
		err  error
		want time.Duration
	}{
		{collector.ErrBusy, time.Second},
		{fmt.Errorf("log: %w", &collector.BusyError{Why: collector.ThrottleDisk, After: 30 * time.Second}), 30 * time.Second},
	} {
		s.sink.refuse(c.err)
		err := callRaw(t, conn, exportTraces, good)
		if status.Code(err) != codes.ResourceExhausted || retryDelay(err) != c.want {
			t.Errorf("%v: %v, RetryInfo %v, want %v", c.err, err, retryDelay(err), c.want)
		}
	}
	s.sink.refuse(errors.New("log: write: input/output error"))
	if err := callRaw(t, conn, exportTraces, good); status.Code(err) != codes.Unavailable {
		t.Errorf("a broken log: %v, want UNAVAILABLE", err)
	}
	s.sink.refuse(nil)
	if err := callRaw(t, conn, exportTraces, make([]byte, 1<<20+1)); status.Code(err) != codes.ResourceExhausted || retryDelay(err) != time.Second {
		t.Errorf("no memory: %v, RetryInfo %v", err, retryDelay(err))
	}
	if got := s.checkAccounts(t).ThrottledRequests[collector.ThrottleMemory]; got != 1 {
		t.Errorf("%d requests throttled by memory, want 1", got)
	}
}

// A call that the caller's deadline ends leaves nothing behind.
func TestGRPCDeadline(t *testing.T) {
	s := serve(t, NewGRPC, Options{})
	s.sink.hold = make(chan struct{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := collectortrace.NewTraceServiceClient(dial(t, s.addr)).Export(ctx, manySpans(3))
	if c := status.Code(err); c != codes.DeadlineExceeded && c != codes.ResourceExhausted {
		t.Errorf("%v, want DEADLINE_EXCEEDED", err)
	}
	for deadline := time.Now().Add(10 * time.Second); s.budget.Held() != 0; {
		if time.Now().After(deadline) {
			t.Fatal("the body is still held")
		}
		time.Sleep(time.Millisecond)
	}
	s.checkAccounts(t)
}

// What is no gRPC message is refused, whatever its frames say.
func TestGRPCFraming(t *testing.T) {
	s := serve(t, NewGRPC, Options{})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	client := &http.Client{Transport: transport}
	defer transport.CloseIdleConnections()
	good := marshal(t, manySpans(3))
	frame := func(flag byte, length int, b []byte) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{flag}, uint32(length)), b...)
	}
	for _, c := range []struct {
		name, encoding string
		body           []byte
		want           codes.Code
	}{
		{"good", "", frame(0, len(good), good), codes.OK},
		{"gzip", "gzip", frame(1, len(gzipped(t, good)), gzipped(t, good)), codes.OK},
		{"encoding named and not used", "gzip", frame(0, len(good), good), codes.OK},
		{"nothing", "", nil, codes.InvalidArgument},
		{"half a prefix", "", []byte{0, 0, 0}, codes.InvalidArgument},
		{"shorter than it says", "", frame(0, len(good)+1, good), codes.InvalidArgument},
		{"longer than it says", "", frame(0, len(good)-1, good), codes.InvalidArgument},
		{"two messages", "", append(frame(0, len(good), good), frame(0, 0, nil)...), codes.InvalidArgument},
		{"unknown flag", "", frame(2, len(good), good), codes.InvalidArgument},
		{"compressed in no way", "", frame(1, len(good), good), codes.Unimplemented},
		{"unknown compression", "zstd", frame(1, len(good), good), codes.Unimplemented},
		{"no gzip", "gzip", frame(1, len(good), good), codes.InvalidArgument},
		{"4 GiB announced", "", frame(0, 1<<32-1, nil), codes.ResourceExhausted},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.addr+exportTraces, bytes.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/grpc+proto")
		req.Header.Set("Te", "trailers")
		if c.encoding != "" {
			req.Header.Set("Grpc-Encoding", c.encoding)
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		res.Body.Close()
		if got, want := res.Trailer.Get("Grpc-Status"), fmt.Sprint(int(c.want)); res.StatusCode != 200 || got != want {
			t.Errorf("%s: HTTP status %d, grpc-status %q %q, want %s", c.name, res.StatusCode, got, res.Trailer.Get("Grpc-Message"), want)
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.addr+exportTraces, bytes.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaProto)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("OTLP/HTTP on this port: status %d, want 415", res.StatusCode)
	}
	if c := s.checkAccounts(t); c.Received != 9 || len(s.sink.take()) != 9 {
		t.Errorf("received %d spans, want 9", c.Received)
	}
}

func TestTimeout(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"1S": time.Second, "99999999n": 99999999, "10m": 10 * time.Millisecond, "5u": 5 * time.Microsecond,
		"2M": 2 * time.Minute, "99999999H": 24 * time.Hour, "0n": 0,
	} {
		if got, ok := timeout(in); !ok || got != want {
			t.Errorf("%q: %v, %v, want %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "S", "1", "1s", "-1S", "123456789S", "1.5S", " 1S"} {
		if got, ok := timeout(in); ok {
			t.Errorf("%q: %v, want an error", in, got)
		}
	}
}

func TestPercentEncode(t *testing.T) {
	const in, want = "a %ä\n~", "a %25%C3%A4%0A~"
	if got := percentEncode(in); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
