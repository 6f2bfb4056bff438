package zipkin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"go.uber.org/goleak"

	"graphctl/collector"
	"graphctl/collector/intake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A sink counts spans, or refuses them.
type sink struct {
	spans      atomic.Int64
	err        atomic.Pointer[error]
	everyOther atomic.Bool // refuse every other batch, but not the first
	batches    atomic.Int64
	refused    atomic.Int64
}

func (s *sink) Consume(_ context.Context, b *collector.Batch) error {
	if err := s.err.Load(); err != nil {
		return *err
	}
	if n := s.batches.Add(1); s.everyOther.Load() && n%2 == 0 {
		s.refused.Add(1)
		return collector.ErrBusy
	}
	s.spans.Add(int64(len(b.Spans)))
	return nil
}

func serve(t *testing.T, o Options) (url string, tally *collector.Tally, to *sink) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tally, to = new(collector.Tally), new(sink)
	o.Symbols, o.Tally, o.Budget = collector.NewSymbols(), tally, intake.NewBudget(intake.MaxHeld)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- NewHTTP(l, o).Run(ctx, to) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if held := o.Budget.Held(); held != 0 {
			t.Errorf("%d bytes are still reserved", held)
		}
	})
	return "http://" + l.Addr().String(), tally, to
}

func send(t *testing.T, method, url, media, encoding string, body []byte) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	req.Header.Set("Content-Type", media)
	req.Header.Set("Content-Encoding", encoding)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res
}

func TestHTTP(t *testing.T) {
	url, tally, to := serve(t, Options{MaxBody: 1 << 16})
	good := []byte(`[{"traceId":"9a2f9fd8ce4931ec","id":"e50a1821ea2d311a"},{"traceId":"9a2f9fd8ce4931ec","id":"1"}]`)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(good)
	z.Close()
	const path, media = "/api/v2/spans", "application/json"
	for _, c := range []struct {
		name, method, path, media, encoding string
		body                                []byte
		status                              int
		spans                               int64
	}{
		{"good", "POST", path, media, "", good, 202, 1},
		{"with a charset", "POST", path, media + "; charset=utf-8", "identity", good, 202, 1},
		{"gzip", "POST", path, media, "gzip", packed.Bytes(), 202, 1},
		{"no spans", "POST", path, media, "", []byte("[]"), 202, 0},
		{"GET", "GET", path, media, "", nil, 405, 0},
		{"path", "POST", "/api/v1/spans", media, "", good, 404, 0},
		{"protobuf", "POST", path, "application/x-protobuf", "", good, 415, 0},
		{"text", "POST", path, "text/plain", "", good, 415, 0},
		{"zstd", "POST", path, media, "zstd", good, 415, 0},
		{"empty", "POST", path, media, "", nil, 400, 0},
		{"cut", "POST", path, media, "", good[:50], 400, 0},
		{"gzip cut", "POST", path, media, "gzip", packed.Bytes()[:20], 400, 0},
		{"too large", "POST", path, media, "", make([]byte, 1<<16+1), 413, 0},
	} {
		before := to.spans.Load()
		res := send(t, c.method, url+c.path, c.media, c.encoding, c.body)
		if res.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", c.name, res.StatusCode, c.status)
		}
		if got := to.spans.Load() - before; got != c.spans {
			t.Errorf("%s: the sink got %d spans, want %d", c.name, got, c.spans)
		}
	}
	c := tally.Snapshot()
	if c.Received != 6 || c.Accepted != 3 || c.Rejected != [3]uint64{0, 3, 0} {
		t.Errorf("counted %+v", c)
	}
	if want := [4]uint64{3, 1, 3, 0}; c.RefusedRequests != want {
		t.Errorf("refused %v, want %v", c.RefusedRequests, want)
	}
}

func TestHTTPRefusedBySink(t *testing.T) {
	url, tally, to := serve(t, Options{})
	good := []byte(`[{"traceId":"9a2f9fd8ce4931ec","id":"e50a1821ea2d311a"}]`)
	for _, c := range []struct {
		err    error
		status int
		after  string
	}{
		{collector.ErrBusy, 429, "1"},
		{&collector.BusyError{Why: collector.ThrottleDisk, After: 30 * time.Second}, 429, "30"},
		{errors.New("log: input/output error"), 503, "1"},
	} {
		to.err.Store(&c.err)
		res := send(t, "POST", url+"/api/v2/spans", "application/json", "", good)
		if res.StatusCode != c.status || res.Header.Get("Retry-After") != c.after {
			t.Errorf("%v: status %d, Retry-After %q, want %d and %s", c.err, res.StatusCode, res.Header.Get("Retry-After"), c.status, c.after)
		}
	}
	if c := tally.Snapshot(); c.Received != 3 || c.Throttled != [4]uint64{1, 0, 2, 0} || c.Accepted != 0 {
		t.Errorf("counted %+v", c)
	}
}

// A request that was taken in part is taken whole, and each span once, by a sink
// that has room for every other batch.
func TestHTTPTakenInPart(t *testing.T) {
	const spans = 3*collector.ChunkSpans + 1
	var body bytes.Buffer
	for i := range spans {
		fmt.Fprintf(&body, `,{"traceId":"9a2f9fd8ce4931ec","id":"%016x"}`, i+1)
	}
	body.WriteByte(']')
	body.Bytes()[0] = '['
	url, tally, to := serve(t, Options{})
	to.everyOther.Store(true)
	if res := send(t, "POST", url+"/api/v2/spans", "application/json", "", body.Bytes()); res.StatusCode != http.StatusAccepted {
		t.Errorf("status %d", res.StatusCode)
	}
	if got := to.spans.Load(); got != spans || to.refused.Load() == 0 {
		t.Errorf("the sink took %d spans, want %d, and refused %d batches", got, spans, to.refused.Load())
	}
	if c := tally.Snapshot(); c.Accepted != spans || c.Throttled != [4]uint64{} {
		t.Errorf("counted %+v", c)
	}
}
