package star

import "math"

// A lightMap is a sum of light over a rectangle of the picture: red, green and
// blue in turn, row by row. Light only ever adds up, so that the order of what
// shines does not matter but for rounding, which is the same everywhere: no
// product is added to anything before it is rounded.
type lightMap struct {
	width, height int
	left, top     int // of the rectangle, in pixels of the picture
	sum           []float32
}

func newLightMap(left, top, width, height int) *lightMap {
	l := &lightMap{left: left, top: top, width: width, height: height}
	l.sum = make([]float32, 3*l.width*l.height)
	return l
}

// A vertex is a point of a stroke, in pixels of the picture, and the light
// there.
type vertex struct {
	x, y  float32
	light colour
}

// A brush is how light falls off across a stroke: coverage by distance from
// its middle, in steps of 1/brushSteps pixels.
type brush struct {
	reach float32
	cover []float32
}

const brushSteps = 32

// lineBrush is that of a line of some width with soft edges, in pixels.
func lineBrush(width float64, cover []float32) brush {
	const soft = 0.55
	half := float64(width / 2)
	b := brush{reach: float32(half + soft), cover: cover[:0]}
	for i := range int((half+soft)*brushSteps) + 2 {
		b.cover = append(b.cover, float32(1-smooth(max(0, half-soft), half+soft, float64(i)/brushSteps)))
	}
	return b
}

// softBrush falls off like a bell.
func softBrush(width float64, cover []float32) brush {
	b := brush{reach: float32(2 * width), cover: cover[:0]}
	for i := range int(2*width*brushSteps) + 2 {
		q := float64(i) / brushSteps / width
		b.cover = append(b.cover, float32(expNeg(float64(q*q))))
	}
	return b
}

// stroke adds the light of a path. Where two pieces of it meet, the bisector of
// their directions says which pixel belongs to which, so that they neither
// overlap nor leave a gap.
func (l *lightMap) stroke(path []vertex, b brush) {
	before := direction(path[0], path[1])
	start := before
	for i := 1; i < len(path); i++ {
		here, end := before, before
		if i+1 < len(path) {
			before = direction(path[i], path[i+1])
			end = slant{here.x + before.x, here.y + before.y}
		}
		l.piece(path[i-1], path[i], start, here, end, b)
		start = end
	}
}

// A slant is a direction in the picture.
type slant struct{ x, y float32 }

// direction is that from p to q, of length 1, or nothing where they are one.
func direction(p, q vertex) slant {
	dx, dy := q.x-p.x, q.y-p.y
	length := float32(math.Sqrt(float64(float32(dx*dx) + float32(dy*dy))))
	if length == 0 {
		return slant{}
	}
	return slant{dx / length, dy / length}
}

// piece adds the light between p and q, from the line through p across start to
// that through q across end. It goes along the axis that the piece runs along
// more than the other.
func (l *lightMap) piece(p, q vertex, start, here, end slant, b brush) {
	if here == (slant{}) {
		return
	}
	left, top := float32(l.left), float32(l.top)
	p.x, p.y, q.x, q.y = p.x-left, p.y-top, q.x-left, q.y-top
	along, over := 3, 3*l.width // strides of the two axes
	columns, rows := l.width, l.height
	if max(here.x, -here.x) < max(here.y, -here.y) {
		p.x, p.y, q.x, q.y = p.y, p.x, q.y, q.x
		start.x, start.y, here.x, here.y, end.x, end.y = start.y, start.x, here.y, here.x, end.y, end.x
		along, over, columns, rows = over, along, rows, columns
	}
	shrink := max(here.x, -here.x) // from distance across the rows to distance from the line
	reach := b.reach / shrink
	first := max(0, ceil(min(p.x, q.x)-b.reach-0.5))
	last := min(columns, ceil(max(p.x, q.x)+b.reach-0.5))
	slope, width := here.y/here.x, q.x-p.x
	dr, dg, db := q.light.r-p.light.r, q.light.g-p.light.g, q.light.b-p.light.b
	for x := first; x < last; x++ {
		px := float32(x) + 0.5 - p.x
		y := p.y + float32(px*slope)
		from, to := max(0, ceil(y-reach-0.5)), min(rows, ceil(y+reach-0.5))
		t := max(0, min(1, px/width))
		red, green, blue := p.light.r+float32(t*dr), p.light.g+float32(t*dg), p.light.b+float32(t*db)
		behind, beyond := float32(px*start.x), float32((float32(x)+0.5-q.x)*end.x)
		at := x*along + from*over
		for row := from; row < to; row, at = row+1, at+over {
			py := float32(row) + 0.5
			if behind+float32((py-p.y)*start.y) < 0 || beyond+float32((py-q.y)*end.y) >= 0 {
				continue
			}
			d := py - y
			if d < 0 {
				d = -d
			}
			a := b.cover[min(int(d*shrink*brushSteps), len(b.cover)-1)]
			s := l.sum[at : at+3 : at+3]
			s[0] += float32(red * a)
			s[1] += float32(green * a)
			s[2] += float32(blue * a)
		}
	}
}

