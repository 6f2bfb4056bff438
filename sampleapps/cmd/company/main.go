// Command company runs the sample company: twelve instrumented services, what
// they depend on, and people who use them, in one process.
//
//	company --otlp http://127.0.0.1:4317 --rate 20
//
// When all services listen it prints "company: ready, 12 services" to standard
// error. It stops on SIGINT and SIGTERM, and exits 0 within five seconds; 1 if
// something failed, 2 if it was called wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"

	"go.opentelemetry.io/otel"

	"graphctl/sampleapps/company"
	"graphctl/sampleapps/traffic"
)

// defaultEndpoint is where an OTLP receiver listens that nobody configured.
const defaultEndpoint = "http://127.0.0.1:4317"

// Exit codes.
const (
	exitFailed = 1
	exitUsage  = 2
)

// settings are the flags.
type settings struct {
	company   company.Options
	traffic   traffic.Options
	stopOnEOF bool
}

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	s, err := parse(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(exitUsage)
	}
	s.company.Log = log
	otel.SetErrorHandler(&exportErrors{log: log})

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if s.stopOnEOF {
		ctx = untilEOF(ctx, os.Stdin)
	}
	if err := run(ctx, s, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "company: %v\n", err)
		os.Exit(exitFailed)
	}
}

// parse reads the command line. It has explained errors to w.
func parse(args []string, w io.Writer) (settings, error) {
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT")
	if endpoint == "" {
		endpoint = defaultEndpoint
	}
	var s settings
	f := flag.NewFlagSet("company", flag.ContinueOnError)
	f.SetOutput(w)
	f.StringVar(&s.company.Endpoint, "otlp", endpoint, "send spans to this `endpoint`, OTLP over gRPC (default from OTEL_EXPORTER_OTLP_ENDPOINT)")
	f.StringVar(&s.company.Control, "control", "127.0.0.1:0", "`address` of the control interface")
	f.DurationVar(&s.company.StormEvery, "storm-every", 0, "begin a retry storm this often; 0 is never")
	f.Float64Var(&s.traffic.Rate, "rate", 20, "requests a second at noon")
	f.DurationVar(&s.traffic.Day, "day", 10*time.Minute, "how long a day takes, with its rush hours; 0 is an eternal noon")
	f.Uint64Var(&s.traffic.Seed, "seed", 0, "make the same people come in the same order; 0 is different each time")
	f.BoolVar(&s.stopOnEOF, "stop-on-eof", false, "stop when standard input ends, as it does when the process that holds it ends")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if err := check(s, f.Args()); err != nil {
		fmt.Fprintf(w, "company: %v\n", err)
		return s, err
	}
	if s.traffic.Seed == 0 {
		s.traffic.Seed = rand.Uint64()
	}
	return s, nil
}

func check(s settings, rest []string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case !(s.traffic.Rate > 0) || s.traffic.Rate > traffic.MaxRate:
		return fmt.Errorf("--rate %v: must be more than 0 and at most %v", s.traffic.Rate, traffic.MaxRate)
	case s.traffic.Day < 0:
		return fmt.Errorf("--day %s: must not be negative", s.traffic.Day)
	case s.company.StormEvery < 0:
		return fmt.Errorf("--storm-every %s: must not be negative", s.company.StormEvery)
	}
	return nil
}

// run runs the company until ctx is done.
func run(ctx context.Context, s settings, w io.Writer) (err error) {
	c, err := company.Open(ctx, s.company)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close(ctx)) }()
	s.traffic.Dial = c.Network.DialContext
	people, err := traffic.New(s.traffic)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "company: control on %s\n", c.ControlURL())
	fmt.Fprintf(w, "company: spans to %s\n", s.company.Endpoint)
	fmt.Fprintf(w, "company: ready, %d services\n", company.Services())
	err = c.Run(ctx, people)
	n := people.Count()
	s.company.Log.Info("stopped", "requests", n.Sent, "failed", n.Failed, "turned_away", n.TurnedAway, "abandoned_trips", n.Abandoned)
	return err
}

// untilEOF is ctx, but done when r ends. A parent that keeps the other end of
// a pipe so stops the company even if it is killed. The goroutine ends with r
// or, since reading cannot be interrupted, with the process.
func untilEOF(ctx context.Context, r io.Reader) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		_, _ = io.Copy(io.Discard, r) // that it ended is all there is to know
	}()
	return ctx
}
