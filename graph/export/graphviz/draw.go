package graphviz

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

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
	engine := graphviz.NEATO // takes places as they are
	switch layout {
	case "sfdp", "neato", "fdp", "twopi":
		if err := place(ctx, g.SetLayout(graphviz.Layout(layout)), parsed); err != nil {
			return err
		}
	default:
		engine = graphviz.Layout(layout)
	}
	if err := parsed.SafeSet("layout", string(engine), ""); err != nil { // the text's own would win
		return err
	}
	if format == "png" {
		// In inches; larger drawings are scaled down to it.
		if err := parsed.SafeSet("size", fmt.Sprintf("%d,%d", maxSide/dotsPerInch, maxSide/dotsPerInch), ""); err != nil {
			return err
		}
	}
	return g.SetLayout(engine).Render(ctx, parsed, graphviz.Format(format), w)
}

const pointsPerInch = 72

// place lays parsed out with the engine of g and pins every node where none
// overlaps another. The engines leave that to a part of Graphviz that this
// build lacks; what stands in for it takes half a minute for 2,000 nodes.
func place(ctx context.Context, g *graphviz.Graphviz, parsed *graphviz.Graph) error {
	if err := parsed.SafeSet("overlap", "true", ""); err != nil {
		return err
	}
	if err := g.Render(ctx, parsed, graphviz.XDOT, io.Discard); err != nil { // leaves places and sizes in attributes
		return err
	}
	var nodes []*graphviz.Node
	var boxes []box
	n, err := parsed.FirstNode()
	for ; n != nil && err == nil; n, err = parsed.NextNode(n) {
		b, err := readBox(n)
		if err != nil {
			return err
		}
		nodes, boxes = append(nodes, n), append(boxes, b)
	}
	if err != nil {
		return err
	}
	parts, err := readParts(parsed, nodes)
	if err != nil {
		return err
	}
	arrange(boxes, parts)
	for i, n := range nodes {
		if err := n.SafeSet("pos", fmt.Sprintf("%.3f,%.3f!", boxes[i].x, boxes[i].y), ""); err != nil {
			return err
		}
	}
	return nil
}

// readBox reads where the layout put a node, and its size.
func readBox(n *graphviz.Node) (b box, err error) {
	x, y, _ := strings.Cut(n.GetStr("pos"), ",")
	for _, field := range []struct {
		text string
		unit float64
		to   *float64
	}{{x, pointsPerInch, &b.x}, {y, pointsPerInch, &b.y}, {n.GetStr("width"), 1, &b.width}, {n.GetStr("height"), 1, &b.height}} {
		v, err := strconv.ParseFloat(field.text, 64)
		if err != nil {
			return b, fmt.Errorf("place of a node: %w", err)
		}
		*field.to = v / field.unit
	}
	return b, nil
}

// readParts numbers the parts of a graph that no edge joins, and returns the
// part of each node.
func readParts(parsed *graphviz.Graph, nodes []*graphviz.Node) ([]int, error) {
	index := make(map[string]int, len(nodes))
	leader := make([]int, len(nodes)) // of a node's part, followed to its end
	for i, n := range nodes {
		name, err := n.Name()
		if err != nil {
			return nil, err
		}
		index[name], leader[i] = i, i
	}
	find := func(i int) int {
		for leader[i] != i {
			leader[i] = leader[leader[i]]
			i = leader[i]
		}
		return i
	}
	for i, n := range nodes {
		e, err := parsed.FirstOut(n)
		for ; e != nil && err == nil; e, err = parsed.NextOut(e) {
			name, err := e.Node().Name() // of an out-edge: its head
			if err != nil {
				return nil, err
			}
			leader[find(index[name])] = find(i)
		}
		if err != nil {
			return nil, err
		}
	}
	parts, number := make([]int, len(nodes)), make(map[int]int)
	for i := range nodes {
		l := find(i)
		if _, known := number[l]; !known {
			number[l] = len(number)
		}
		parts[i] = number[l]
	}
	return parts, nil
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
