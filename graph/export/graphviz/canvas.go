package graphviz

import (
	"bytes"
	"context"
	"fmt"

	"github.com/fogleman/gg"
	"github.com/goccy/go-graphviz/gvc"
	"github.com/golang/freetype/truetype"
	"golang.org/x/image/font/gofont/goregular"
)

// Bounds of a PNG: pixels an inch, and pixels of its longer side (as much
// again for rounding and padding is refused). A pixel is four bytes.
const (
	dotsPerInch = 96
	maxSide     = 48 * dotsPerInch
)

// A canvas draws what Graphviz has laid out. The library brings a renderer of
// its own, which fills curves that are lines and leaves out the outlines of
// what is filled; this one draws both, decides by the kind of object which
// shapes have an inside, and uses one built-in font, so that a picture does not
// depend on the fonts of the machine. The font knows Latin, Greek and Cyrillic.
type canvas struct {
	*gvc.DefaultRenderEngine
	font *truetype.Font
	ctx  *gg.Context
}

func newCanvas() (*canvas, error) {
	f, err := truetype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	return &canvas{DefaultRenderEngine: new(gvc.DefaultRenderEngine), font: f}, nil
}

// BeginPage makes the image.
func (c *canvas) BeginPage(_ context.Context, job *gvc.Job) error {
	width, height := int(job.Width()), int(job.Height())
	if width <= 0 || height <= 0 || width > 2*maxSide || height > 2*maxSide {
		return fmt.Errorf("a picture of %d by %d pixels is too large", width, height)
	}
	c.ctx = gg.NewContext(width, height)
	c.ctx.SetRGB(1, 1, 1)
	c.ctx.Clear()
	c.ctx.Translate(job.Scale().X()*job.Translation().X(), -job.Scale().Y()*job.Translation().Y())
	return nil
}

// EndPage encodes the image.
func (c *canvas) EndPage(_ context.Context, job *gvc.Job) error {
	var b bytes.Buffer
	if err := c.ctx.EncodePNG(&b); err != nil {
		return err
	}
	job.SetOutputData(b.Bytes())
	job.SetOutputDataPosition(uint(b.Len()))
	return nil
}

// at converts a point; Graphviz's y grows upward.
func at(job *gvc.Job, p *gvc.PointFloat) (x, y float64) {
	return job.Scale().X() * p.X(), -job.Scale().Y() * p.Y()
}

func (c *canvas) setColor(color *gvc.Color) {
	v := color.RGBAUint()
	c.ctx.SetRGBA255(int(v[0]), int(v[1]), int(v[2]), int(v[3]))
}

// paint fills the path if it has an inside, then strokes it.
func (c *canvas) paint(job *gvc.Job, inside bool) {
	o := job.Object()
	if inside && o.Type() == gvc.EdgeObjectType {
		c.setColor(o.PenColor()) // an arrow's head is of the line's colour
		c.ctx.FillPreserve()
	} else if inside && o.Fill() != gvc.FillNone {
		c.setColor(o.FillColor())
		c.ctx.FillPreserve()
	}
	if o.Pen() != gvc.PenNone {
		c.setColor(o.PenColor())
		c.ctx.SetLineWidth(max(o.PenWidth()*job.Zoom()*dotsPerInch/72, 0.5))
		c.ctx.SetDash(dashes(o.Pen())...)
		c.ctx.StrokePreserve()
	}
	c.ctx.ClearPath()
}

func dashes(pen gvc.PenType) []float64 {
	switch pen {
	case gvc.PenDashed:
		return []float64{6, 4}
	case gvc.PenDotted:
		return []float64{1.5, 4}
	}
	return nil
}

// Ellipse draws the ellipse with the centre and the corner given.
func (c *canvas) Ellipse(_ context.Context, job *gvc.Job, p []*gvc.PointFloat, filled bool) error {
	x, y := at(job, p[0])
	cornerX, cornerY := at(job, p[1])
	c.ctx.DrawEllipse(x, y, cornerX-x, y-cornerY)
	c.paint(job, filled)
	return nil
}

// Polygon draws a closed shape: outlines of nodes, heads of arrows.
func (c *canvas) Polygon(_ context.Context, job *gvc.Job, p []*gvc.PointFloat, filled bool) error {
	for i := range p {
		c.ctx.LineTo(at(job, p[i]))
	}
	c.ctx.ClosePath()
	c.paint(job, filled)
	return nil
}

// Polyline draws an open line.
func (c *canvas) Polyline(_ context.Context, job *gvc.Job, p []*gvc.PointFloat) error {
	for i := range p {
		c.ctx.LineTo(at(job, p[i]))
	}
	c.paint(job, false)
	return nil
}

// BezierCurve draws the line of an edge, or a rounded outline.
func (c *canvas) BezierCurve(_ context.Context, job *gvc.Job, p []*gvc.PointFloat, filled bool) error {
	c.ctx.MoveTo(at(job, p[0]))
	for i := 1; i+2 < len(p); i += 3 {
		x1, y1 := at(job, p[i])
		x2, y2 := at(job, p[i+1])
		x3, y3 := at(job, p[i+2])
		c.ctx.CubicTo(x1, y1, x2, y2, x3, y3)
	}
	c.paint(job, filled && job.Object().Type() != gvc.EdgeObjectType)
	return nil
}

// TextSpan draws a line of text in the room that the layout left for it: a
// text that would be wider in this font is drawn smaller.
func (c *canvas) TextSpan(_ context.Context, job *gvc.Job, p *gvc.PointFloat, span *gvc.TextSpan) error {
	room := job.Scale().X() * span.Size().X()
	size := span.Font().Size() * job.Zoom() * dotsPerInch / 72
	c.setFont(size)
	width, _ := c.ctx.MeasureString(span.Text())
	if width > room && width > 0 {
		size *= room / width
		c.setFont(size)
		width, _ = c.ctx.MeasureString(span.Text())
	}
	x, y := at(job, p)
	switch span.Just() {
	case 'r':
		x -= width
	case 'n':
		x -= width / 2
	}
	y -= job.Scale().Y() * (span.YOffsetCenterLine() + span.YOffsetLayout())
	c.setColor(job.Object().PenColor())
	c.ctx.DrawString(span.Text(), x, y)
	return nil
}

func (c *canvas) setFont(pixels float64) {
	c.ctx.SetFontFace(truetype.NewFace(c.font, &truetype.Options{Size: pixels}))
}
