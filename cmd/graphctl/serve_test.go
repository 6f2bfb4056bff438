package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should take a second or two.
const patience = 30 * time.Second

// A process is a running graphctl serve.
type process struct {
	t               *testing.T
	cmd             *exec.Cmd
	web, grpc, http string // addresses
	ended           chan error

	mu  sync.Mutex
	log strings.Builder
}

// serve starts graphctl serve on free ports, or on those of an earlier process.
func serve(t *testing.T, data string, again *process, flags ...string) *process {
	t.Helper()
	listen := []string{"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"}
	if again != nil {
		listen = []string{again.web, again.grpc, again.http}
	}
	args := append([]string{"serve", "--data", data,
		"--listen", listen[0], "--otlp-grpc", listen[1], "--otlp-http", listen[2]}, flags...)
	return start(t, args...)
}

// start starts graphctl with args and waits until it is ready.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, ended: make(chan error, 1)}
	p.cmd = exec.Command("graphctl", args...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go p.read(stderr, ready)
	t.Cleanup(func() { p.cmd.Process.Kill() })
	select {
	case <-ready:
	case <-time.After(patience):
		t.Fatalf("no ready lines:\n%s", p.logged())
	}
	p.eventually("ready", func() error {
		_, err := p.get("/readyz")
		return err
	})
	return p
}

// read notes the ready lines and the rest of the log, until the process ends.
func (p *process) read(stderr io.Reader, ready chan<- struct{}) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		line := lines.Text()
		p.mu.Lock()
		p.log.WriteString(line + "\n")
		p.mu.Unlock()
		for prefix, to := range map[string]*string{
			"graphctl: otlp/grpc on ":  &p.grpc,
			"graphctl: otlp/http on ":  &p.http,
			"graphctl: web on http://": &p.web,
		} {
			if a, ok := strings.CutPrefix(line, prefix); ok {
				*to = a
			}
		}
		if p.web != "" && ready != nil {
			close(ready)
			ready = nil
		}
	}
	p.ended <- p.cmd.Wait()
}

func (p *process) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// stop sends SIGTERM and demands a clean end.
func (p *process) stop() {
	p.t.Helper()
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("graphctl ended with %v:\n%s", err, p.logged())
		}
	case <-time.After(patience):
		p.t.Errorf("graphctl does not stop:\n%s", p.logged())
	}
}

func (p *process) get(path string) (string, error) {
	res, err := http.Get("http://" + p.web + path)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, res.Status, b)
	}
	return string(b), err
}

// eventually waits until f succeeds.
func (p *process) eventually(what string, f func() error) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s: %v\n%s", what, err, p.logged())
		}
		<-tick.C
	}
}

// errAgain reports that a request should be sent again.
var errAgain = errors.New("send again")

// post sends an OTLP/JSON request.
func (p *process) post(ctx context.Context, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+p.http+"/v1/traces", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return errAgain
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	switch {
	case err != nil, res.StatusCode == http.StatusTooManyRequests:
		return errAgain
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", res.Status, b)
	}
	return nil
}

// half is an OTLP/JSON request with the client's or server's half of call n.
func half(n int, server bool, start time.Time) string {
	service, kind, id, parent := "web", 3, 2*n+2, 0
	if server {
		service, kind, id, parent = "api", 2, 2*n+3, 2*n+2
	}
	return fmt.Sprintf(`{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":%q}}]},`+
		`"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","parentSpanId":"%016x","kind":%d,"name":"op",`+
		`"startTimeUnixNano":"%d","endTimeUnixNano":"%d"}]}]}]}`,
		service, n+1, id, parent, kind, start.UnixNano(), start.Add(5*time.Millisecond).UnixNano())
}

// graphCalls returns the calls from web to api, and all edges.
func (p *process) graphCalls() (calls int64, edges int, err error) {
	body, err := p.get("/api/v1/graph")
	if err != nil {
		return 0, 0, err
	}
	var g struct {
		Edges []struct {
			From, To string
			Calls    int64
		}
	}
	if err := json.Unmarshal([]byte(body), &g); err != nil {
		return 0, 0, err
	}
	for _, e := range g.Edges {
		if e.From == "web" && e.To == "api" {
			calls += e.Calls
		}
	}
	return calls, len(g.Edges), nil
}

func (p *process) wantCalls(want int64) {
	p.t.Helper()
	p.eventually(fmt.Sprintf("%d calls", want), func() error {
		calls, edges, err := p.graphCalls()
		if err == nil && (calls != want || edges != 1) {
			err = fmt.Errorf("%d calls on %d edges", calls, edges)
		}
		return err
	})
}

// balanced checks that every span received is in exactly one bucket and that
// their number is want.
func (p *process) balanced(want uint64) {
	p.t.Helper()
	if got := p.accounted(); got != want {
		p.t.Errorf("%d spans were received, want %d", got, want)
	}
}

