package star

import (
	"image"
	"math"

	"graphctl/graph"
)

// A canvas paints on a finished ground, in pixels. Coverage follows from
// distances to outlines, so that all edges are smooth.
type canvas struct {
	img   *image.RGBA
	scale float64 // pixels in a norm pixel
	theme *theme
}

// blend paints a pixel with a colour at some opacity.
func (c *canvas) blend(x, y int, col colour, alpha float32) {
	c.over(x, y, col.times(alpha), alpha)
}

// over adds light and lets 1−alpha of what was there through.
func (c *canvas) over(x, y int, light colour, alpha float32) {
	p := c.img.Pix[y*c.img.Stride+4*x:]
	through := 1 - alpha
	p[0] = byteOf(light.r + float32(float32(p[0])/255*through))
	p[1] = byteOf(light.g + float32(float32(p[1])/255*through))
	p[2] = byteOf(light.b + float32(float32(p[2])/255*through))
}

// each calls paint for every pixel within reach of the box between two
// corners, with the pixel's middle.
func (c *canvas) each(x0, y0, x1, y1 float64, paint func(x, y int, px, py float64)) {
	b := c.img.Bounds()
	for y := max(0, int(math.Floor(y0))); y < min(b.Max.Y, int(math.Ceil(y1))); y++ {
		for x := max(0, int(math.Floor(x0))); x < min(b.Max.X, int(math.Ceil(x1))); x++ {
			paint(x, y, float64(x)+0.5, float64(y)+0.5)
		}
	}
}

func hypot(x, y float64) float64 { return math.Sqrt(float64(x*x) + float64(y*y)) }

// inside is the coverage of a pixel at a signed distance from an outline,
// negative within.
func inside(distance float64) float64 { return max(0, min(1, 0.5-distance)) }

// ring paints the part of an arc between two radii, fading inwards if asked.
func (c *canvas) ring(centre point, a arc, from, to float64, col colour, alpha float32, fade bool) {
	cx, cy, from, to := float64(centre.x*c.scale), float64(centre.y*c.scale), float64(from*c.scale), float64(to*c.scale)
	a1, a2 := snapUnit(a.start()), snapUnit(a.end())
	x0, y0, x1, y1 := boundsOf(a, from, to)
	c.each(cx+x0-1, cy+y0-1, cx+x1+1, cy+y1+1, func(x, y int, px, py float64) {
		dx, dy := px-cx, py-cy
		r := hypot(dx, dy)
		if r < from-1 || r > to+1 {
			return
		}
		// Distances to the two straight sides, negative towards the arc.
		d1 := float64(a1.y*dx) - float64(a1.x*dy)
		d2 := float64(a2.x*dy) - float64(a2.y*dx)
		side := max(d1, d2)
		if a.span > math.Pi {
			side = min(d1, d2)
		}
		cover := inside(max(from-r, r-to, side))
		if cover == 0 {
			return
		}
		if fade {
			t := max(0, min(1, (r-from)/(to-from)))
			cover *= t * t
		}
		c.blend(x, y, col, float32(cover)*alpha)
	})
}

func snapUnit(angle float64) point { return snap(polar(angle, 1<<10)).over(1 << 10) }

func (p point) over(k float64) point { return point{p.x / k, p.y / k} }

// boundsOf returns the corners of the part of an arc between two radii,
// relative to the centre.
func boundsOf(a arc, from, to float64) (x0, y0, x1, y1 float64) {
	first, last := a.start(), a.end()
	x0, y0, x1, y1 = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	take := func(angle, radius float64) {
		p := polar(angle, radius)
		x0, y0, x1, y1 = min(x0, p.x), min(y0, p.y), max(x1, p.x), max(y1, p.y)
	}
	for _, angle := range [...]float64{first, last} {
		take(angle, from)
		take(angle, to)
	}
	for q := math.Ceil(first / (math.Pi / 2)); float64(q*(math.Pi/2)) < last; q++ {
		take(q*(math.Pi/2), to)
	}
	return math.Floor(x0), math.Floor(y0), math.Ceil(x1), math.Ceil(y1)
}

// line paints a polyline, butt to butt.
func (c *canvas) line(points []point, width float64, col colour, alpha float32) {
	half := float64(width * c.scale / 2)
	for i := 1; i < len(points); i++ {
		ax, ay := float64(points[i-1].x*c.scale), float64(points[i-1].y*c.scale)
		bx, by := float64(points[i].x*c.scale), float64(points[i].y*c.scale)
		dx, dy := bx-ax, by-ay
		length := hypot(dx, dy)
		if length == 0 {
			continue
		}
		dx, dy = dx/length, dy/length
		c.each(min(ax, bx)-half-1, min(ay, by)-half-1, max(ax, bx)+half+1, max(ay, by)+half+1, func(x, y int, px, py float64) {
			along := float64((px-ax)*dx) + float64((py-ay)*dy)
			if along < 0 || along >= length {
				return
			}
			across := math.Abs(float64((px-ax)*dy) - float64((py-ay)*dx))
			if cover := inside(across - half); cover > 0 {
				c.blend(x, y, col, float32(cover)*alpha)
			}
		})
	}
}

