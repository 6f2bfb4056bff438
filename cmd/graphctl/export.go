package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"graphctl/graph"
	"graphctl/graph/export"
	"graphctl/graph/export/graphviz"
)

// formats are all formats that a command can write.
func formats() []export.Format {
	return append(slices.Clip(export.Formats), graphviz.New(graphviz.Options{Command: drawCommand()}).Formats()...)
}

func formatNames(list []export.Format) string {
	var names []string
	for _, f := range list {
		names = append(names, f.Name)
	}
	return strings.Join(names, ", ")
}

// outputOptions are the flags that say where and how a graph is written.
type outputOptions struct {
	format, layout, file string
}

func newExport(io streams) *cobra.Command {
	var (
		read   readOptions
		out    outputOptions
		chosen = map[string]*bool{}
		names  []string
	)
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write the graph as DOT, SVG, PNG, JSON, CSV, Mermaid or GraphML",
		Long: `Write the graph of a running server, of the file of a stopped one (--db), or of
an earlier export (--input). Without a format it is DOT.

SVG and PNG are drawn by Graphviz, which is built in. Up to 150 nodes are laid
out by dot, more by sfdp; --layout chooses another. The same graph gives the
same bytes.`,
		Example: `  graphctl export --dot | dot -Tsvg > graph.svg
  graphctl export --svg --file graph.svg
  graphctl export --json --from -15m > now.json
  graphctl export --png --focus shop/cart --hops 2 --file cart.png
  graphctl export --db /var/lib/graphctl/graph.db --csv`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, n := range names {
				if *chosen[n] {
					out.format = n
				}
			}
			f, err := out.find()
			if err != nil {
				return err
			}
			g, err := read.read(cmd.Context(), io.in)
			if err != nil {
				return err
			}
			return out.write(io.out, f, g)
		},
	}
	read.addFlags(cmd)
	for _, f := range formats() {
		names = append(names, f.Name)
		chosen[f.Name] = cmd.Flags().Bool(f.Name, false, "write "+strings.ToUpper(f.Name))
	}
	cmd.Flags().StringVar(&out.format, "format", "dot", "`name` of the format: "+strings.Join(names, ", "))
	cmd.MarkFlagsMutuallyExclusive(append(names, "format")...)
	cmd.Flags().StringVar(&out.layout, "layout", "", "layout `engine` of a picture: "+strings.Join(export.Layouts, ", "))
	cmd.Flags().StringVar(&out.file, "file", "", "write to this `file` instead of standard output")
	return cmd
}

// find returns the format asked for.
func (o *outputOptions) find() (export.Format, error) {
	list := formats()
	f, ok := export.Find(list, o.format)
	if !ok {
		return f, usagef("unknown format %q; formats are %s", o.format, formatNames(list))
	}
	if o.layout != "" && !slices.Contains(export.Layouts, o.layout) {
		return f, usagef("unknown layout %q; layouts are %s", o.layout, strings.Join(export.Layouts, ", "))
	}
	return f, nil
}

// write writes g to the file, or to out.
func (o *outputOptions) write(out io.Writer, f export.Format, g *graph.Graph) error {
	var b bytes.Buffer // so that a failure leaves no half of a file
	if err := f.Write(&b, g, export.Options{Layout: o.layout}); err != nil {
		if errors.Is(err, graphviz.ErrTooSlow) {
			return hint{err, "select less with --focus or --namespace, or take a quicker layout: --layout star, --layout sfdp"}
		}
		return err
	}
	if o.file == "" {
		_, err := out.Write(b.Bytes())
		return err
	}
	if err := os.WriteFile(o.file, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	return nil
}

// drawName is the hidden command that a picture's child process runs.
const drawName = "draw-picture"

func newDraw(io streams) *cobra.Command {
	return &cobra.Command{
		Use:    drawName + " LAYOUT FORMAT",
		Short:  "Draw DOT text from standard input",
		Hidden: true,
		Args:   exactArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return graphviz.Draw(io.in, io.out, args[0], args[1])
		},
	}
}