// accounted waits until no span is open any more, checks that every span that
// was received is in exactly one bucket, and returns how many there are.
func (p *process) accounted() (received uint64) {
	p.t.Helper()
	p.eventually("accounting", func() error {
		body, err := p.get("/api/v1/status")
		if err != nil {
			return err
		}
		var s struct {
			Accounting struct {
				Received uint64
				Buckets  []struct {
					Name  string
					Spans uint64
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			return err
		}
		var sum, open uint64
		for _, b := range s.Accounting.Buckets {
			sum += b.Spans
			if b.Name == "in_flight" || b.Name == "pending" {
				open += b.Spans
			}
		}
		received = s.Accounting.Received
		if received != sum || open != 0 {
			return fmt.Errorf("received %d, sum of buckets %d, open %d: %s", received, sum, open, body)
		}
		return nil
	})
	return received
}

// Spans in, a graph out in every form, and every span accounted for.
func TestServe(t *testing.T) {
	p := serve(t, t.TempDir(), nil)
	now := time.Now()
	for _, server := range []bool{false, true} {
		if err := p.post(t.Context(), half(0, server, now)); err != nil {
			t.Fatal(err)
		}
	}
	p.wantCalls(1)
	p.balanced(2)
	for path, want := range map[string]string{
		"/api/v1/export?format=dot": `"web" -> "api"`,
		"/api/v1/export?format=csv": "web,api,rpc",

		"/api/v1/export?format=svg&layout=star&theme=light": "web → api (rpc)",

		"/api/dependencies":            `{"parent":"web","child":"api","callCount":1}`,
		"/metrics":                     `traces_service_graph_request_total{client="web",client_service_namespace="",connection_type="",server="api",server_service_namespace=""} 1`,
		"/":                            `<div id="app">`,
		"/api/v1/openapi.json":         `"/api/v1/graph"`,
		"/healthz":                     "ok",
		"/api/v1/graph?namespace=none": `"nodes":[`,
	} {
		p.eventually(path, func() error { // metrics follow the page, not the store
			body, err := p.get(path)
			if err == nil && !strings.Contains(body, want) {
				err = fmt.Errorf("no %q in %.2000s", want, body)
			}
			return err
		})
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"edges", "--server", "http://" + p.web, "-o", "csv"}, streams{nil, &out, io.Discard}); code != 0 || !strings.Contains(out.String(), "web,api,rpc,1,0") {
		t.Errorf("edges: exit %d: %s", code, out.String())
	}
	p.stop()
}

// A stop under load loses no call that was acknowledged and counts none twice,
// also those whose halves it parted; a window that had settled reads the same
// before and after.
func TestStopUnderLoad(t *testing.T) {
	data := t.TempDir()
	first := serve(t, data, nil, "--settle", "200ms")
	old := time.Now().Add(-3 * time.Minute)
	const settled = 50
	for n := range settled {
		for _, server := range []bool{true, false} {
			if err := first.post(t.Context(), half(n, server, old)); err != nil {
				t.Fatal(err)
			}
		}
	}
	first.wantCalls(settled)
	window := fmt.Sprintf("/api/v1/graph?from=%s&to=%s", old.Add(-time.Minute).UTC().Format(time.RFC3339), old.Add(time.Minute).UTC().Format(time.RFC3339))
	before, err := first.get(window)
	if err != nil {
		t.Fatal(err)
	}

	const calls = 400
	var sent atomic.Int64 // halves acknowledged
	current := atomic.Pointer[process]{}
	current.Store(first)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	var senders sync.WaitGroup
	for worker := range 4 {
		senders.Go(func() {
			for n := settled + worker; n < settled+calls; n += 4 {
				for i := range 2 {
					body := half(n, (i == 0) == (n%3 == 0), time.Now())
					for errAgain == current.Load().post(ctx, body) {
						if ctx.Err() != nil {
							return
						}
					}
					sent.Add(1)
				}
			}
		})
	}
	first.eventually("some load", func() error {
		if sent.Load() < calls/2 {
			return errors.New("too little was sent")
		}
		return nil
	})
	first.stop()
	second := serve(t, data, first, "--settle", "200ms")
	current.Store(second)
	senders.Wait()
	second.wantCalls(settled + calls)
	if after, err := second.get(window); err != nil || after != before {
		t.Errorf("the settled window changed, error %v\nbefore %s\nafter  %s", err, before, after)
	}
	second.stop()
}

// The file of a stopped server holds the graph; a running server holds its lock.
func TestReadFileOfStoppedServer(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data, nil)
	for _, server := range []bool{false, true} {
		if err := p.post(t.Context(), half(0, server, time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	p.wantCalls(1)
	export := func() (int, string, string) {
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"export", "--csv", "--db", data + "/graph.db"}, streams{nil, &out, &errs})
		return code, out.String(), errs.String()
	}
	if code, _, errs := export(); code != exitFailed || !strings.Contains(errs, "in use by another process") || !strings.Contains(errs, "--server") {
		t.Errorf("while it runs: exit %d, %s", code, errs)
	}
	p.stop()
	if code, out, errs := export(); code != 0 || !strings.Contains(out, "web,api,rpc") {
		t.Errorf("after it stopped: exit %d, %s%s", code, out, errs)
	}
}
