package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphctl/graph"
	"graphctl/graph/diff"
)

// diffOptions are the flags of diff.
type diffOptions struct {
	readOptions
	baseFrom, baseTo string
	format           string
	exitCode         bool
	o                diff.Options
}

// errDiffers is the answer of diff --exit-code.
var errDiffers = errors.New("the graphs differ")

func newDiff(io streams) *cobra.Command {
	var o diffOptions
	cmd := &cobra.Command{
		Use:   "diff [FILE FILE]",
		Short: "Show which calls appeared, vanished or changed",
		Long: `Compare two windows of the graph, or two files written by export --json: the
first is the base. Calls are compared by their rate, so that windows of any
length can be compared.

A call has changed if its rate or p99 differ by more than the factors, or its
failed share by more than the points, that the flags name. --significant leaves
out what chance explains: 8 calls after 4 are no news, 800 after 400 are.`,
		Example: `  graphctl diff --base-from -2h --base-to -1h --from -1h
  graphctl export --json > before.json; deploy; graphctl export --json > after.json
  graphctl diff before.json after.json --exit-code
  graphctl diff --db graph.db --from 2026-01-31T10:00:00Z --to 2026-01-31T11:00:00Z \
    --base-from 2026-01-30T10:00:00Z --base-to 2026-01-30T11:00:00Z -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return exactArgs(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !strings.Contains(", "+tableFormats+",", ", "+o.format+",") {
				return usagef("-o %s: formats are %s", o.format, tableFormats)
			}
			base, now, err := o.graphs(cmd.Context(), io.in, args)
			if err != nil {
				return err
			}
			d := diff.Compare(base, now, o.o)
			if err := writeDiff(io.out, d, o.format); err != nil {
				return err
			}
			if o.exitCode && !d.Empty() {
				return errDiffers
			}
			return nil
		},
	}
	f := cmd.Flags()
	o.addServer(cmd)
	f.StringVar(&o.db, "db", "", "read the `file` graph.db of a stopped server instead")
	cmd.MarkFlagsMutuallyExclusive("server", "db")
	f.StringVar(&o.from, "from", "", "start of the window: a `time` in RFC 3339, or relative like -15m or -2d")
	f.StringVar(&o.to, "to", "", "end of the window, a `time` as in --from; now if missing")
	f.StringVar(&o.baseFrom, "base-from", "", "start of the base, a `time` as in --from")
	f.StringVar(&o.baseTo, "base-to", "", "end of the base, a `time` as in --from")
	o.addFilters(cmd)
	f.StringVarP(&o.format, "output", "o", "table", "`format`: "+tableFormats)
	f.BoolVar(&o.exitCode, "exit-code", false, "exit 1 if anything differs")
	f.Float64Var(&o.o.Rate, "rate", 1.1, "`factor` by which calls a second must grow or shrink")
	f.Float64Var(&o.o.Errors, "errors", 0.01, "`share` by which failures must grow or shrink")
	f.Float64Var(&o.o.Latency, "latency", 1.25, "`factor` by which p50 or p99 must grow or shrink")
	f.BoolVar(&o.o.Significant, "significant", false, "leave out changes that chance explains")
	return cmd
}

// graphs returns the base and what is compared with it.
func (o *diffOptions) graphs(ctx context.Context, in io.Reader, files []string) (base, now *graph.Graph, err error) {
	windows := o.from != "" || o.to != "" || o.baseFrom != "" || o.baseTo != ""
	switch {
	case o.o.Rate < 1 || o.o.Latency < 1 || o.o.Errors < 0:
		return nil, nil, usagef("--rate and --latency must be at least 1, --errors at least 0")
	case len(files) == 2 && (windows || o.db != ""):
		return nil, nil, usagef("two files hold one window each; --db, --from, --to, --base-from and --base-to need none")
	case len(files) == 2 && files[0] == "-" && files[1] == "-":
		return nil, nil, usagef("only one of the files can be standard input")
	case len(files) == 0 && o.baseFrom == "" && o.baseTo == "":
		return nil, nil, usagef("give the base with --base-from and --base-to, or two files")
	}
	of := o.readOptions
	of.from, of.to = o.baseFrom, o.baseTo
	if len(files) == 2 {
		of.input = files[0]
	}
	if base, err = of.side(ctx, in); err != nil {
		return nil, nil, fmt.Errorf("base: %w", err)
	}
	of.from, of.to = o.from, o.to
	if len(files) == 2 {
		of.input = files[1]
	}
	if now, err = of.side(ctx, in); err != nil {
		return nil, nil, err
	}
	if o.focus != "" && len(base.Nodes)+len(now.Nodes) == 0 {
		return nil, nil, hint{fmt.Errorf("no node has the id %q in either graph", o.focus), `"graphctl services -o name" lists the ids`}
	}
	return base, now, nil
}

// side reads one of the graphs; a focus that it lacks leaves it empty.
func (o *readOptions) side(ctx context.Context, in io.Reader) (*graph.Graph, error) {
	q, err := o.query(time.Now())
	if err != nil {
		return nil, err
	}
	switch {
	case o.input != "":
		return readInput(o.input, in, q)
	case o.db != "":
		return readDB(ctx, o.db, q)
	}
	// The server would refuse a focus that is not there: ask for all.
	rest := *o
	rest.focus = ""
	filter := q.Filter
	q.Focus = ""
	g, err := rest.readServer(ctx, q)
	if err != nil {
		return nil, err
	}
	return graph.Filter{Focus: filter.Focus, Hops: filter.Hops, Direction: filter.Direction}.Apply(g), nil
}

// writeDiff writes d: as the object of the API, or as a table of its edges.
func writeDiff(w io.Writer, d *diff.Diff, format string) error {
	if format == "json" {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(d)
	}
	return diffTable(d).write(w, format)
}

// diffTable lists the edges that differ.
func diffTable(d *diff.Diff) *table {
	t := &table{
		columns: []string{"CHANGE", "FROM", "TO", "KIND", "BASE RATE", "RATE", "BASE ERRORS", "ERRORS", "BASE P99 MS", "P99 MS", "BASE CALLS", "CALLS"},
		wide:    10,
		name:    2,
	}
	for _, list := range []struct {
		change string
		edges  []diff.Edge
	}{{"added", d.Added}, {"removed", d.Removed}, {"", d.Changed}} {
		for _, e := range list.edges {
			change := list.change
			if change == "" {
				change = strings.Join(e.What, ",")
			}
			baseRate, baseErrors, baseP99, baseCalls := figureCells(e.Base)
			rate, errors, p99, calls := figureCells(e.Now)
			t.rows = append(t.rows, []any{change, e.From, e.To, e.Kind, baseRate, rate, baseErrors, errors, baseP99, p99, baseCalls, calls})
		}
	}
	return t
}

func figureCells(f *diff.Figures) (rate, errors, p99, calls any) {
	if f == nil {
		return nil, nil, nil, nil
	}
	if f.P99 != nil {
		p99 = *f.P99
	}
	return strconv.FormatFloat(f.Rate, 'g', 3, 64), f.Errors, p99, f.Calls
}
