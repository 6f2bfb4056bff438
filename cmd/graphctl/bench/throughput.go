package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A runner makes runs of whole programs.
type runner struct {
	o     *options
	log   io.Writer
	floor subject // the faster of the two
}

// A subject is a program with flags.
type subject struct {
	name  string
	floor bool
	flags []string
}

// A variant is a run whose receiver or load differs from the plain one.
type variant struct {
	name    string
	subject subject
	flags   []string // of the load generator
}

var graphctl = subject{name: "graphctl"}

// floors by the library that receives; the test binary of collector/otlp tells
// what each does.
func floor(mode string) subject { return subject{mode, true, []string{"-floor", mode}} }

// variants returns the runs beside the plain one: late and repeated spans, and
// what durability costs, as far as this version of the program has a choice.
func (r *runner) variants(ctx context.Context) []variant {
	all := []variant{
		{"plain", graphctl, nil},
		{"servers 5 s late (`-late 5s`)", graphctl, []string{"-late", "5s"}},
		{"one request in ten twice (`-dup 10`)", graphctl, []string{"-dup", "10"}},
	}
	for _, flag := range []string{"--log=off", "--sync=batch"} {
		s := subject{flag, false, []string{flag}}
		p, err := r.start(ctx, s)
		if err != nil {
			fmt.Fprintf(r.log, "bench: skipping %s: %v\n", flag, err)
			continue
		}
		p.stop()
		all = append(all, variant{"`" + flag + "`", s, nil})
	}
	return all
}

// A figures is what one run gave.
type figures struct {
	sent
	peak  peak
	graph string // how right it was; "" where there is none
}

// start starts a subject with an empty directory.
func (r *runner) start(ctx context.Context, s subject) (*process, error) {
	if s.floor {
		return start(ctx, r.o.floor, s.flags...)
	}
	data := filepath.Join(r.o.work, "data")
	if err := os.RemoveAll(data); err != nil {
		return nil, err
	}
	p, err := start(ctx, r.o.graphctl, append([]string{"serve", "--data", data,
		"--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"}, s.flags...)...)
	if err != nil {
		return nil, err
	}
	if err := p.awaitReady(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// run makes one run.
func (r *runner) run(ctx context.Context, s subject, w workload, spans int, flags ...string) (f figures, err error) {
	fmt.Fprintf(r.log, "bench: %s %s %s\n", w.name, s.name, strings.Join(flags, " "))
	p, err := r.start(ctx, s)
	if err != nil {
		return f, err
	}
	defer func() { f.peak = p.stop() }()
	expect := filepath.Join(r.o.work, "expect.tsv")
	if f.sent, err = r.o.send(ctx, p, w, spans, expect, flags...); err != nil {
		return f, err
	}
	url, source := p.web+"/api/v1/graph", "graphctl"
	if s.floor {
		url, source = p.web, "prom"
	}
	if strings.HasPrefix(s.name, "discard") {
		return f, nil
	}
	v, err := r.o.verify(ctx, url, source, expect)
	if err != nil {
		return f, err
	}
	f.graph = v.String()
	if f.Errors > 0 {
		f.graph += fmt.Sprintf("; %d requests failed: %s", f.Errors, f.Error)
	}
	return f, nil
}

// rounds runs subjects turn by turn and returns the figures of each.
func (r *runner) rounds(ctx context.Context, w workload, subjects ...subject) ([][]figures, error) {
	all := make([][]figures, len(subjects))
	for range r.o.rounds {
		for i, s := range subjects {
			f, err := r.run(ctx, s, w, r.o.spans)
			if err != nil {
				return nil, err
			}
			all[i] = append(all[i], f)
		}
	}
	return all, nil
}

// throughput measures at full speed.
func (r *runner) throughput(ctx context.Context, b *strings.Builder) error {
	if err := r.bare(ctx, b); err != nil {
		return err
	}
	fmt.Fprintf(b, "### At full speed\n\n"+
		"Spans per second of CPU time, medians: until the last answer, and with all that follows it. "+
		"The floor is `%s`; ours / floor is the ratio of the medians.\n\n"+
		"| load | graphctl | … with all | floor | … with all | ours / floor | … with all | spans/s | peak RSS, own, MB | graph | floor's graph |\n"+
		"|---|---|---|---|---|---|---|---|---|---|---|\n", r.floor.name)
	for _, w := range []workload{w1, w2, w3} {
		all, err := r.rounds(ctx, w, graphctl, r.floor)
		if err != nil {
			return err
		}
		ours, theirs := all[0], all[1]
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %.2f | %.2f | %s | %.0f, %.0f | %s | %s |\n", w.title(),
			thousands(median(ours, perCPU)), thousands(median(ours, perCPUAll)), thousands(median(theirs, perCPU)), thousands(median(theirs, perCPUAll)),
			median(ours, perCPU)/median(theirs, perCPU), median(ours, perCPUAll)/median(theirs, perCPUAll),
			thousands(median(ours, perSecond)), median(ours, peakRSS), median(ours, peakOwn), graphs(ours), graphs(theirs))
	}
	return r.other(ctx, b)
}

// bare measures what only receives, and chooses the floor.
func (r *runner) bare(ctx context.Context, b *strings.Builder) error {
	subjects := []subject{floor("discard-http2"), floor("discard-grpcgo"), floor("pair-http2"), floor("pair-grpcgo")}
	all, err := r.rounds(ctx, w2, subjects...)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, "### Bare limits\n\nOver gRPC at W2, medians. `discard` receives and does nothing; `pair` walks, pairs by trace and span id, adds up.\n\n"+
		"| receiver | spans/CPU-s | ns of CPU a span | spans/s | peak RSS, MB | graph |\n|---|---|---|---|---|---|\n")
	for i, s := range subjects {
		f := all[i]
		fmt.Fprintf(b, "| `%s` | %s | %.0f | %s | %.0f | %s |\n", s.name, thousands(median(f, perCPU)), 1e9/median(f, perCPU),
			thousands(median(f, perSecond)), median(f, peakRSS), graphs(f))
	}
	b.WriteString("\n")
	r.floor = subjects[2]
	if median(all[3], perCPU) > median(all[2], perCPU) {
		r.floor = subjects[3]
	}
	return nil
}

