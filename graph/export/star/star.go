// Package star draws a graph as the page does, without a browser: services on a
// ring, in arcs by namespace, and calls as bundled chords between them, bright
// where there are many.
//
// A picture is made in three steps, each a function of the one before. A fleet
// is the graph with what drawing needs (groups, rates, health). The layout
// gives each service its place; docs/star-layout.md specifies it, and golden
// files hold this package and the page (ui/src/layout) to the same places. The
// draft says how everything looks, in numbers and colours, labels included.
// Two writers turn the draft into SVG and into PNG.
//
// The same graph gives the same bytes on every machine. Places are rounded
// before anything is drawn, so that the last digits of sines do not matter;
// after that only operations are used that every processor rounds alike, and
// float64(a*b) or float32(a*b) wherever a product is added to something, which
// keeps a compiler from rounding once for both.
package star

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"graphctl/graph"
	"graphctl/graph/export"
)

// Layout is the name under which users ask for a star.
const Layout = "star"

// Bounds of a picture's sides, in pixels. A picture takes some 20 bytes a
// pixel while it is drawn: 340 MB for the largest.
const (
	MinSide = 320
	MaxSide = 4096
)

// Over returns the formats given, of which svg and png draw a star when the
// options ask for that layout. One star is drawn at a time; others wait, since
// one takes a core and, by default, some 40 MB.
func Over(formats []export.Format) []export.Format {
	over := slices.Clone(formats)
	turn := new(sync.Mutex)
	for i, f := range formats {
		write, ours := writers[f.Name]
		if !ours {
			continue
		}
		over[i].Write = func(w io.Writer, g *graph.Graph, o export.Options) error {
			if o.Layout != Layout {
				return f.Write(w, g, o)
			}
			turn.Lock()
			defer turn.Unlock()
			p, err := newPicture(g, o)
			if err != nil {
				return fmt.Errorf("star: draw %d nodes and %d edges: %w", len(g.Nodes), len(g.Edges), err)
			}
			return write(p, w)
		}
	}
	return over
}

var writers = map[string]func(*picture, io.Writer) error{"svg": (*picture).writeSVG, "png": (*picture).writePNG}

// newPicture drafts g as the options say.
func newPicture(g *graph.Graph, o export.Options) (*picture, error) {
	width, height, t := normWidth, normHeight, themes[0]
	if o.Width != 0 {
		width = o.Width
	}
	if o.Height != 0 {
		height = o.Height
	}
	if min(width, height) < MinSide || max(width, height) > MaxSide {
		return nil, fmt.Errorf("a picture of %d by %d pixels: sides are from %d to %d", width, height, MinSide, MaxSide)
	}
	if o.Theme != "" {
		i := slices.IndexFunc(themes, func(t *theme) bool { return t.name == o.Theme })
		if i < 0 {
			return nil, fmt.Errorf("unknown theme %q; themes are %v", o.Theme, export.Themes)
		}
		t = themes[i]
	}
	faces, err := newFaces()
	if err != nil {
		return nil, err
	}
	return draft(g, t, faces, width, height), nil
}
