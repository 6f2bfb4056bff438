package otlp

import (
	"bytes"
	"context"
	"net"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// A recorder is a sink that keeps what it gets, or refuses.
type recorder struct {
	mu    sync.Mutex
	spans []collector.Span
	err   error         // returned from Consume
	hold  chan struct{} // if not nil Consume waits for it
}

func (r *recorder) Consume(ctx context.Context, b *collector.Batch) error {
	if r.hold != nil {
		select {
		case <-r.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err != nil {
		return r.err
	}
	r.spans = append(r.spans, b.Spans...)
	return nil
}

func (r *recorder) refuse(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.err = err
}

func (r *recorder) take() []collector.Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := r.spans
	r.spans = nil
	return spans
}

// A server is a receiver under test.
type server struct {
	addr   string
	tally  *collector.Tally
	syms   *collector.Symbols
	budget *intake.Budget
	sink   *recorder
	stop   func() // and wait
}

// serve runs a receiver on a free port until the test ends.
func serve[R collector.Receiver](t testing.TB, receiver func(net.Listener, Options) R, o Options) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: l.Addr().String(), tally: new(collector.Tally), syms: collector.NewSymbols(), sink: new(recorder)}
	o.Symbols, o.Tally = s.syms, s.tally
	if o.Budget == nil {
		o.Budget = intake.NewBudget(intake.MaxHeld)
	}
	s.budget = o.Budget
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- receiver(l, o).Run(ctx, s.sink) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if held := s.budget.Held(); held != 0 {
			t.Errorf("%d bytes are still reserved", held)
		}
	})
	t.Cleanup(s.stop)
	return s
}

// checkAccounts asserts that every span is accounted for.
func (s *server) checkAccounts(t testing.TB) collector.Counts {
	t.Helper()
	c := s.tally.Snapshot()
	sum := c.Accepted
	for _, n := range c.Rejected {
		sum += n
	}
	for _, n := range c.Throttled {
		sum += n
	}
	if sum != c.Received {
		t.Errorf("accepted + rejected + throttled = %d, received %d: %+v", sum, c.Received, c)
	}
	return c
}

func gzipped(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	if _, err := z.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}