func ceil(v float32) int {
	n := int(v)
	if float32(n) < v {
		n++
	}
	return n
}

// expNeg returns e to the power of −x for x ≥ 0, the same on every machine.
func expNeg(x float64) float64 {
	y := float64(x * math.Log2E)
	n := math.Floor(y)
	f := float64((y - n) * math.Ln2)
	sum, term := 1.0, 1.0
	for i := 1; i <= 14; i++ { // of f below 0.7: what is left is less than 1e-14
		term = float64(term*-f) / float64(i)
		sum += term
	}
	return math.Ldexp(sum, -int(min(n, 1000)))
}

// blurWeights are the shares of a pixel and of its neighbours at distances 1
// to 5 on either side, a bell that is about 2 pixels wide.
var blurWeights = [...]float32{0.2, 0.176, 0.121, 0.065, 0.027, 0.011}

// halved returns a copy at half the size.
func (l *lightMap) halved() *lightMap {
	h := newLightMap(0, 0, l.width/2, l.height/2)
	for y := range h.height {
		a, b, out := l.row(2*y), l.row(2*y+1), h.row(y)
		for i := range out {
			at := i + i/3*3 // of the same channel, two pixels for one
			out[i] = (a[at] + a[at+3] + b[at] + b[at+3]) * 0.25
		}
	}
	return h
}

func (l *lightMap) row(y int) []float32 { return l.sum[3*y*l.width : 3*(y+1)*l.width] }

// blur spreads the light. What leaves the rectangle is lost.
func (l *lightMap) blur() {
	const reach = len(blurWeights) - 1
	padded := make([]float32, 3*(l.width+2*reach))
	for y := range l.height {
		row := l.row(y)
		copy(padded[3*reach:], row)
		for i := range row {
			s := float32(padded[i+3*reach] * blurWeights[0])
			for k := 1; k <= reach; k++ {
				s += float32((padded[i+3*(reach-k)] + padded[i+3*(reach+k)]) * blurWeights[k])
			}
			row[i] = s
		}
	}
	l.blurDown(reach)
}

// blurDown blurs along the columns, a row at a time.
func (l *lightMap) blurDown(reach int) {
	kept := make([][]float32, reach+1) // the rows above as they were, and this one
	for i := range kept {
		kept[i] = make([]float32, 3*l.width)
	}
	none := make([]float32, 3*l.width)
	for y := range l.height {
		copy(kept[y%len(kept)], l.row(y))
		var above, below [len(blurWeights)][]float32
		for k := 1; k <= reach; k++ {
			above[k], below[k] = none, none
			if y >= k {
				above[k] = kept[(y-k)%len(kept)]
			}
			if y+k < l.height {
				below[k] = l.row(y + k)
			}
		}
		here := kept[y%len(kept)]
		for i := range l.row(y) {
			s := float32(here[i] * blurWeights[0])
			for k := 1; k <= reach; k++ {
				s += float32((above[k][i] + below[k][i]) * blurWeights[k])
			}
			l.row(y)[i] = s
		}
	}
}

// addDoubled adds another map, twice as coarse, times a factor.
func (l *lightMap) addDoubled(o *lightMap, factor float32) {
	for y := range l.height {
		fy := float32((float32(y)+0.5)/2) - 0.5
		y0 := max(0, min(o.height-1, ceil(fy)-1))
		y1, ty := min(o.height-1, y0+1), max(0, fy-float32(y0))
		a, b, out := o.row(y0), o.row(y1), l.row(y)
		for x := range l.width {
			fx := float32((float32(x)+0.5)/2) - 0.5
			x0 := max(0, min(o.width-1, ceil(fx)-1))
			x1, tx := min(o.width-1, x0+1), max(0, fx-float32(x0))
			for c := range 3 {
				upper := a[3*x0+c] + float32((a[3*x1+c]-a[3*x0+c])*tx)
				lower := b[3*x0+c] + float32((b[3*x1+c]-b[3*x0+c])*tx)
				out[3*x+c] += float32((upper + float32((lower-upper)*ty)) * factor)
			}
		}
	}
}
