package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	steadyRate = 100_000 // spans a second while latencies are taken
	// markEvery spaces the calls whose way to the page is timed, so that they
	// fall on all parts of a second.
	markEvery = 47 * time.Millisecond
	// markPatience is how long the last mark may take to be shown.
	markPatience = 20 * time.Second
)

// latency measures how long the graph takes, and news of it, under load.
func (r *runner) latency(ctx context.Context, b *strings.Builder) error {
	length := 20 * time.Second
	if r.o.depth == "quick" {
		length = 5 * time.Second
	}
	fmt.Fprintf(b, "### Latency at %s spans/s\n\nAt W2, for %v.\n\n| what | spans/s | n | median | 99th of 100 | longest |\n|---|---|---|---|---|---|\n", thousands(steadyRate), length)
	for _, m := range []struct {
		name  string
		times func(context.Context, *process) ([]time.Duration, error)
		extra time.Duration // of the load, for what goes before
	}{
		{"from the answer to a request to its call on the stream", marks, 0},
		{"… beside one trace of 950,000 spans that grows by 1,700 a second", marksBesideTrace, 20 * time.Second},
		{"`/api/v1/graph?from=-1h`, gzip, one after another", queries, 0},
	} {
		times, rate, err := r.during(ctx, length+m.extra, m.times)
		if err != nil {
			return err
		}
		slices.Sort(times)
		n := len(times)
		if n == 0 {
			return fmt.Errorf("%s: nothing was timed", m.name)
		}
		show := func(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
		fmt.Fprintf(b, "| %s | %s | %d | %s | %s | %s |\n", m.name, thousands(rate), n, show(times[n/2]), show(times[min(n-1, n*99/100)]), show(times[n-1]))
	}
	b.WriteString("\n")
	return nil
}

// during calls measure while a steady load runs, at the rate that it returns;
// measure's context ends with the load.
func (r *runner) during(ctx context.Context, length time.Duration, measure func(context.Context, *process) ([]time.Duration, error)) (_ []time.Duration, rate float64, err error) {
	fmt.Fprintf(r.log, "bench: W2 graphctl for %v at %d spans/s\n", length, steadyRate)
	p, err := r.start(ctx, graphctl)
	if err != nil {
		return nil, 0, err
	}
	defer p.stop()
	loaded, cancel := context.WithCancel(ctx)
	defer cancel()
	var load sync.WaitGroup
	var s sent
	var loadErr error
	load.Go(func() {
		defer cancel()
		s, loadErr = r.o.send(ctx, p, w2, int(length.Seconds()*steadyRate), filepath.Join(r.o.work, "expect.tsv"), "-rate", strconv.Itoa(steadyRate))
	})
	err = awaitLoad(loaded, p)
	var times []time.Duration
	if err == nil {
		times, err = measure(loaded, p)
	}
	load.Wait()
	return times, s.PerSecond, errors.Join(err, loadErr)
}

// warm is how many spans must have come before latencies are taken: all edges
// of W2, some times over.
const warm = 300_000

// awaitLoad waits until the load is warm.
func awaitLoad(ctx context.Context, p *process) error {
	for {
		b, err := p.get(ctx, "/api/v1/status", "", "")
		if err != nil {
			return err
		}
		var s struct {
			Accounting struct{ Received float64 }
		}
		if err := json.Unmarshal(b, &s); err != nil {
			return fmt.Errorf("status: %w", err)
		}
		if s.Accounting.Received >= warm {
			return nil
		}
		select {
		case <-time.After(markEvery):
		case <-ctx.Done():
			return fmt.Errorf("the load ended before %d spans had come", warm)
		}
	}
}

// queries asks for the graph of the last hour again and again.
func queries(ctx context.Context, p *process) (times []time.Duration, err error) {
	for {
		began := time.Now()
		_, err := p.get(ctx, "/api/v1/graph?from=-1h", "Accept-Encoding", "gzip") // as browsers do; nothing is unpacked here
		switch {
		case ctx.Err() != nil:
			return times, nil
		case err != nil:
			return nil, err
		}
		times = append(times, time.Since(began))
	}
}

// marks sends calls between services of their own and waits for each on the
// stream.
func marks(ctx context.Context, p *process) ([]time.Duration, error) {
	s, err := openStream(p.web)
	if err != nil {
		return nil, err
	}
	defer s.close()
	type seen struct {
		name string
		at   time.Time
	}
	shown := make(chan seen, 1024)
	var reading sync.WaitGroup
	var readErr error
	reading.Go(func() {
		defer close(shown)
		for {
			frame, err := s.next()
			at := time.Now()
			var names []string
			if err == nil {
				names, err = newCallers(frame)
			}
			if err != nil {
				readErr = err
				return
			}
			for _, n := range names {
				if strings.HasPrefix(n, markPrefix) {
					shown <- seen{n, at}
				}
			}
		}
	})
	defer reading.Wait()
	defer s.close()

	answered := map[string]time.Time{}
	var times []time.Duration
	tick := time.NewTicker(markEvery)
	defer tick.Stop()
	sending, last := tick.C, (<-chan time.Time)(nil)
	done := ctx.Done()
	for sending != nil || len(answered) > 0 {
		select {
		case <-sending:
			name := markPrefix + strconv.Itoa(len(times)+len(answered))
			if err := mark(context.WithoutCancel(ctx), p, name); err != nil {
				return nil, err
			}
			answered[name] = time.Now()
		case m, ok := <-shown:
			if !ok {
				return nil, fmt.Errorf("the stream ended: %w", readErr)
			}
			if at, ok := answered[m.name]; ok {
				times = append(times, max(0, m.at.Sub(at)))
				delete(answered, m.name)
			}
		case <-done:
			sending, done, last = nil, nil, time.After(markPatience)
		case <-last:
			return nil, fmt.Errorf("%d of %d calls were not shown within %v", len(answered), len(times)+len(answered), markPatience)
		}
	}
	return times, nil
}

const markPrefix = "bench-mark-"

// mark sends both halves of a call in one request.
func mark(ctx context.Context, p *process, from string) error {
	now := time.Now()
	span := func(service string, kind, id, parent int) string {
		return fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},"scopeSpans":[{"spans":[`+
			`{"traceId":"%032x","spanId":"%016x","parentSpanId":"%016x","kind":%d,"name":"mark","startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}`,
			service, now.UnixNano(), id, parent, kind, now.Add(-time.Millisecond).UnixNano(), now.UnixNano())
	}
	return p.post(ctx, `{"resourceSpans":[`+span(from, 3, 2, 1)+","+span("bench-marked", 2, 3, 2)+`]}`)
}

// steady measures memory under a long steady load.
func (r *runner) steady(ctx context.Context, b *strings.Builder) error {
	if r.o.depth != "long" {
		return nil
	}
	const length = 5 * time.Minute
	f, err := r.run(ctx, graphctl, w2, int(length.Seconds())*steadyRate, "-rate", strconv.Itoa(steadyRate))
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "### Memory\n\nAt W2, %s spans/s for %v: peak RSS %.0f MB, of which its own %.0f MB; CPU %.2f of a core; graph: %s.\n\n",
		thousands(steadyRate), length, f.peak.rss, f.peak.own, steadyRate/f.PerCPU, f.graph)
	return nil
}
