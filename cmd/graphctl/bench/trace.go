package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	// longTrace is how many spans one trace has when latencies are taken beside
	// it, near the bound of a trace, and longTraceRate how many come to it a
	// second then: a million in ten minutes.
	longTrace     = 950_000
	longTraceRate = 1_700
	// longTraceBatch is how many of them are in a request.
	longTraceBatch = 10_000
)

// marksBesideTrace is marks while a very long trace still grows.
func marksBesideTrace(ctx context.Context, p *process) (times []time.Duration, err error) {
	t := &trace{p: p, start: time.Now().Add(-time.Second)}
	for t.spans < longTrace {
		if err := t.grow(ctx, longTraceBatch); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	var growing sync.WaitGroup
	var growErr error
	growing.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if err := t.grow(context.WithoutCancel(ctx), longTraceRate); err != nil {
					growErr = err
					return
				}
			case <-ctx.Done():
				return
			}
		}
	})
	times, err = marks(ctx, p)
	cancel()
	growing.Wait()
	return times, errors.Join(err, growErr)
}

// A trace is one that grows: a caller whose every call is answered.
type trace struct {
	p     *process
	start time.Time
	spans int
}

// grow sends the next n spans of the trace, half of them of each side.
func (t *trace) grow(ctx context.Context, n int) error {
	var sides [2]strings.Builder
	for range n / 2 {
		t.spans += 2
		at := t.start.UnixNano() + int64(t.spans)
		for side, kind := range []int{3, 2} { // client and server
			id, parent := t.spans+side, 1
			if side == 1 {
				parent = t.spans
			}
			fmt.Fprintf(&sides[side], `,{"traceId":"%032x","spanId":"%016x","parentSpanId":"%016x","kind":%d,"name":"step","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}`,
				t.start.UnixNano(), id, parent, kind, at, at+1_000_000)
		}
	}
	resource := func(service string, spans string) string {
		return fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[%s]}]}`, service, spans[1:])
	}
	body := `{"resourceSpans":[` + resource("bench-caller", sides[0].String()) + "," + resource("bench-callee", sides[1].String()) + `]}`
	return t.p.post(ctx, body)
}

// post sends a request of OTLP/JSON, again as often as it is refused for want of
// room.
func (p *process) post(ctx context.Context, body string) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.http+"/v1/traces", strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		answer, err := io.ReadAll(res.Body)
		err = errors.Join(err, res.Body.Close())
		switch {
		case err != nil:
			return err
		case res.StatusCode == http.StatusOK:
			return nil
		case res.StatusCode != http.StatusTooManyRequests:
			return fmt.Errorf("send spans: %s: %s", res.Status, answer)
		}
		select {
		case <-time.After(markEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
