package graphviz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/goccy/go-graphviz"
	"github.com/goccy/go-graphviz/gvc"

	"graphctl/graph/export"
)

// MaxDOT bounds the text that Draw reads.
const MaxDOT = 256 << 20

// Draw is the child's whole work: it reads DOT text, lays it out and writes the
// picture. It cannot be interrupted. Layout is one of export.Layouts, format
// svg or png.
func Draw(r io.Reader, w io.Writer, layout, format string) error {
	if !slices.Contains(export.Layouts, layout) {
		return fmt.Errorf("graphviz: unknown layout %q", layout)
	}
	if format != "svg" && format != "png" {
		return fmt.Errorf("graphviz: unknown format %q", format)
	}
	dot, err := io.ReadAll(io.LimitReader(r, MaxDOT+1))
	if err != nil {
		return fmt.Errorf("graphviz: read: %w", err)
	}
	if len(dot) > MaxDOT {
		return errors.New("graphviz: read: too much to draw")
	}
	if err := render(dot, w, layout, format); err != nil {
		return fmt.Errorf("graphviz: %w", err)
	}
	return nil
}

func render(dot []byte, w io.Writer, layout, format string) error {
	ctx := context.Background()
	plugins, err := canvasPlugins(ctx)
	if err != nil {
		return err
	}
	g, err := graphviz.NewWithPlugins(ctx, plugins...)
	if err != nil {
		return err
	}
	parsed, err := graphviz.ParseBytes(dot)
	if err != nil {
		return err
	}
	if layout == "star" {
		layout = "neato" // the text holds the places
	}
	if format == "png" {
		// In inches; larger drawings are scaled down to it.
		if err := parsed.SafeSet("size", fmt.Sprintf("%d,%d", maxSide/dotsPerInch, maxSide/dotsPerInch), ""); err != nil {
			return err
		}
	}
	return g.SetLayout(graphviz.Layout(layout)).Render(ctx, parsed, graphviz.Format(format), w)
}

// canvasPlugins returns what makes Graphviz draw PNG on a canvas.
func canvasPlugins(ctx context.Context) ([]graphviz.Plugin, error) {
	c, err := newCanvas()
	if err != nil {
		return nil, err
	}
	renderer, err := gvc.NewRenderPlugin(ctx, "png", c)
	if err != nil {
		return nil, err
	}
	device, err := gvc.PNGDevicePlugin(ctx)
	if err != nil {
		return nil, err
	}
	return []graphviz.Plugin{renderer, device}, nil
}
