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
	"graphctl/graph/export/star"
)

// formats are all formats that a command or a server can write.
func formats() []export.Format {
	pictures := graphviz.New(graphviz.Options{Command: drawCommand()}).Formats()
	return append(slices.Clip(export.Formats), star.Over(pictures)...)
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
	theme                string
	width, height        int
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
out by dot, more by sfdp; --layout chooses another. --layout star draws what the
page shows: services on a ring, calls as bundled chords; --theme, --width and
--height say how. The same graph gives the same bytes.`,
		Example: `  graphctl export --dot | dot -Tsvg > graph.svg
  graphctl export --svg --file graph.svg
  graphctl export --png --layout star --theme light --file star.png
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
	cmd.Flags().StringVar(&out.theme, "theme", "", "`name` of the look of a star: "+strings.Join(export.Themes, ", ")+" (default dark)")
	cmd.Flags().IntVar(&out.width, "width", 0, "width of a star in `pixels` (default 1600)")
	cmd.Flags().IntVar(&out.height, "height", 0, "height of a star in `pixels` (default 1200)")
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
	return f, o.checkStar()
}

// checkStar checks the flags that only a star obeys.
func (o *outputOptions) checkStar() error {
	drawn := o.layout == star.Layout && (o.format == "svg" || o.format == "png")
	switch {
	case !drawn && (o.theme != "" || o.width != 0 || o.height != 0):
		return usagef("--theme, --width and --height are for --layout star with --svg or --png")
	case o.theme != "" && !slices.Contains(export.Themes, o.theme):
		return usagef("unknown theme %q; themes are %s", o.theme, strings.Join(export.Themes, ", "))
	}
	for _, side := range []int{o.width, o.height} {
		if side != 0 && (side < star.MinSide || side > star.MaxSide) {
			return usagef("a side of %d pixels: sides are from %d to %d", side, star.MinSide, star.MaxSide)
		}
	}
	return nil
}

// write writes g to the file, or to out.
func (o *outputOptions) write(out io.Writer, f export.Format, g *graph.Graph) error {
	var b bytes.Buffer // so that a failure leaves no half of a file
	if err := f.Write(&b, g, export.Options{Layout: o.layout, Theme: o.theme, Width: o.width, Height: o.height}); err != nil {
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
