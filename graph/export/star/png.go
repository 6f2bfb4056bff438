package star

import (
	"image"
	"image/png"
	"io"
	"math"
)

// glowRoom is how far light may spread beyond the star, in norm pixels.
const glowRoom = 24

// writePNG draws p as pixels.
func (p *picture) writePNG(w io.Writer) error {
	e := png.Encoder{CompressionLevel: png.DefaultCompression}
	return e.Encode(w, p.paint())
}

// paint draws p.
func (p *picture) paint() *image.RGBA {
	width, height := int(math.Round(p.width*p.scale)), int(math.Round(p.height*p.scale))
	l := p.lightBox(width, height)
	p.shine(l)
	p.comets(l, p.cometsPerCall, p.cometSize)
	c := &canvas{img: p.compose(l, width, height), scale: p.scale, theme: p.theme}
	for _, r := range p.arcs {
		from, to := p.sector, float64(outer*p.zoom)
		thick := max(band*p.zoom, 2.5)
		c.ring(p.centre, r.arc, from, to-thick-p.zoom, p.theme.solid[r.hue], p.theme.sectorAlpha, true)
		c.ring(p.centre, r.arc, to-thick, to, p.theme.solid[r.hue], p.theme.bandAlpha, false)
	}
	for i := range p.marks {
		c.mark(&p.marks[i])
	}
	for _, l := range p.lines {
		c.line(l.points, 1, p.theme.leader(l.tone), p.theme.leaderAlpha)
	}
	t := textPainter{canvas: c, faces: p.faces, masks: map[maskKey]*mask{}}
	for i := range p.pills {
		b := &p.pills[i]
		look := p.theme.pillLook(b.tone)
		c.line([]point{b.from, b.middle()}, 1, look.outline, 0.7)
		c.pill(b.box, look.fill, look.outline, look.alpha)
	}
	for i := range p.pills {
		b := &p.pills[i]
		t.write(b.text, false, pillSize, point{b.middle().x, b.middle().y + 4}, 0, p.theme.pillLook(b.tone).text)
	}
	for i := range p.texts {
		t.text(&p.texts[i])
	}
	return c.img
}

// lightBox returns the part of a picture that chords may light.
func (p *picture) lightBox(width, height int) *lightMap {
	reach := float64((float64(outer*p.zoom) + glowRoom) * p.scale)
	cx, cy := float64(p.centre.x*p.scale), float64(p.centre.y*p.scale)
	left, top := max(0, int(cx-reach)), max(0, int(cy-reach))
	right, bottom := min(width, int(cx+reach)+1), min(height, int(cy+reach)+1)
	return newLightMap(left, top, max(16, right-left), max(16, bottom-top))
}
