package otlp

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// A post is a request and what must come of it.
type post struct {
	name     string
	method   string // POST if empty
	path     string // /v1/traces if empty
	media    string
	encoding string
	body     []byte
	chunked  bool // send without Content-Length

	status   int
	header   string // "Name: value" of the answer
	spans    int    // that the sink gets
	rejected int64
	refused  int // reason + 1
}

const jsonSpan = `{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174"}`

func jsonRequest(spans ...string) []byte {
	return fmt.Appendf(nil, `{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}]}`, strings.Join(spans, ","))
}

// Every kind of bad input has its answer, in the request's encoding, and the
// sink gets nothing of it.
func TestHTTPAnswers(t *testing.T) {
	s := serve(t, NewHTTP, Options{MaxBody: 1 << 20})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	good := marshal(t, manySpans(3))
	badIDs := manySpans(3)
	for _, span := range badIDs.ResourceSpans[0].ScopeSpans[0].Spans {
		span.TraceId = nil
	}
	brokenGzip := gzipped(t, good)
	wrongCRC := bytes.Clone(brokenGzip)
	wrongCRC[len(wrongCRC)-8] ^= 1
	large := make([]byte, 1<<20+1)
	const (
		malformed = int(collector.RefuseMalformed) + 1
		tooLarge  = int(collector.RefuseTooLarge) + 1
		mediaType = int(collector.RefuseMediaType) + 1
	)
	for _, p := range []post{
		{name: "protobuf", media: mediaProto, body: good, status: 200, spans: 3},
		{name: "protobuf in chunks", media: mediaProto, body: good, chunked: true, status: 200, spans: 3},
		{name: "protobuf in gzip", media: mediaProto, encoding: "gzip", body: gzipped(t, good), status: 200, spans: 3},
		{name: "identity", media: mediaProto, encoding: "identity", body: good, status: 200, spans: 3},
		{name: "JSON", media: mediaJSON, body: jsonRequest(jsonSpan), status: 200, spans: 1},
		{name: "JSON in gzip", media: mediaJSON, encoding: "GZIP", body: gzipped(t, jsonRequest(jsonSpan)), status: 200, spans: 1},
		{name: "media type in capitals with a parameter", media: "Application/JSON; Charset=UTF-8", body: jsonRequest(jsonSpan), status: 200, spans: 1},
		{name: "empty protobuf", media: mediaProto, status: 200},
		{name: "empty object", media: mediaJSON, body: []byte("{}"), status: 200},
		{name: "empty JSON", media: mediaJSON, status: 400, refused: malformed},

		{name: "GET", method: "GET", media: mediaProto, status: 405, header: "Allow: POST"},
		{name: "OPTIONS", method: "OPTIONS", status: 405, header: "Allow: POST"},
		{name: "PUT", method: "PUT", media: mediaJSON, status: 405, header: "Allow: POST"},
		{name: "path", path: "/v1/trace", media: mediaProto, body: good, status: 404},
		{name: "root", path: "/", media: mediaJSON, status: 404},
		{name: "no media type", body: good, status: 415, refused: mediaType},
		{name: "text/plain", media: "text/plain", body: jsonRequest(jsonSpan), status: 415, refused: mediaType},
		{name: "form", media: "application/x-www-form-urlencoded", body: good, status: 415, refused: mediaType},
		{name: "multipart", media: "multipart/form-data; boundary=x", body: good, status: 415, refused: mediaType},
		{name: "zstd", media: mediaProto, encoding: "zstd", body: good, status: 415, header: "Accept-Encoding: gzip, identity", refused: mediaType},
		{name: "gzip twice", media: mediaProto, encoding: "gzip, gzip", body: good, status: 415, refused: mediaType},

		{name: "no gzip", media: mediaProto, encoding: "gzip", body: good, status: 400, refused: malformed},
		{name: "gzip cut", media: mediaProto, encoding: "gzip", body: brokenGzip[:len(brokenGzip)-3], status: 400, refused: malformed},
		{name: "gzip of nothing", media: mediaProto, encoding: "gzip", status: 400, refused: malformed},
		{name: "gzip with a wrong CRC", media: mediaProto, encoding: "gzip", body: wrongCRC, status: 400, refused: malformed},
		{name: "gzip and garbage", media: mediaProto, encoding: "gzip", body: append(bytes.Clone(brokenGzip), "x"...), status: 400, refused: malformed},
		{name: "too large", media: mediaProto, body: large, status: 413, refused: tooLarge},
		{name: "too large in chunks", media: mediaJSON, body: large, chunked: true, status: 413, refused: tooLarge},
		{name: "bomb", media: mediaProto, encoding: "gzip", body: gzipped(t, make([]byte, 8<<20)), status: 413, refused: tooLarge},

		{name: "protobuf cut", media: mediaProto, body: good[:len(good)-1], status: 400, refused: malformed},
		{name: "protobuf and garbage", media: mediaProto, body: append(bytes.Clone(good), 0), status: 400, refused: malformed},
		{name: "JSON as protobuf", media: mediaProto, body: jsonRequest(jsonSpan), status: 400, refused: malformed},
		{name: "protobuf as JSON", media: mediaJSON, body: good, status: 400, refused: malformed},
		{name: "JSON and garbage", media: mediaJSON, body: append(jsonRequest(jsonSpan), "]"...), status: 400, refused: malformed},
		{name: "BOM", media: mediaJSON, body: append([]byte("\xef\xbb\xbf"), jsonRequest(jsonSpan)...), status: 400, refused: malformed},
		{name: "wrong type in JSON", media: mediaJSON, body: jsonRequest(jsonSpan, `{"name":5}`), status: 400, refused: malformed},
		{name: "bytes that are no text", media: mediaJSON, body: []byte("{\xff\xfe"), status: 400, refused: malformed},

		{name: "bad ids", media: mediaProto, body: marshal(t, badIDs), status: 200, rejected: 3},
		{name: "one bad id in JSON", media: mediaJSON, body: jsonRequest(jsonSpan, `{"traceId":"zz","spanId":"01"}`), status: 200, spans: 1, rejected: 1},

		{name: "metrics", path: "/v1/metrics", media: mediaProto, body: []byte("whatever"), status: 200},
		{name: "logs", path: "/v1/logs", media: mediaJSON, body: []byte("{}"), status: 200},
		{name: "metrics too large", path: "/v1/metrics", media: mediaProto, body: large, status: 413, refused: tooLarge},
		{name: "metrics by GET", path: "/v1/metrics", method: "GET", status: 405, header: "Allow: POST"},
	} {
		t.Run(p.name, func(t *testing.T) { p.check(t, s, client) })
	}
	c := s.checkAccounts(t)
	if c.DroppedRequests != [2]uint64{1, 1} {
		t.Errorf("dropped %v, want one each of metrics and logs", c.DroppedRequests)
	}
	if c.Panics != 0 {
		t.Errorf("%d panics", c.Panics)
	}
}

