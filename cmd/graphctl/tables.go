package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// A table is rows of named columns; those after wide are shown on demand.
type table struct {
	columns []string
	wide    int // columns of the plain table
	rows    [][]any
	name    int // column that -o name prints
}

// tableFormats are what -o takes.
const tableFormats = "table, wide, json, yaml, csv, name"

// write writes t as one of tableFormats.
func (t *table) write(w io.Writer, format string) error {
	switch format {
	case "table":
		return t.writeText(w, t.wide)
	case "wide":
		return t.writeText(w, len(t.columns))
	case "json":
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(t.objects())
	case "yaml":
		return yaml.NewEncoder(w).Encode(t.objects())
	case "csv":
		return t.writeCSV(w)
	case "name":
		for _, r := range t.rows {
			if _, err := fmt.Fprintln(w, printable(fmt.Sprint(r[t.name]))); err != nil {
				return err
			}
		}
		return nil
	}
	return usagef("-o %s: formats are %s", format, tableFormats)
}

// objects returns the rows by column.
func (t *table) objects() []map[string]any {
	all := make([]map[string]any, 0, len(t.rows))
	for _, r := range t.rows {
		o := make(map[string]any, len(r))
		for i, c := range t.columns {
			o[strings.ToLower(strings.ReplaceAll(c, " ", "_"))] = r[i]
		}
		all = append(all, o)
	}
	return all
}

func (t *table) writeText(w io.Writer, columns int) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(t.columns[:columns], "\t"))
	for _, r := range t.rows {
		for i, v := range r[:columns] {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			fmt.Fprint(tw, cellText(v))
		}
		fmt.Fprintln(tw)
	}
	return tw.Flush() // errors of the writes before come here
}

// cellText is a value as people read it: no name may break the table or speak
// to the terminal.
func cellText(v any) string {
	text := ""
	switch v := v.(type) {
	case nil:
	case float64:
		text = fmt.Sprintf("%.1f", v)
	case []string:
		text = printable(strings.Join(v, ","))
	default:
		text = printable(fmt.Sprint(v))
	}
	if text == "" {
		return "-"
	}
	return text
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

func (t *table) writeCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(t.columns); err != nil {
		return err
	}
	for _, r := range t.rows {
		record := make([]string, len(r))
		for i, v := range r {
			if v == nil {
				continue
			}
			record[i] = fmt.Sprint(v)
			if list, ok := v.([]string); ok {
				record[i] = strings.Join(list, " ")
			}
			if record[i] != "" && strings.ContainsRune("=+-@\t\r", rune(record[i][0])) {
				if _, isText := v.(string); isText {
					record[i] = "'" + record[i] // or a spreadsheet takes it for a formula
				}
			}
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// quantile returns a quantile of s in ms, and nothing if nobody measured.
func quantile(s *sketch.Sketch, q float64) any {
	if s.IsZero() {
		return nil
	}
	return float64(s.Quantile(q)) / float64(time.Millisecond)
}

// seen returns a time in RFC 3339, and nothing for none.
func seen(t graph.Instant) any {
	if t == 0 {
		return nil
	}
	return t.Time().Format(time.RFC3339)
}

// edgeTable lists the edges of g.
func edgeTable(g *graph.Graph) *table {
	t := &table{
		columns: []string{"FROM", "TO", "KIND", "CALLS", "ERRORS", "P50 MS", "P99 MS", "ESTIMATED", "CLIENT ERRORS", "SERVER ERRORS", "FIRST SEEN", "LAST SEEN"},
		wide:    7,
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		side := &e.Stats.Client
		if side.IsZero() {
			side = &e.Stats.Server
		}
		t.rows = append(t.rows, []any{
			e.From, e.To, e.Kind.String(), e.Stats.Calls, e.Stats.Errors,
			quantile(side, 0.5), quantile(side, 0.99),
			float64(e.Stats.Estimated) / graph.WeightOne, e.Stats.ClientErrors, e.Stats.ServerErrors,
			seen(e.First), seen(e.Last),
		})
	}
	return t
}

// serviceTable lists the nodes of g with what goes in and out.
func serviceTable(g *graph.Graph) *table {
	type flow struct{ in, out, errors int64 }
	flows := map[string]*flow{}
	for i := range g.Nodes {
		flows[g.Nodes[i].ID] = new(flow)
	}
	for i := range g.Edges {
		e := &g.Edges[i]
		flows[e.From].out += e.Stats.Calls
		flows[e.To].in += e.Stats.Calls
		flows[e.To].errors += e.Stats.Errors
	}
	t := &table{
		columns: []string{"NAME", "KIND", "CALLS IN", "ERRORS IN", "CALLS OUT", "ENVIRONMENTS", "TEAMS", "FIRST SEEN", "LAST SEEN"},
		wide:    5,
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		f := flows[n.ID]
		t.rows = append(t.rows, []any{
			n.ID, n.Kind.String(), f.in, f.errors, f.out, n.Environments, n.Teams,
			seen(n.First), seen(n.Last),
		})
	}
	return t
}

// newTable returns a command that prints a table of the graph.
func newTable(io streams, use, short, example string, of func(*graph.Graph) *table) *cobra.Command {
	var read readOptions
	var format string
	cmd := &cobra.Command{
		Use:     use,
		Short:   short,
		Example: example,
		Args:    exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !strings.Contains(", "+tableFormats+",", ", "+format+",") {
				return usagef("-o %s: formats are %s", format, tableFormats)
			}
			g, err := read.read(cmd.Context(), io.in)
			if err != nil {
				return err
			}
			return of(g).write(io.out, format)
		},
	}
	read.addFlags(cmd)
	cmd.Flags().StringVarP(&format, "output", "o", "table", "`format`: "+tableFormats)
	return cmd
}

func newServices(io streams) *cobra.Command {
	return newTable(io, "services", "List the nodes of the graph: services, databases, destinations, external hosts",
		`  graphctl services
  graphctl services -o name --namespace shop
  graphctl services --focus shop/cart --direction up --hops 3`, serviceTable)
}

func newEdges(io streams) *cobra.Command {
	t := newTable(io, "edges", "List the edges of the graph with calls, errors and latency",
		`  graphctl edges
  graphctl edges -o wide --from -15m
  graphctl edges -o csv --kind database`, edgeTable)
	return t
}