// other measures loads and flags that differ from the plain ones, and a plain
// run to compare with.
func (r *runner) other(ctx context.Context, b *strings.Builder) error {
	b.WriteString("\nAt W2, one run each:\n\n| run | spans/CPU-s | … with all | spans/s | peak RSS, own, MB | refused and sent again | graph |\n|---|---|---|---|---|---|---|\n")
	for _, v := range r.variants(ctx) {
		f, err := r.run(ctx, v.subject, w2, r.o.spans, v.flags...)
		if err != nil {
			return err
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %.0f, %.0f | %d | %s |\n", v.name, thousands(f.PerCPU), thousands(f.PerCPUAll),
			thousands(f.PerSecond), f.peak.rss, f.peak.own, f.Retries, f.graph)
	}
	b.WriteString("\n")
	return nil
}

func (w workload) title() string {
	return fmt.Sprintf("%s: %s services, %s edges", w.name, thousands(float64(w.services)), thousands(float64(w.edges)))
}

// graphs says how right the graphs of all rounds were.
func graphs(all []figures) string {
	var said []string
	for _, f := range all {
		if !slices.Contains(said, f.graph) {
			said = append(said, f.graph)
		}
	}
	return strings.Join(said, "; ")
}

func perCPU(f figures) float64    { return f.PerCPU }
func perCPUAll(f figures) float64 { return f.PerCPUAll }
func perSecond(f figures) float64 { return f.PerSecond }
func peakRSS(f figures) float64   { return f.peak.rss }
func peakOwn(f figures) float64   { return f.peak.own }

// median of one of the figures.
func median(all []figures, of func(figures) float64) float64 {
	var v []float64
	for _, f := range all {
		v = append(v, of(f))
	}
	slices.Sort(v)
	n := len(v)
	if n == 0 {
		return 0
	}
	return (v[(n-1)/2] + v[n/2]) / 2
}

// thousands writes a figure for people: three digits that count, and commas.
func thousands(v float64) string {
	unit := 1.0
	for v/unit >= 1000 {
		unit *= 10
	}
	s := fmt.Sprintf("%.0f", float64(int(v/unit+0.5))*unit)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
