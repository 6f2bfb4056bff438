package star

// A colour has its channels as shares of full light, in sRGB.
type colour struct{ r, g, b float32 }

func hex(n uint32) colour {
	return colour{float32(n>>16) / 255, float32(n>>8&255) / 255, float32(n&255) / 255}
}

func (c colour) times(k float32) colour {
	return colour{float32(c.r * k), float32(c.g * k), float32(c.b * k)}
}

func (c colour) mix(o colour, t float32) colour {
	return colour{c.r + float32((o.r-c.r)*t), c.g + float32((o.g-c.g)*t), c.b + float32((o.b-c.b)*t)}
}

const hueCount = 8

// hues are the colours of the parents of groups, as light.
var hues = [hueCount]colour{
	hex(0x339eff), hex(0x21ccdb), hex(0x4ddb94), hex(0x8c8cff), hex(0xcc73ff), hex(0xff6bc7), hex(0x9eb8db), hex(0xf2b86b),
}

var white = colour{1, 1, 1}

// A tone is a colour with a meaning; the theme says which it is.
type tone uint8

const (
	toneInk tone = iota
	toneSub
	toneWarn
	toneBad
	toneHue // toneHue+i is hue i
)

// A theme is how the same picture looks on a dark and on a light ground.
type theme struct {
	name                 string
	light                bool
	near, far            colour // of the background, from the middle outwards
	ink, sub             colour
	degraded, failing    colour
	solid                [hueCount]colour // hues of bands and leaders
	names                [hueCount]colour // hues as text: 4.5:1 on the background
	services             [hueCount]colour // healthy services
	bandAlpha            float32
	sectorAlpha          float32
	bloom                [3]float32 // shares of the blurred copies
	pillFill, pillLine   colour
	pillAlpha            float32
	warnFill, warnText   colour
	badFill, badText     colour
	leaderAlpha          float32
	chordGain, cometGain float32
}

var dark = withHues(theme{
	name: "dark",
	near: hex(0x080b14), far: hex(0x020306), ink: hex(0xe3ebf8), sub: hex(0x8190aa),
	degraded: hex(0xffbd45), failing: hex(0xff6257),
	bandAlpha: 0.92, sectorAlpha: 0.13, bloom: [3]float32{0.26, 0.3, 0.42},
	pillFill: hex(0x0a0f1b), pillLine: hex(0x3c4960), pillAlpha: 0.86,
	warnFill: hex(0x2e1e04), warnText: hex(0xffe2ac), badFill: hex(0x340a0c), badText: hex(0xffc9c4),
	leaderAlpha: 0.55, chordGain: 1, cometGain: 1,
})

var light = withHues(theme{
	name: "light", light: true,
	near: hex(0xfbfbfa), far: hex(0xf1f2f4), ink: hex(0x18202c), sub: hex(0x5c6774),
	degraded: hex(0xa36000), failing: hex(0xc81e2c),
	bandAlpha: 0.95, sectorAlpha: 0.11, bloom: [3]float32{0.1, 0.1, 0.1},
	pillFill: hex(0xffffff), pillLine: hex(0xc9d1dc), pillAlpha: 0.94,
	warnFill: hex(0xfff7e8), warnText: hex(0x7a4a00), badFill: hex(0xfff1f1), badText: hex(0x9c1220),
	leaderAlpha: 0.7, chordGain: 1.05, cometGain: 0.3,
})

// withHues fills in the hues as the theme shows them.
func withHues(t theme) *theme {
	for i, h := range hues {
		t.solid[i], t.names[i], t.services[i] = h, h, h.mix(white, 0.55)
		if t.light {
			t.solid[i], t.names[i], t.services[i] = h.times(0.7), h.times(0.55), h.times(0.62)
		}
	}
	return &t
}

// themes are the themes by name; the first is the default.
var themes = []*theme{dark, light}

func (t *theme) colour(o tone) colour {
	switch o {
	case toneInk:
		return t.ink
	case toneSub:
		return t.sub
	case toneWarn:
		return t.degraded
	case toneBad:
		return t.failing
	}
	return t.names[o-toneHue]
}

// leader is the colour of a line to a label.
func (t *theme) leader(o tone) colour { return t.solid[o-toneHue] }

// A pillLook is how a pill looks.
type pillLook struct {
	fill, outline, text colour
	alpha               float32 // of the fill
}

func (t *theme) pillLook(o tone) pillLook {
	switch o {
	case toneBad:
		return pillLook{t.badFill, t.failing, t.badText, 0.92}
	case toneWarn:
		return pillLook{t.warnFill, t.degraded, t.warnText, 0.92}
	}
	return pillLook{t.pillFill, t.pillLine, t.ink, t.pillAlpha}
}
