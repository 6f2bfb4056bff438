// Command bench measures graphctl and writes the table of docs/performance.md:
// Go benchmarks of its parts, and whole programs under load, side by side with
// floors that do the least a receiver can do. `make bench` builds all that it
// runs (.ci/bench).
//
// The load generator decides when a graph is right: every row with a graph says
// whether each edge had the calls and errors that were sent. Programs that are
// compared run turn by turn, so that a slow minute of the machine hits all.
// Figures of two sittings or two machines cannot be compared; their ratios can.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// An options says what to measure, with which programs.
type options struct {
	depth string // quick, full or long
	// benchtime of each Go benchmark; spans of each run; rounds of runs that
	// are compared. Zero values depend on depth.
	benchtime     string
	spans, rounds int

	graphctl, floor string // programs
	load            string // the load generator; "": none, and only Go benchmarks
	work            string // a folder for data
	page            string // the file to write the table to; "": only print
	profileTo       string // the file to write a profile to, instead of measuring
	started         time.Time
}

func main() {
	o := options{started: time.Now()}
	flag.StringVar(&o.depth, "depth", "full", "quick (2 minutes), full (10) or long (with 5 minutes of steady load)")
	flag.StringVar(&o.benchtime, "benchtime", "", "of each Go benchmark")
	flag.IntVar(&o.spans, "spans", 0, "spans of each run")
	flag.IntVar(&o.rounds, "rounds", 0, "times that runs which are compared are made")
	flag.StringVar(&o.graphctl, "graphctl", "bin/graphctl", "the program")
	flag.StringVar(&o.floor, "floor", "", "the test binary of collector/otlp")
	flag.StringVar(&o.load, "load", "", "the load generator; empty: skip what needs it")
	flag.StringVar(&o.work, "work", os.TempDir(), "folder for data")
	flag.StringVar(&o.page, "page", "", "page to write the table to; empty: print it only")
	flag.StringVar(&o.profileTo, "profile", "", "file to write a CPU profile for the compiler to, instead of measuring")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run measures everything and writes the table. Progress goes to log.
func run(ctx context.Context, o options, log io.Writer) error {
	if err := o.complete(); err != nil {
		return err
	}
	if o.profileTo != "" {
		return o.profile(ctx, log)
	}
	var b strings.Builder
	defer func() { fmt.Print(b.String()) }() // also what there is when something fails
	fmt.Fprintf(&b, "%s; `BENCH=%s BENCHTIME=%s SPANS=%d ROUNDS=%d`.\n\n", machine(), o.depth, o.benchtime, o.spans, o.rounds)
	if o.load == "" {
		b.WriteString("Whole programs: skipped, there was no load generator (`OTLPLOAD=DIR`).\n\n")
	} else if err := o.programs(ctx, &b, log); err != nil {
		return err
	}
	if err := o.parts(ctx, &b, log); err != nil {
		return err
	}
	fmt.Fprintf(log, "bench: took %v\n", time.Since(o.started).Round(time.Second))
	if o.page == "" {
		return nil
	}
	return replaceTable(o.page, b.String())
}

// complete fills in what depends on the depth.
func (o *options) complete() error {
	switch o.depth {
	case "quick": // no figure to keep: that everything runs, and about where it is
		o.benchtime, o.spans, o.rounds = cmp.Or(o.benchtime, "20ms"), cmp.Or(o.spans, 200_000), cmp.Or(o.rounds, 1)
	case "full", "long":
		o.benchtime, o.spans, o.rounds = cmp.Or(o.benchtime, "200ms"), cmp.Or(o.spans, 3_000_000), cmp.Or(o.rounds, 3)
	default:
		return fmt.Errorf("depth %q is not quick, full or long", o.depth)
	}
	return nil
}

// programs measures whole programs.
func (o *options) programs(ctx context.Context, b *strings.Builder, log io.Writer) error {
	r := &runner{o: o, log: log}
	for _, section := range []func(context.Context, *strings.Builder) error{r.throughput, r.latency, r.steady} {
		if err := section(ctx, b); err != nil {
			return err
		}
	}
	return nil
}