func (p *post) check(t *testing.T, s *server, client *http.Client) {
	before := s.tally.Snapshot()
	res, body := p.send(t, s, client)
	if res.StatusCode != p.status {
		t.Errorf("status %d, want %d; %q", res.StatusCode, p.status, body)
	}
	if name, want, ok := strings.Cut(p.header, ": "); ok && res.Header.Get(name) != want {
		t.Errorf("%s is %q, want %q", name, res.Header.Get(name), want)
	}
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("the answer has a header %s", name)
		}
	}
	if got := len(s.sink.take()); got != p.spans {
		t.Errorf("the sink got %d spans, want %d", got, p.spans)
	}
	p.checkBody(t, res, body)
	after := s.tally.Snapshot()
	for i := range after.RefusedRequests {
		want := before.RefusedRequests[i]
		if i == p.refused-1 {
			want++
		}
		if after.RefusedRequests[i] != want {
			t.Errorf("%s: counted %d, want %d", collector.Refusals[i], after.RefusedRequests[i], want)
		}
	}
	if held := s.budget.Held(); held != 0 {
		t.Errorf("%d bytes are still reserved", held)
	}
}

func (p *post) send(t *testing.T, s *server, client *http.Client) (*http.Response, []byte) {
	t.Helper()
	method, path := "POST", "/v1/traces"
	if p.method != "" {
		method = p.method
	}
	if p.path != "" {
		path = p.path
	}
	var reader io.Reader = bytes.NewReader(p.body)
	if p.chunked {
		reader = io.MultiReader(reader) // hides the length
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.addr+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	if p.media != "" {
		req.Header.Set("Content-Type", p.media)
	}
	if p.encoding != "" {
		req.Header.Set("Content-Encoding", p.encoding)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

// checkBody reads the answer's body in the request's encoding.
func (p *post) checkBody(t *testing.T, res *http.Response, body []byte) {
	t.Helper()
	media, unmarshal := mediaProto, proto.Unmarshal
	if strings.HasPrefix(strings.ToLower(p.media), mediaJSON) {
		media, unmarshal = mediaJSON, protojson.Unmarshal
	}
	if got := res.Header.Get("Content-Type"); got != media {
		t.Errorf("Content-Type %q, want %q", got, media)
	}
	if res.StatusCode != 200 {
		st := new(rpcstatus.Status)
		if err := unmarshal(body, st); err != nil || st.Message == "" || !utf8.Valid(body) {
			t.Errorf("the answer is no status with a message: %q, error %v", body, err)
		}
		return
	}
	m := new(collectortrace.ExportTraceServiceResponse)
	if err := unmarshal(body, m); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if got := m.GetPartialSuccess().GetRejectedSpans(); got != p.rejected {
		t.Errorf("%d spans rejected, want %d", got, p.rejected)
	}
	if (m.GetPartialSuccess().GetErrorMessage() != "") != (p.rejected > 0) {
		t.Errorf("message %q", m.GetPartialSuccess().GetErrorMessage())
	}
}

// A sink without room makes 429 with Retry-After, whatever the reason, and the
// spans count as throttled.
func TestHTTPBusy(t *testing.T) {
	s := serve(t, NewHTTP, Options{})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		err   error
		after string
		why   collector.Throttle
	}{
		{collector.ErrBusy, "1", collector.ThrottleLane},
		{fmt.Errorf("lane 3: %w", collector.ErrBusy), "1", collector.ThrottleLane},
		{&collector.BusyError{Why: collector.ThrottleDisk, After: 30 * time.Second}, "30", collector.ThrottleDisk},
		{fmt.Errorf("log: %w", &collector.BusyError{Why: collector.ThrottleDisk, After: 1500 * time.Millisecond}), "2", collector.ThrottleDisk},
	} {
		before := s.tally.Snapshot().Throttled[c.why]
		s.sink.refuse(c.err)
		p := post{media: mediaProto, body: marshal(t, manySpans(3))}
		res, body := p.send(t, s, client)
		if res.StatusCode != 429 || res.Header.Get("Retry-After") != c.after {
			t.Errorf("%v: status %d, Retry-After %q, want 429 and %s; %q", c.err, res.StatusCode, res.Header.Get("Retry-After"), c.after, body)
		}
		if got := s.checkAccounts(t).Throttled[c.why] - before; got != 3 {
			t.Errorf("%v: %d spans throttled by %s, want 3", c.err, got, c.why)
		}
	}
	s.sink.refuse(errors.New("log: write: input/output error"))
	p := post{media: mediaProto, body: marshal(t, manySpans(3))}
	if res, body := p.send(t, s, client); res.StatusCode != 503 {
		t.Errorf("a broken log: status %d, want 503; %q", res.StatusCode, body)
	}
	s.checkAccounts(t)
}

// When the bodies held use up the budget, the next request is told to come back
// before its body is read.
func TestHTTPMemory(t *testing.T) {
	s := serve(t, NewHTTP, Options{Budget: intake.NewBudget(100_000)})
	s.sink.hold = make(chan struct{})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	first := make(chan int)
	go func() {
		p := post{media: mediaProto, body: marshal(t, manySpans(3))}
		res, _ := p.send(t, s, client)
		first <- res.StatusCode
	}()
	for deadline := time.Now().Add(10 * time.Second); s.budget.Held() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the first body is not held")
		}
		time.Sleep(time.Millisecond)
	}
	p := post{media: mediaProto, body: marshal(t, manySpans(3))}
	res, _ := p.send(t, s, client)
	if res.StatusCode != 429 || res.Header.Get("Retry-After") != "1" {
		t.Errorf("status %d, Retry-After %q, want 429 and 1", res.StatusCode, res.Header.Get("Retry-After"))
	}
	close(s.sink.hold)
	if got := <-first; got != 200 {
		t.Errorf("the first request got %d, want 200", got)
	}
	if got := s.checkAccounts(t).ThrottledRequests[collector.ThrottleMemory]; got != 1 {
		t.Errorf("%d requests throttled by memory, want 1", got)
	}
}

