package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stopWithin is what the command promises.
const stopWithin = 5 * time.Second

// output is what the command prints; it may be read while it is written.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// The command says that it is ready, and stops in time with nobody to send
// spans to: once with a port that refuses, once with one that never answers.
func TestStopsInTimeWithoutReceiver(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	refusing, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refusing.Close()
	otel.SetErrorHandler(&exportErrors{log: slog.New(slog.DiscardHandler)})
	for name, endpoint := range map[string]string{"refusing": refusing.Addr().String(), "silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			s, err := parse([]string{"--otlp", endpoint, "--rate", "100"}, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			s.company.Log = slog.New(slog.DiscardHandler)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var printed output
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, s, &printed) }()
			awaitLine(t, &printed, "company: ready, 12 services\n", ended)

			stopping := time.Now()
			cancel()
			err = <-ended
			if took := time.Since(stopping); took > stopWithin {
				t.Errorf("stopped after %s, want within %s", took, stopWithin)
			}
			// That spans are lost is logged; it is no failure of the company.
			if err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
}

func awaitLine(t *testing.T, printed *output, line string, ended <-chan error) {
	t.Helper()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(printed.String(), line) {
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("ended with %v before %q; printed %q", err, line, printed)
		case <-deadline:
			t.Fatalf("no %q in %q", line, printed)
		}
	}
}

// The company stops when the other end of its standard input is closed.
func TestStopsAtEOF(t *testing.T) {
	r, w := io.Pipe()
	ctx := untilEOF(t.Context(), r)
	if _, err := io.WriteString(w, "anything\n"); err != nil {
		t.Fatal(err)
	}
	if err := ctx.Err(); err != nil {
		t.Fatalf("done before the end: %v", err)
	}
	w.Close()
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("still running after the end of its input")
	}
}

// Nonsense on the command line is refused with a message that names the flag.
func TestWrongUsage(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"--rate 0", "--rate 0: must be more than 0"},
		{"--rate NaN", "--rate NaN"},
		{"--rate 1e9", "at most 2000"},
		{"--day -1s", "--day -1s"},
		{"--storm-every -1s", "--storm-every -1s"},
		{"--no-such", "-no-such"},
		{"extra", `unexpected argument "extra"`},
	} {
		var printed bytes.Buffer
		if _, err := parse(strings.Fields(c.args), &printed); err == nil {
			t.Errorf("%s: accepted", c.args)
		}
		if !strings.Contains(printed.String(), c.want) {
			t.Errorf("%s: got %q, want it to say %q", c.args, printed.String(), c.want)
		}
	}
}

func TestEndpointFromEnvironment(t *testing.T) {
	for _, c := range []struct {
		environment string
		args        []string
		want        string
	}{
		{"", nil, "http://127.0.0.1:4317"},
		{"http://collector.example:4317", nil, "http://collector.example:4317"},
		{"http://collector.example:4317", []string{"--otlp", "127.0.0.1:1"}, "127.0.0.1:1"},
	} {
		t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.environment)
		s, err := parse(c.args, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.company.Endpoint; got != c.want {
			t.Errorf("environment %q, arguments %q: got %q, want %q", c.environment, c.args, got, c.want)
		}
	}
}
