package star

import (
	"cmp"
	"math"
	"slices"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
)

// Text is filled by whole numbers alone: places in 1/64 pixels, sampled on
// subRows lines a pixel, with exact coverage along each.
const (
	subRows      = 16
	subPixels    = 4 // places of a glyph that are told apart within a pixel
	curveSteps   = 6 // straight pieces of a curve
	fullCoverage = 64 * subRows
)

// A mask is how much of each pixel a glyph covers.
type mask struct {
	left, top     int // of its first pixel, from the pen
	width, height int
	cover         []uint16 // of fullCoverage
}

type maskKey struct {
	bold bool
	size fixed.Int26_6
	r    rune
	sub  int
}

// A textPainter draws text on a canvas.
type textPainter struct {
	canvas *canvas
	faces  *faces
	masks  map[maskKey]*mask
}

// text draws one line of text.
func (p *textPainter) text(t *text) {
	width := 0.0
	for _, part := range t.pieces {
		width += p.faces.of(part.bold).width(part.text, t.size)
	}
	at := point{t.at.x + float64(width*float64(t.side-1)/2), t.at.y}
	for _, part := range t.pieces {
		at.x += p.write(part.text, part.bold, t.size, at, 1, p.canvas.theme.colour(part.tone))
	}
}

// write draws words of one look and returns how wide they are, all in norm
// pixels. side is that of a text.
func (p *textPainter) write(words string, bold bool, size float64, at point, side int, col colour) float64 {
	f, scale := p.faces.of(bold), p.canvas.scale
	width := f.width(words, size)
	x := (at.x + float64(width*float64(side-1)/2)) * scale
	y := int(math.Floor(float64(at.y*scale) + 0.5))
	for _, r := range words {
		p.glyph(bold, r, size*scale, x, y, col)
		x += float64(f.advance(r) * (size * scale))
	}
	return width
}

func (p *textPainter) glyph(bold bool, r rune, size, x float64, y int, col colour) {
	at := int(math.Floor(float64(x*subPixels) + 0.5))
	key := maskKey{bold, fixed.Int26_6(float64(size*64) + 0.5), r, at & (subPixels - 1)}
	m := p.masks[key]
	if m == nil {
		m = newMask(p.faces.of(bold).outline(r, key.size), key.sub*64/subPixels)
		p.masks[key] = m
	}
	left, top := at>>2+m.left, y+m.top
	b := p.canvas.img.Bounds()
	for row := range m.height {
		for column := range m.width {
			px, py := left+column, top+row
			if c := m.cover[row*m.width+column]; c > 0 && px >= 0 && py >= 0 && px < b.Max.X && py < b.Max.Y {
				p.canvas.blend(px, py, col, float32(c)/fullCoverage)
			}
		}
	}
}

// A side is a straight piece of an outline, y downwards, in 1/64 pixels.
type side struct{ x0, y0, x1, y1 int }

// newMask fills the outline, moved to the right by shift.
func newMask(segments sfnt.Segments, shift int) *mask {
	sides := sidesOf(segments, shift)
	if len(sides) == 0 {
		return &mask{}
	}
	x0, y0, x1, y1 := math.MaxInt, math.MaxInt, math.MinInt, math.MinInt
	for _, s := range sides {
		x0, x1 = min(x0, s.x0, s.x1), max(x1, s.x0, s.x1)
		y0, y1 = min(y0, s.y0, s.y1), max(y1, s.y0, s.y1)
	}
	m := &mask{left: x0 >> 6, top: y0 >> 6}
	m.width, m.height = (x1+63)>>6-m.left, (y1+63)>>6-m.top
	m.cover = make([]uint16, m.width*m.height)
	var crossings []crossing
	for line := range m.height * subRows {
		y := m.top<<6 + line*(64/subRows) + 64/subRows/2
		crossings = crossings[:0]
		for _, s := range sides {
			crossings = s.cross(y, crossings)
		}
		slices.SortFunc(crossings, func(a, b crossing) int { return cmp.Compare(a.x, b.x) })
		m.fill(line/subRows, crossings)
	}
	return m
}

// A crossing is where a line of samples meets an outline that goes down (1) or
// up (−1).
type crossing struct{ x, turn int }

func (s side) cross(y int, list []crossing) []crossing {
	turn := 1
	if s.y0 > s.y1 {
		s.x0, s.y0, s.x1, s.y1, turn = s.x1, s.y1, s.x0, s.y0, -1
	}
	if y < s.y0 || y >= s.y1 {
		return list
	}
	return append(list, crossing{s.x0 + (s.x1-s.x0)*(y-s.y0)/(s.y1-s.y0), turn})
}

// fill adds the spans between crossings to a row of pixels.
func (m *mask) fill(row int, crossings []crossing) {
	winding := 0
	for i, c := range crossings {
		if winding != 0 {
			m.span(row, crossings[i-1].x-m.left<<6, c.x-m.left<<6)
		}
		winding += c.turn
	}
}

func (m *mask) span(row, from, to int) {
	for x := from >> 6; x<<6 < to; x++ {
		m.cover[row*m.width+x] += uint16(min(to, (x+1)<<6) - max(from, x<<6))
	}
}

// sidesOf flattens an outline.
func sidesOf(segments sfnt.Segments, shift int) []side {
	var sides []side
	var start, pen [2]int
	to := func(x, y int) {
		sides = append(sides, side{pen[0], pen[1], x, y})
		pen = [2]int{x, y}
	}
	for _, s := range segments {
		x := func(i int) int { return int(s.Args[i].X) + shift }
		y := func(i int) int { return int(s.Args[i].Y) }
		switch s.Op {
		case sfnt.SegmentOpMoveTo:
			if pen != start {
				to(start[0], start[1])
			}
			start = [2]int{x(0), y(0)}
			pen = start
		case sfnt.SegmentOpLineTo:
			to(x(0), y(0))
		case sfnt.SegmentOpQuadTo:
			from := pen
			for k := 1; k <= curveSteps; k++ {
				a, b, c := (curveSteps-k)*(curveSteps-k), 2*k*(curveSteps-k), k*k
				to((a*from[0]+b*x(0)+c*x(1))/(curveSteps*curveSteps), (a*from[1]+b*y(0)+c*y(1))/(curveSteps*curveSteps))
			}
		case sfnt.SegmentOpCubeTo: // not in TrueType fonts
			to(x(2), y(2))
		}
	}
	if pen != start {
		to(start[0], start[1])
	}
	return sides
}