// pill paints a box with round ends and a thin outline.
func (c *canvas) pill(b box, fill, outline colour, alpha float32) {
	x0, y0, x1, y1 := float64(b.x*c.scale), float64(b.y*c.scale), float64((b.x+b.w)*c.scale), float64((b.y+b.h)*c.scale)
	r, middle, thin := float64((y1-y0)/2), float64((y0+y1)/2), max(1, c.scale)
	c.each(x0-1, y0-1, x1+1, y1+1, func(x, y int, px, py float64) {
		d := hypot(max(x0+r-px, px-x1+r, 0), py-middle) - r
		cover := inside(d)
		if cover == 0 {
			return
		}
		col := fill.mix(outline, float32(inside(-d-thin)))
		c.blend(x, y, col, float32(cover)*max(alpha, float32(inside(-d-thin))))
	})
}

// outlineOf returns the signed distance to the outline of a kind of service of
// radius r. All shapes cover about the same area.
func outlineOf(kind graph.NodeKind, x, y, r float64) float64 {
	if r < 2.5 {
		return hypot(x, y) - r
	}
	switch kind {
	case graph.Database:
		w, h, lid := float64(r*0.9), float64(r*0.72), float64(r*0.34)
		body := max(math.Abs(x)-w, math.Abs(y)-h)
		ends := min(hypot(x, float64((y+h)*(w/lid))), hypot(x, float64((y-h)*(w/lid))))
		return min(body, (ends-w)*(lid/w))
	case graph.Messaging:
		return (math.Abs(x) + math.Abs(y) - float64(r*1.28)) * 0.7071
	case graph.External:
		return math.Abs(hypot(x, y)-float64(r*0.82)) - max(r*0.2, 0.9)
	case graph.User:
		head := hypot(x, y+float64(r*0.5)) - float64(r*0.46)
		body := max((hypot(x/0.95, (y-float64(r*0.95))/0.85)-r)*0.85, y-float64(r*0.95))
		return min(head, body)
	}
	return hypot(x, y) - r
}

// colourOf is the colour of a service: its health, and while it is healthy its
// hue, pale.
func (t *theme) colourOf(m *mark) colour {
	c := t.services[m.hue]
	if m.plain {
		c = t.sub
	}
	c = c.mix(t.degraded, float32(smooth(degraded*0.9, degraded*1.05, m.errors)))
	return c.mix(t.failing, float32(smooth(failing*0.9, failing*1.05, m.errors)))
}

// mark paints a service. One that does not do well has a halo.
func (c *canvas) mark(m *mark) {
	r := max(float64(m.radius*c.scale), 0.7)
	cx, cy := float64(m.at.x*c.scale), float64(m.at.y*c.scale)
	col := c.theme.colourOf(m)
	halo, sick := 0.0, 0.0
	switch {
	case m.errors > failing:
		halo, sick = r+float64(14*c.scale), 0.6
	case m.errors > degraded:
		halo, sick = float64(r*0.8)+float64(8*c.scale), 0.4
	}
	strength := float32(mix(0.4, 1, m.rank))
	reach := float64(r*1.3) + halo + 1
	c.each(cx-reach, cy-reach, cx+reach, cy+reach, func(x, y int, px, py float64) {
		dx, dy := px-cx, py-cy
		d := outlineOf(m.kind, dx, dy, r)
		core := float32(inside(d))
		if halo > 0 {
			away := hypot(dx, dy) - r
			h := max(0, 1-away/halo)
			shine := (1 - core) * float32(min(1, float64(h*h))*smooth(-0.2, 0, away/max(r, 1))*sick)
			c.over(x, y, col.times(shine), c.haloAlpha(shine))
		}
		if core == 0 {
			return
		}
		c.blend(x, y, c.shade(m, col, d, dy, dx, r), core*strength)
	})
}

// haloAlpha is how much a halo hides of what lies below: on paper it is ink, in
// the dark it shines.
func (c *canvas) haloAlpha(shine float32) float32 {
	if c.theme.light {
		return shine
	}
	return shine * 0.15
}

// shade is the colour of a service at a place: brighter in the middle, with a
// darker rim that sets large ones off against the chords.
func (c *canvas) shade(m *mark, col colour, d, dy, dx, r float64) colour {
	if !c.theme.light {
		lift := mix(0.86, 1.14, max(0, min(1, -d/max(r, 1))))
		col = col.times(float32(lift))
	}
	if r <= 4 || m.kind == graph.External || m.kind == graph.User {
		return col
	}
	rim := smooth(-2, -1.2, d)
	if m.kind == graph.Database && dy > -r*0.72 { // the lower edge of the lid
		lid := math.Abs(hypot(dx, (dy+float64(r*0.72))*(0.9/0.34))-float64(r*0.9)) * 0.5
		rim = max(rim, 1-smooth(0.4, 1.6, lid))
	}
	return col.mix(c.theme.near.mix(col, 0.35), float32(rim*0.6))
}
