package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// tracerFor returns a tracer of a service whose spans the real SDK sends to p
// over gRPC, and what waits until they were sent.
func tracerFor(t *testing.T, p *process, service string) (trace.Tracer, func()) {
	t.Helper()
	exporter, err := otlptracegrpc.New(t.Context(), otlptracegrpc.WithEndpointURL("http://"+p.grpc), otlptracegrpc.WithCompressor("gzip"))
	if err != nil {
		t.Fatal(err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", service))))
	return provider.Tracer("test"), func() {
		if err := provider.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// What the OpenTelemetry SDK exports over gRPC becomes an edge.
func TestReceiveFromSDK(t *testing.T) {
	p := serve(t, t.TempDir(), nil)
	web, sendWeb := tracerFor(t, p, "web")
	api, sendAPI := tracerFor(t, p, "api")
	const calls = 700 // more than a batch of the SDK
	for range calls {
		ctx, client := web.Start(t.Context(), "call", trace.WithSpanKind(trace.SpanKindClient))
		_, server := api.Start(ctx, "serve", trace.WithSpanKind(trace.SpanKindServer))
		server.End()
		client.End()
	}
	sendAPI()
	sendWeb()
	p.wantCalls(calls)
	p.balanced(2 * calls)
	p.stop()
}

// With --self-traces graphctl's own commits and reads are spans elsewhere, and
// without it there are none.
func TestSelfTraces(t *testing.T) {
	watcher := serve(t, t.TempDir(), nil)
	watched := serve(t, t.TempDir(), nil, "--self-traces", "http://"+watcher.grpc)
	if err := watched.post(t.Context(), half(0, false, time.Now())); err != nil {
		t.Fatal(err)
	}
	watcher.eventually("spans of graphctl", func() error {
		if _, err := watched.get("/api/v1/graph"); err != nil {
			return err
		}
		body, err := watcher.get("/api/v1/graph")
		if err == nil && !strings.Contains(body, `"id":"graphctl"`) {
			err = errors.New("no node graphctl")
		}
		return err
	})
	watched.stop()
	watcher.stop()
}

// A directory serves one process; the second says so and exits with 1.
func TestSecondServer(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data, nil)
	var errs bytes.Buffer
	code := run(t.Context(), []string{"serve", "--data", data, "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"},
		streams{nil, io.Discard, &errs})
	if code != exitFailed || !strings.Contains(errs.String(), "in use by another process") || !strings.Contains(errs.String(), "--data") || strings.Contains(errs.String(), " on ") {
		t.Errorf("second server on one directory: exit %d, %s", code, errs.String())
	}
	errs.Reset()
	code = run(t.Context(), []string{"serve", "--data", t.TempDir(), "--listen", p.web}, streams{nil, io.Discard, &errs})
	if code != exitFailed || !strings.Contains(errs.String(), "address already in use") || !strings.Contains(errs.String(), "port 0") {
		t.Errorf("second server on one port: exit %d, %s", code, errs.String())
	}
	p.stop()
}

// What was committed survives a process that is killed, and the directory
// opens again.
func TestKill(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data, nil)
	const calls = 20
	for n := range calls {
		for _, server := range []bool{true, false} {
			if err := p.post(t.Context(), half(n, server, time.Now())); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.wantCalls(calls)
	p.cmd.Process.Kill()
	<-p.ended
	again := serve(t, data, p)
	again.wantCalls(calls)
	// It takes new calls too, and its numbering of commits starts anew.
	for _, server := range []bool{true, false} {
		if err := again.post(t.Context(), half(calls, server, time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	again.wantCalls(calls + 1)
	again.stop()
}

// A checkpoint that cannot be used is set aside, said so, and kept; the graph is
// served without it.
func TestDamagedCheckpoint(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data, nil)
	for _, server := range []bool{true, false} {
		if err := p.post(t.Context(), half(0, server, time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	p.wantCalls(1)
	p.stop()
	path := filepath.Join(data, "spans", "checkpoint")
	state, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	state[len(state)/2] ^= 0x10
	if err := os.WriteFile(path, state, 0o600); err != nil {
		t.Fatal(err)
	}
	again := serve(t, data, nil)
	again.wantCalls(1)
	again.stop()
	if !strings.Contains(again.logged(), "set aside") {
		t.Errorf("nothing was said:\n%s", again.logged())
	}
	aside, err := filepath.Glob(path + ".unused-*")
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside: %v, %v", aside, err)
	}
	if kept, err := os.ReadFile(aside[0]); err != nil || !bytes.Equal(kept, state) {
		t.Errorf("the damaged checkpoint was not kept: %v", err)
	}
}

// A second signal ends a stop that waits for a request.
func TestSecondSignal(t *testing.T) {
	p := serve(t, t.TempDir(), nil)
	stalled, err := net.Dial("tcp", p.http)
	if err != nil {
		t.Fatal(err)
	}
	defer stalled.Close()
	fmt.Fprintf(stalled, "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n")
	reply := make([]byte, 20)
	if _, err := io.ReadFull(stalled, reply); err != nil || !bytes.Contains(reply, []byte("100")) {
		t.Fatalf("the request is not being read: %v %q", err, reply)
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.eventually("receivers stop", func() error {
		c, err := net.Dial("tcp", p.http)
		if err != nil {
			return nil // refused: this is what is waited for
		}
		c.Close()
		return errors.New("still accepts")
	})
	select {
	case err := <-p.ended:
		t.Fatalf("ended at the first signal with a request in hand: %v\n%s", err, p.logged())
	default:
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-p.ended:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGTERM {
			t.Errorf("ended with %v, want the signal", err)
		}
	case <-time.After(patience):
		t.Error("the second signal did not end it")
	}
}

// The demo with a fleet shows every service, and leaves nothing behind.
func TestDemoFleet(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	const services = 40
	p := start(t, "demo", "--services", fmt.Sprint(services), "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0")
	p.eventually("the whole fleet", func() error {
		body, err := p.get("/api/v1/graph")
		if n := strings.Count(body, `"kind":"service"`); err == nil && n != services {
			err = fmt.Errorf("%d services", n)
		}
		return err
	})
	p.stop()
	if !strings.Contains(p.logged(), "the page is at http://"+p.web) {
		t.Errorf("the address was not told:\n%s", p.logged())
	}
	left, err := fs.Glob(os.DirFS(tmp), "graphctl-demo-*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// With --zipkin there is a fourth listener, which takes Zipkin spans.
func TestZipkin(t *testing.T) {
	p := serve(t, t.TempDir(), nil, "--zipkin", "127.0.0.1:0")
	_, rest, _ := strings.Cut(p.logged(), "graphctl: zipkin on ")
	address, _, ok := strings.Cut(rest, "\n")
	if !ok {
		t.Fatalf("no ready line:\n%s", p.logged())
	}
	body := fmt.Sprintf(`[{"traceId":"000000000000000a","id":"000000000000000b","kind":"SERVER","timestamp":%d,"duration":1000,"localEndpoint":{"serviceName":"zip"}}]`, time.Now().UnixMicro())
	res, err := http.Post("http://"+address+"/api/v2/spans", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusAccepted {
		t.Errorf("answered %s, want 202", res.Status)
	}
	p.eventually("the service", func() error {
		body, err := p.get("/api/v1/graph")
		if err == nil && !strings.Contains(body, `"id":"zip"`) {
			err = errors.New("no node zip")
		}
		return err
	})
	p.balanced(1)
	p.stop()
}