// A request in hand when the receiver stops is still answered.
func TestHTTPStop(t *testing.T) {
	s := serve(t, NewHTTP, Options{})
	s.sink.hold = make(chan struct{})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	answered := make(chan int)
	go func() {
		p := post{media: mediaProto, body: marshal(t, manySpans(3))}
		res, _ := p.send(t, s, client)
		answered <- res.StatusCode
	}()
	for deadline := time.Now().Add(10 * time.Second); s.budget.Held() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the body is not held")
		}
		time.Sleep(time.Millisecond)
	}
	go s.stop()
	for deadline := time.Now().Add(10 * time.Second); ; { // until nobody listens
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			break
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatal("the receiver still listens")
		}
		time.Sleep(time.Millisecond)
	}
	close(s.sink.hold)
	if got := <-answered; got != 200 {
		t.Errorf("status %d, want 200", got)
	}
	s.stop()
}

// Connections over the bound are closed at once and counted.
func TestHTTPConnections(t *testing.T) {
	s := serve(t, NewHTTP, Options{MaxConnections: 1})
	first, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	for range 3 { // whichever is accepted first stays, the others see their end
		second, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		second.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := second.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && !strings.Contains(fmt.Sprint(err), "reset") {
			t.Errorf("a connection too many: %v", err)
		}
		second.Close()
	}
	if got := s.tally.Snapshot().ThrottledRequests[collector.ThrottleConnections]; got != 3 {
		t.Errorf("%d connections refused, want 3", got)
	}
}

