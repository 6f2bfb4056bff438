package star

import "math"

// A point of the layout, or of a picture.
type point struct{ x, y float64 }

// A bundle says how chords of a fleet run.
type bundle struct {
	inner    float64 // radius of the innermost row
	strength float64 // how far chords are drawn to their gate, 0 to 1
	spread   float64 // how far the two directions of a pair keep apart
}

func bundleOf(inner float64, services int) bundle {
	switch {
	case services <= 30:
		return bundle{inner, 0.3, 12}
	case services <= smallFleet:
		return bundle{inner, 0.5, 8}
	case services <= 500:
		return bundle{inner, 0.86, 2}
	}
	return bundle{inner, 0.95, 0}
}

// A chord is a Bézier curve of degree 5.
type chord [6]point

func polar(angle, radius float64) point {
	return point{math.Cos(angle) * radius, math.Sin(angle) * radius}
}

// chordOf returns the curve of a call between two spots, or from one to itself.
func (b bundle) chordOf(l *layout, from, to int) chord {
	s, t := &l.spots[from], &l.spots[to]
	ta, tb := math.Atan2(s.y, s.x), math.Atan2(t.y, t.x)
	c := chord{0: {s.x, s.y}, 5: {t.x, t.y}}
	if from == to {
		const wide = 0.09
		c[1], c[2] = polar(ta-wide, b.inner*0.9), polar(ta-wide, b.inner*0.78)
		c[3], c[4] = polar(ta+wide, b.inner*0.78), polar(ta+wide, b.inner*0.9)
		return c
	}
	ga, gb := l.gates[s.gate], l.gates[t.gate]
	na, nb := ta, tb
	apart := math.Abs(wrap(ta - tb))
	depth, rim, pull := 0.93-float64(0.45*min(1, apart*1.4)), 0.96, 0.0
	if s.gate != t.gate {
		between := math.Abs(wrap(ga.angle-gb.angle)) / math.Pi
		na += float64(b.strength * wrap(ga.angle-ta))
		nb += float64(b.strength * wrap(gb.angle-tb))
		depth = mix(0.8, 0.06, smooth(0, 0.62, between))
		rim = mix(0.9, 0.66, smooth(0, 0.4, between))
		pull = 0.55 * b.strength
	}
	c[1] = polar(na, b.inner*rim)
	c[2] = polar(na+float64(pull*wrap(ga.trunk-na)), b.inner*depth)
	c[3] = polar(nb+float64(pull*wrap(gb.trunk-nb)), b.inner*depth)
	c[4] = polar(nb, b.inner*rim)
	dx, dy := t.x-s.x, t.y-s.y
	length := math.Sqrt(float64(dx*dx) + float64(dy*dy))
	for _, i := range [...]int{2, 3} {
		c[i].x -= float64(dy / length * b.spread)
		c[i].y += float64(dx / length * b.spread)
	}
	return c
}

// at returns the point of the curve at t, 0 to 1.
func (c *chord) at(t float64) point {
	u := 1 - t
	u2, t2 := float64(u*u), float64(t*t)
	w := [6]float64{
		float64(u2*u2) * u, 5 * float64(u2*u2) * t, 10 * float64(u2*u) * t2,
		10 * float64(u2*t2) * t, 5 * float64(u*t2) * t2, float64(t2*t2) * t,
	}
	var p point
	for i := range w {
		p.x += float64(w[i] * c[i].x)
		p.y += float64(w[i] * c[i].y)
	}
	return p
}

// slope returns the derivative of the curve at t.
func (c *chord) slope(t float64) point {
	u := 1 - t
	u2, t2 := float64(u*u), float64(t*t)
	w := [5]float64{5 * float64(u2*u2), 20 * float64(u2*u) * t, 30 * float64(u2*t2), 20 * float64(u*t2) * t, 5 * float64(t2*t2)}
	var p point
	for i := range w {
		p.x += float64(w[i] * (c[i+1].x - c[i].x))
		p.y += float64(w[i] * (c[i+1].y - c[i].y))
	}
	return p
}

func mix(a, b, t float64) float64 { return a + float64((b-a)*t) }

func smooth(low, high, x float64) float64 {
	t := max(0, min(1, (float64(x)-low)/(high-low)))
	return float64(float64(t*t) * (3 - float64(2*t)))
}

// radiusOf is the radius of a service of which the share of the greatest
// traffic is given; room bounds it.
func radiusOf(traffic, most float64, services int, room float64) float64 {
	low, high := 0.6, 4.4
	switch {
	case services <= 30:
		low, high = 7, 14
	case services <= smallFleet:
		low, high = 6, 12
	case services <= 500:
		low, high = 3, 9
	case services <= 2000:
		low, high = 1.2, 8
	}
	part := 0.0
	if most > 0 {
		part = max(0, min(1, traffic/most))
	}
	wanted := low + float64((high-low)*math.Pow(part, 0.42))
	return max(min(low, room), min(wanted, room*1.15))
}
