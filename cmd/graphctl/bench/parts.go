package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// packages are those with benchmarks of what runs for each span or each second;
// quick runs take the first two.
var packages = []string{"./collector/otlp", "./collector/infer", "./collector/...", "./graph/sketch", "./graph/wire", "./graph/live"}

// slowPackages have benchmarks that take seconds to set up; they run once.
var slowPackages = []string{"./graph/boltstore"}

// parts runs the Go benchmarks.
func (o *options) parts(ctx context.Context, b *strings.Builder, log io.Writer) error {
	b.WriteString("### Parts\n\n| package | benchmark | time | allocations | other |\n|---|---|---|---|---|\n")
	if o.depth == "quick" {
		return benchmarks(ctx, b, log, o.benchtime, packages[:2])
	}
	if err := benchmarks(ctx, b, log, o.benchtime, packages); err != nil {
		return err
	}
	return benchmarks(ctx, b, log, "1x", slowPackages)
}

// benchmarks runs those of some packages and writes a row for each.
func benchmarks(ctx context.Context, b *strings.Builder, log io.Writer, benchtime string, which []string) error {
	fmt.Fprintf(log, "bench: go test -bench . -benchtime %s %s\n", benchtime, strings.Join(which, " "))
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", benchtime}, which...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go test -bench: %w\n%s", err, out)
	}
	for _, r := range readBenchmarks(bytes.NewReader(out)) {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", r.pkg, r.name, r.time, r.allocations, r.other)
	}
	return nil
}

// A benchmark is one line of go test -bench, fit for a table.
type benchmark struct{ pkg, name, time, allocations, other string }

// readBenchmarks reads the output of go test -bench.
func readBenchmarks(r io.Reader) (all []benchmark) {
	pkg := ""
	for lines := bufio.NewScanner(r); lines.Scan(); {
		line := lines.Text()
		if p, ok := strings.CutPrefix(line, "pkg: "); ok {
			_, pkg, _ = strings.Cut(p, "/")
			continue
		}
		f := strings.Fields(line)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		b := benchmark{pkg: pkg, name: strings.TrimPrefix(f[0], "Benchmark")}
		if i := strings.LastIndexByte(b.name, '-'); i > 0 {
			b.name = b.name[:i] // the number of CPUs
		}
		var other []string
		bytesEach := ""
		for i := 2; i+1 < len(f); i += 2 {
			figure := f[i] + " " + f[i+1]
			switch f[i+1] {
			case "ns/op":
				b.time = figure
			case "B/op":
				bytesEach = figure
			case "allocs/op":
				b.allocations = figure
			default:
				other = append(other, figure)
			}
		}
		if bytesEach != "" && !strings.HasPrefix(bytesEach, "0 ") {
			b.allocations += ", " + bytesEach
		}
		b.other = strings.Join(other, ", ")
		all = append(all, b)
	}
	return all
}