// A handler that panics costs its own request and is counted.
func TestHTTPPanic(t *testing.T) {
	s := serve(t, NewHTTP, Options{})
	s.sink.refuse(panicError{})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.addr+"/v1/traces", bytes.NewReader(marshal(t, manySpans(1))))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", mediaProto)
	if res, err := client.Do(req); err == nil {
		res.Body.Close()
		t.Errorf("status %d, want a broken connection", res.StatusCode)
	}
	s.sink.refuse(nil)
	p := post{media: mediaProto, body: marshal(t, manySpans(1))}
	if res, _ := p.send(t, s, client); res.StatusCode != 200 {
		t.Errorf("the next request: status %d", res.StatusCode)
	}
	if got := s.tally.Snapshot().Panics; got != 1 {
		t.Errorf("%d panics counted, want 1", got)
	}
	if held := s.budget.Held(); held != 0 {
		t.Errorf("%d bytes are still reserved", held)
	}
}

// panicError panics when it is looked at.
type panicError struct{}

func (panicError) Error() string { panic("this sink is broken") }
func (panicError) Is(error) bool { panic("this sink is broken") }

// A body that stops coming is given up when the connection's deadline passes.
func TestStalledBody(t *testing.T) {
	o := Options{Symbols: collector.NewSymbols(), Tally: new(collector.Tally)}
	body := func() io.Reader {
		return io.MultiReader(strings.NewReader("\x00\x00\x00\x01\x00spans"), iotest.ErrReader(os.ErrDeadlineExceeded))
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/traces", body())
	r.Header.Set("Content-Type", mediaProto)
	w := httptest.NewRecorder()
	NewHTTP(nil, o).ServeHTTP(w, r)
	if w.Code != http.StatusRequestTimeout {
		t.Errorf("status %d, want 408", w.Code)
	}
	r = httptest.NewRequestWithContext(t.Context(), "POST", exportTraces, body())
	r.Header.Set("Content-Type", "application/grpc")
	w = httptest.NewRecorder()
	NewGRPC(nil, o).ServeHTTP(w, r)
	if got := w.Header().Get(http.TrailerPrefix + "Grpc-Status"); got != "4" {
		t.Errorf("grpc-status %s, want 4", got)
	}
}
