package star

import (
	"image"
	"math"
)

// How a sum of light becomes a colour: brightness is compressed and hue kept,
// so that a thousand chords on top of each other are a luminous cord and not a
// white blob. On a light ground the same sum is read as ink.

const (
	toneSteps = 2048 // table entries for each unit of light
	toneMost  = 8    // more light than this makes no difference
)

// A toneCurve tells, by the strongest channel of a sum, what to multiply the
// sum with and what to add: dark ground.
type toneCurve struct {
	keep, add [toneSteps*toneMost + 1]float32
}

func newToneCurve() *toneCurve {
	t := new(toneCurve)
	for i := range t.keep {
		m := max(float64(i), 0.5) / toneSteps
		pale := float64(0.7 * smooth(0.9, 4, m))
		t.keep[i] = float32((1 - expNeg(float64(1.25*m))) / m * (1 - pale))
		t.add[i] = float32((1 - expNeg(float64(0.9*m))) * pale)
	}
	return t
}

// An inkCurve is its counterpart on a light ground: by the strongest channel,
// how dense the ink is and how far weaker channels fall behind; and by density
// what remains of the paper.
type inkCurve struct {
	dense, pure [toneSteps*toneMost + 1]float32
	remains     [2*toneSteps + 1]float32
}

func newInkCurve() *inkCurve {
	t := new(inkCurve)
	for i := range t.dense {
		m := float64(i) / toneSteps
		t.dense[i] = float32(1.75 * (1 - expNeg(float64(0.75*m))))
		t.pure[i] = float32(smooth(0.5, 3, m))
	}
	for i := range t.remains {
		t.remains[i] = float32(expNeg(float64(i) / toneSteps))
	}
	return t
}

// limited returns a sum with no more light than the tables know, its strongest
// channel, and the place of that in the tables.
func limited(sum colour) (c colour, strongest float32, place int) {
	m := max(sum.r, sum.g, sum.b)
	if m > toneMost {
		sum, m = sum.times(toneMost/m), toneMost
	}
	return sum, m, int(m * toneSteps)
}

func (t *toneCurve) apply(paper, sum colour) colour {
	sum, _, i := limited(sum)
	channel := func(p, s float32) float32 { return p + float32((float32(s*t.keep[i])+t.add[i])*(1-p)) }
	return colour{channel(paper.r, sum.r), channel(paper.g, sum.g), channel(paper.b, sum.b)}
}

func (t *inkCurve) apply(paper, sum colour) colour {
	sum, m, i := limited(sum)
	channel := func(p, s float32) float32 {
		k := s / m
		k += float32((float32(k*float32(math.Sqrt(float64(k)))) - k) * t.pure[i])
		return p * t.remains[int(min(float32(k*t.dense[i]*toneSteps), 2*toneSteps))]
	}
	return colour{channel(paper.r, sum.r), channel(paper.g, sum.g), channel(paper.b, sum.b)}
}

// compose paints the ground and the light of l, with its glow, into an image.
func (p *picture) compose(l *lightMap, width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	p.spread(l)
	apply := newToneCurve().apply
	if p.theme.light {
		apply = newInkCurve().apply
	}
	cx, cy, size := float32(p.centre.x*p.scale), float32(p.centre.y*p.scale), float32(height)
	for y := range height {
		dy := (float32(y) + 0.5 - cy) / size
		row := img.Pix[y*img.Stride:]
		for x := range width {
			dx := (float32(x) + 0.5 - cx) / size
			c := p.theme.ground(float32(math.Sqrt(float64(float32(dx*dx) + float32(dy*dy)))))
			if lx, ly := x-l.left, y-l.top; lx >= 0 && ly >= 0 && lx < l.width && ly < l.height {
				at := 3 * (ly*l.width + lx)
				if s := (colour{l.sum[at], l.sum[at+1], l.sum[at+2]}); s != (colour{}) {
					c = apply(c, s)
				}
			}
			row[4*x], row[4*x+1], row[4*x+2], row[4*x+3] = byteOf(c.r), byteOf(c.g), byteOf(c.b), 255
		}
	}
	return img
}

// ground is the background at a distance from the middle, in heights.
func (t *theme) ground(distance float32) colour {
	d := min(1, distance)
	return t.near.mix(t.far, float32(d*d)*(3-float32(2*d)))
}

func byteOf(v float32) uint8 { return uint8(float32(max(0, min(1, v))*255) + 0.5) }

// spread adds three blurred copies of the light, at half, a quarter and an
// eighth of the size.
func (p *picture) spread(l *lightMap) {
	share := p.glow
	if p.theme.light {
		share *= 0.35
	}
	first := l.halved()
	first.blur()
	second := first.halved()
	second.blur()
	third := second.halved()
	third.blur()
	b := p.theme.bloom
	second.scaled(b[1]).addDoubled(third, b[2])
	first.scaled(b[0]).addDoubled(second, 1)
	l.addDoubled(first, share)
}

func (l *lightMap) scaled(factor float32) *lightMap {
	for i := range l.sum {
		l.sum[i] *= factor
	}
	return l
}
