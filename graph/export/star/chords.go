package star

// The light of chords and of what travels along them, in pixels.

// colourAt is the hue of a chord at t: from the caller's to the callee's, red
// where calls fail.
func (k *ink) colourAt(t float64, th *theme) colour {
	c := hues[k.from].mix(hues[k.to], float32(smooth(0.15, 0.85, t)))
	c = c.mix(colour{1, 0.23, 0.12}, float32(k.failing))
	if th.light {
		grey := float32(c.r*0.3) + float32(c.g*0.5) + float32(c.b*0.2)
		return complement(c.mix(colour{grey, grey, grey}, 0.1))
	}
	return c
}

// complement is the ink that leaves c of white paper.
func complement(c colour) colour { return colour{1.04 - c.r, 1.04 - c.g, 1.04 - c.b} }

// shineAt is how bright a chord is at t: it brightens towards the callee.
func (k *ink) shineAt(t float64) float64 { return k.gain * (0.5 + float64(0.7*t)) }

// at returns the vertex of a curve at t.
func (p *picture) vertex(c *chord, t float64, light colour) vertex {
	at := c.at(t)
	return vertex{float32(at.x * p.scale), float32(at.y * p.scale), light}
}

// shine adds up the light of all chords.
func (p *picture) shine(l *lightMap) {
	path := make([]vertex, p.segments+1)
	var cover []float32
	for i := range p.chords {
		k := &p.chords[i]
		for j := range path {
			t := float64(j) / float64(p.segments)
			path[j] = p.vertex(&k.curve, t, k.colourAt(t, p.theme).times(float32(k.shineAt(t))))
		}
		b := lineBrush(k.width*p.scale, cover)
		cover = b.cover
		l.stroke(path, b)
	}
}

// Comets travel along the chords, more and longer ones on busier calls; the
// share of red ones is that of failed calls. A picture shows them at one
// moment.
const (
	maxComets   = 2600
	cometPieces = 8
)

// lot is a number in [0, 1) that depends on nothing but its arguments.
func lot(a, b int) float64 {
	h := (uint32(a)+0x9e3779b9)*0x85ebca6b ^ (uint32(b)+0x7f4a7c15)*0xc2b2ae35
	h = (h ^ h>>15) * 0x2c1b3c6d
	h = (h ^ h>>12) * 0x297a2d39
	return float64(float64(h^h>>15) / (1 << 32))
}

// comets adds the comets, those of the heaviest calls first.
func (p *picture) comets(l *lightMap, perCall float64, size float64) {
	left := maxComets
	for i := len(p.chords) - 1; i >= 0 && left > 0; i-- {
		k := &p.chords[i]
		if k.weight <= 0 {
			break
		}
		square := float64(k.weight * k.weight)
		many := max(1, int(float64(square*perCall)+0.5))
		start := lot(k.call, 1)
		for n := range min(many, left) {
			phase := start + float64(float64(n)/float64(many)) + float64(lot(k.call, n+2)*0.35/float64(many))
			p.comet(l, k, phase-float64(int(phase)), lot(k.call, n+77) < k.errors, size)
		}
		left -= many
	}
}

// comet adds one whose head is at t.
func (p *picture) comet(l *lightMap, k *ink, t float64, failed bool, size float64) {
	tail := (18 + float64(48*k.weight*k.weight)) * size
	wide := (0.95 + k.weight) * size
	pace := k.curve.slope(t)
	length := min(0.5, tail/max(1, hypot(pace.x, pace.y)))
	gain := smooth(0, 0.06, t) * smooth(0, 0.06, 1-t) * 0.85 * float64(p.theme.cometGain)
	c := hues[k.from].mix(white, 0.45)
	switch {
	case failed && p.theme.light:
		c, gain = complement(colour{0.9, 0.1, 0.05}), gain*2.2
	case failed:
		c, gain = colour{1, 0.3, 0.14}, gain*2.2
	case p.theme.light:
		c = complement(hues[k.from].times(0.62))
	}
	var path [cometPieces + 1]vertex
	for j := range path {
		x := float64(float64(j) / cometPieces) // 0 at the end of the tail
		bright := float64(x*x) * x * smooth(0, 0.14, 1-x) * 1.5 * gain
		path[j] = p.vertex(&k.curve, max(0, t-float64((1-x)*length)), c.times(float32(bright)))
	}
	l.stroke(path[:], softBrush(wide*p.scale, nil))
}
