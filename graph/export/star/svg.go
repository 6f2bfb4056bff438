package star

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"graphctl/graph"
)

// Bounds of an SVG, which grows with what it holds: some 50 bytes for half a
// chord, 300 for a chord with a gradient and a tooltip.
const (
	// maxGradients is up to how many calls each chord has a gradient and a
	// tooltip of its own; beyond, it is drawn in two halves.
	maxGradients = 1500
	// maxDrawn is how many chords are drawn, the heaviest of them.
	maxDrawn = 12_000
)

// A svgWriter writes p. Coordinates of chords are whole tenths of a norm pixel,
// all others have two decimals.
type svgWriter struct {
	*picture
	out *bufio.Writer
	num []byte // scratch of number
}

func (p *picture) writeSVG(w io.Writer) error {
	s := svgWriter{picture: p, out: bufio.NewWriterSize(w, 1<<16)}
	s.printf(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="%d" height="%d" viewBox="0 0 %s %s" role="img" aria-label="%s">`+"\n",
		int(math.Round(p.width*p.scale)), int(math.Round(p.height*p.scale)), decimals(p.width), decimals(p.height), escaped(p.note))
	s.printf("<title>%s</title>\n<desc>%s</desc>\n", escaped(p.title), escaped(p.note))
	s.style()
	s.defs()
	s.printf(`<rect width="100%%" height="100%%" fill="url(#ground)"/>` + "\n")
	s.chordGroup()
	s.ringGroup()
	s.markGroup()
	s.lineGroup()
	s.pillGroup()
	s.textGroup()
	s.printf("</svg>\n")
	return s.out.Flush() // a bufio.Writer keeps its first error
}

func (s *svgWriter) printf(format string, args ...any) { fmt.Fprintf(s.out, format, args...) }

// fontStack is what text is set in: what the machine has that comes closest.
const fontStack = `Inter,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,"Noto Sans",sans-serif`

// levels are the opacities that chords are rounded to.
var levels = [...]float64{0.04, 0.055, 0.075, 0.1, 0.135, 0.18, 0.25, 0.34, 0.46, 0.63, 0.9}

// paleLevel is from which level on strokes in the dark are paler than their
// hue: where much light falls together a picture of pixels is, too.
const paleLevel = 6

// widths are the widths that the halves of chords are rounded to.
var widths = [...]float64{0.5, 0.7, 0.95, 1.3, 1.8, 2.5}

// nearest returns the index of the last entry that is not above v.
func nearest(list []float64, v float64) int {
	i := 0
	for i+1 < len(list) && list[i+1] <= v {
		i++
	}
	return i
}

// redHue is the number of the colour of failing calls, after the hues.
const redHue = hueCount

// chordColour is the colour of a number as a stroke.
func (s *svgWriter) chordColour(i int) colour {
	switch {
	case i == redHue && s.theme.light:
		return s.theme.failing
	case i == redHue:
		return colour{1, 0.3, 0.2}
	}
	return s.theme.solid[i]
}

func (s *svgWriter) style() {
	t := s.theme
	s.printf("<style>\n")
	s.printf("text{font-family:%s;font-variant-numeric:tabular-nums;fill:%s}\n", fontStack, css(t.ink))
	s.printf(".b{font-weight:600}.s{fill:%s}.w{fill:%s}.x{fill:%s}.m{text-anchor:middle}.e{text-anchor:end}\n", css(t.sub), css(t.degraded), css(t.failing))
	s.printf("path{fill:none}.line{stroke-width:1;stroke-opacity:%s}\n", decimals(float64(t.leaderAlpha)))
	for i := range hueCount {
		s.printf(".h%d{stroke:%s}.n%d{fill:%s}.f%d{fill:%s;stroke:%s}\n", i, css(s.chordColour(i)), i, css(t.names[i]), i, css(t.services[i]), css(s.rim(t.services[i])))
	}
	s.printf(".h%d{stroke:%s}.fs{fill:%s;stroke:%s}.fw{fill:%s;stroke:%s}.fx{fill:%s;stroke:%s}\n", redHue, css(s.chordColour(redHue)),
		css(t.sub), css(s.rim(t.sub)), css(t.degraded), css(s.rim(t.degraded)), css(t.failing), css(s.rim(t.failing)))
	for i, o := range levels {
		s.printf(".l%d{stroke-opacity:%s}", i, decimals(o))
	}
	for i, w := range widths {
		s.printf(".w%d{stroke-width:%s}", i, decimals(w*10))
	}
	s.printf("\n")
	for l := paleLevel; l < len(levels) && !t.light; l++ {
		for i := range hueCount + 1 {
			s.printf(".l%d.h%d{stroke:%s}", l, i, css(s.chordColour(i).mix(white, float32(l-paleLevel+1)*0.09)))
		}
	}
	s.printf("\n")
	for i := range rankSteps + 1 {
		s.printf(".k%d{opacity:%s}", i, decimals(mix(0.4, 1, float64(i)/rankSteps)))
	}
	s.printf("\n")
	for i, o := range [...]tone{toneInk, toneWarn, toneBad} {
		l := t.pillLook(o)
		s.printf(".q%d rect{fill:%s;fill-opacity:%s;stroke:%s}.q%d path{stroke:%s;stroke-opacity:.7}.q%d text{fill:%s}\n",
			i, css(l.fill), decimals(float64(l.alpha)), css(l.outline), i, css(l.outline), i, css(l.text))
	}
	s.printf("</style>\n")
}

// rim is the darker outline of a large service.
func (s *svgWriter) rim(c colour) colour { return c.mix(s.theme.near.mix(c, 0.35), 0.6) }

func (s *svgWriter) defs() {
	t := s.theme
	s.printf("<defs>\n")
	s.printf(`<radialGradient id="ground" gradientUnits="userSpaceOnUse" cx="%s" cy="%s" r="%s"><stop stop-color="%s"/><stop offset="1" stop-color="%s"/></radialGradient>`+"\n",
		decimals(s.centre.x), decimals(s.centre.y), decimals(s.height), css(t.near), css(t.far))
	for i := range hueCount {
		s.printf(`<radialGradient id="sector%d" gradientUnits="userSpaceOnUse" cx="%s" cy="%s" r="%s">`, i, decimals(s.centre.x), decimals(s.centre.y), decimals(outer*s.zoom))
		inner := s.sector / (outer * s.zoom)
		for k := range 4 { // of a parabola
			part := float64(k) / 3
			s.printf(`<stop offset="%s" stop-color="%s" stop-opacity="%s"/>`, decimals(mix(inner, 1, part)), css(t.solid[i]), decimals(float64(part*part)*float64(t.sectorAlpha)))
		}
		s.printf("</radialGradient>\n")
	}
	for _, halo := range [...]struct {
		id string
		c  colour
		o  float64
	}{{"warn", t.degraded, 0.4}, {"bad", t.failing, 0.6}} {
		s.printf(`<radialGradient id="%s">`, halo.id)
		for k := range 4 {
			away := float64(k) / 3
			s.printf(`<stop offset="%s" stop-color="%s" stop-opacity="%s"/>`, decimals(mix(0.35, 1, away)), css(halo.c), decimals(halo.o*(1-away)*(1-away)))
		}
		s.printf("</radialGradient>\n")
	}
	if !t.light {
		s.printf(`<filter id="glow" x="0" y="0" width="100%%" height="100%%"><feGaussianBlur stdDeviation="5" result="b"/><feColorMatrix in="b" values="1 0 0 0 0 0 1 0 0 0 0 0 1 0 0 0 0 0 %s 0"/><feMerge><feMergeNode/><feMergeNode in="SourceGraphic"/></feMerge></filter>`+"\n",
			decimals(float64(s.glow)))
	}
	s.printf("</defs>\n")
}

// chordGroup draws the heaviest chords.
func (s *svgWriter) chordGroup() {
	drawn := s.chords[max(0, len(s.chords)-maxDrawn):]
	if len(drawn) < len(s.chords) {
		s.printf("<!-- the %d heaviest of %d calls -->\n", len(drawn), len(s.chords))
	}
	filter := ""
	if !s.theme.light {
		filter = ` filter="url(#glow)"`
	}
	s.printf("<g stroke-linecap=\"round\"%s><g transform=\"scale(.1)\">\n", filter)
	if len(drawn) <= maxGradients {
		s.gradientChords(drawn)
	} else {
		s.halfChords(drawn)
	}
	s.printf("</g></g>\n")
}

// opacity is how strongly a stroke shows that shines that much.
func (s *svgWriter) opacity(shine float64) float64 {
	if s.theme.light {
		return min(0.9, 1.8*shine)
	}
	return min(0.9, 2.6*shine)
}

// hueOf is the number of a chord's colour near an end.
func (k *ink) hueOf(hue int) int {
	if k.failing >= 0.5 {
		return redHue
	}
	return hue
}

// gradientChords draws each chord with a gradient from its caller's hue to its
// callee's. The stops are shared.
func (s *svgWriter) gradientChords(chords []ink) {
	s.printf("<defs>\n")
	pairs := map[[2]int]bool{}
	for i := range chords {
		k := &chords[i]
		pair := [2]int{k.hueOf(k.from), k.hueOf(k.to)}
		if !pairs[pair] {
			pairs[pair] = true
			s.printf(`<linearGradient id="s%d%d"><stop offset=".15" stop-color="%s" stop-opacity=".5"/><stop offset=".85" stop-color="%s"/></linearGradient>`+"\n",
				pair[0], pair[1], css(s.chordColour(pair[0])), css(s.chordColour(pair[1])))
		}
		if k.loop {
			continue
		}
		a, b := k.curve[0], k.curve[5]
		s.printf(`<linearGradient id="c%d" gradientUnits="userSpaceOnUse" x1="%d" y1="%d" x2="%d" y2="%d" xlink:href="#s%d%d"/>`+"\n",
			i, tenths(a.x), tenths(a.y), tenths(b.x), tenths(b.y), pair[0], pair[1])
	}
	s.printf("</defs>\n")
	for i := range chords {
		k := &chords[i]
		stroke := fmt.Sprintf("url(#c%d)", i)
		if k.loop {
			stroke = css(s.chordColour(k.hueOf(k.to)))
		}
		s.printf(`<path stroke="%s" stroke-width="%s" stroke-opacity="%s" d="`, stroke, decimals(k.width*10), decimals(s.opacity(k.shineAt(0.85))))
		s.path(&k.curve, 0, 1, 4)
		s.printf(`"><title>%s</title></path>`+"\n", escaped(k.note))
	}
}

// A half is half of a chord: the caller's or the callee's.
type half struct {
	level, width, hue int
	chord             int
	second            bool
}

// halfChords draws the halves of chords by opacity, width and hue, the faintest
// first, so that the three are written once for many.
func (s *svgWriter) halfChords(chords []ink) {
	halves := make([]half, 0, 2*len(chords))
	for i := range chords {
		k := &chords[i]
		w := nearest(widths[:], k.width)
		halves = append(halves,
			half{nearest(levels[:], s.opacity(k.shineAt(0.2))), w, k.hueOf(k.from), i, false},
			half{nearest(levels[:], s.opacity(k.shineAt(0.8))), w, k.hueOf(k.to), i, true})
	}
	style := func(h half) int { return (h.level*len(widths)+h.width)*(hueCount+1) + h.hue }
	slices.SortStableFunc(halves, func(a, b half) int { return style(a) - style(b) })
	open := -1
	for _, h := range halves {
		if style(h) != open {
			if open >= 0 {
				s.printf("</g>\n")
			}
			open = style(h)
			s.printf("<g class=\"l%d w%d h%d\">\n", h.level, h.width, h.hue)
		}
		from, to := 0.0, 0.5
		if h.second {
			from, to = 0.5, 1
		}
		s.out.WriteString(`<path d="`)
		s.path(&chords[h.chord].curve, from, to, 1)
		s.out.WriteString("\"/>\n")
	}
	if open >= 0 {
		s.printf("</g>\n")
	}
}

// path writes a part of a chord as cubic pieces, in tenths.
func (s *svgWriter) path(c *chord, from, to float64, pieces int) {
	p := c.at(from)
	x, y := tenths(p.x), tenths(p.y)
	s.out.WriteByte('M')
	s.number(x, true)
	s.number(y, false)
	step := (to - from) / float64(pieces)
	for i := range pieces {
		t := from + float64(float64(i)*step)
		q := c.at(t + step)
		d, e := c.slope(t), c.slope(t+step)
		k := step / 3
		s.out.WriteByte('c')
		s.number(tenths(p.x+float64(d.x*k))-x, true)
		s.number(tenths(p.y+float64(d.y*k))-y, false)
		s.number(tenths(q.x-float64(e.x*k))-x, false)
		s.number(tenths(q.y-float64(e.y*k))-y, false)
		s.number(tenths(q.x)-x, false)
		s.number(tenths(q.y)-y, false)
		p, x, y = q, tenths(q.x), tenths(q.y)
	}
}

// number writes a whole number, apart from the one before it.
func (s *svgWriter) number(n int, first bool) {
	if !first && n >= 0 {
		s.out.WriteByte(' ')
	}
	s.num = strconv.AppendInt(s.num[:0], int64(n), 10)
	s.out.Write(s.num)
}

func tenths(v float64) int { return int(math.Floor(float64(v*10) + 0.5)) }

// ringGroup draws arcs with their sectors.
func (s *svgWriter) ringGroup() {
	thick := max(band*s.zoom, 2.5)
	s.printf("<g>\n")
	for i := range s.arcs {
		r := &s.arcs[i]
		s.printf(`<g><title>%s</title><path style="fill:url(#sector%d)" d="`, escaped(r.note), r.hue)
		s.arcPath(r.arc, float64(outer*s.zoom)-thick-s.zoom, true)
		s.arcPath(r.arc, s.sector, false)
		s.printf(`Z"/><path class="h%d" stroke-width="%s" stroke-opacity="%s" d="`, r.hue, decimals(thick), decimals(float64(s.theme.bandAlpha)))
		s.arcPath(r.arc, float64(outer*s.zoom)-float64(thick/2), true)
		s.printf("\"/></g>\n")
	}
	s.printf("</g>\n")
}

// arcPath writes an arc, clockwise from a new place or back from the last one.
func (s *svgWriter) arcPath(a arc, radius float64, clockwise bool) {
	p, q := polar(a.start(), radius), polar(a.end(), radius)
	start, sweep, large := 'M', 1, 0
	if !clockwise {
		p, q, start, sweep = q, p, 'L', 0
	}
	if a.span > math.Pi {
		large = 1
	}
	s.printf("%c%s %sA%s %s 0 %d %d %s %s", start, decimals(s.centre.x+p.x), decimals(s.centre.y+p.y),
		decimals(radius), decimals(radius), large, sweep, decimals(s.centre.x+q.x), decimals(s.centre.y+q.y))
}

// rankSteps is how many steps of opacity services have.
const rankSteps = 6

// markGroup draws the services.
func (s *svgWriter) markGroup() {
	s.printf("<g>\n")
	for i := range s.marks {
		m := &s.marks[i]
		look, halo := "f"+strconv.Itoa(m.hue), ""
		switch {
		case m.errors > failing:
			look, halo = "fx", fmt.Sprintf(`<circle cx="%s" cy="%s" r="%s" style="fill:url(#bad)"/>`, decimals(m.at.x), decimals(m.at.y), decimals(float64(m.radius*2)+14))
		case m.errors > degraded:
			look, halo = "fw", fmt.Sprintf(`<circle cx="%s" cy="%s" r="%s" style="fill:url(#warn)"/>`, decimals(m.at.x), decimals(m.at.y), decimals(float64(m.radius*1.8)+8))
		case m.plain:
			look = "fs"
		}
		s.printf("%s", halo)
		s.mark(m, fmt.Sprintf("%s k%d", look, int(float64(m.rank*rankSteps)+0.5)))
	}
	s.printf("</g>\n")
}

func (s *svgWriter) mark(m *mark, class string) {
	title, r := "", m.radius
	if m.note != "" {
		title = "<title>" + escaped(m.note) + "</title>"
	}
	x, y := m.at.x, m.at.y
	n := func(v float64) string { return decimals(v) }
	shape := "path"
	switch kind := m.kind; {
	case r < 2.5 || kind == graph.Service || kind == graph.External:
		shape = "circle"
		s.printf(`<circle class="%s" cx="%s" cy="%s" r="%s"`, class, n(x), n(y), n(max(r, 0.5)-s.inset(m)))
		if kind == graph.External && r >= 2.5 {
			s.printf(` style="fill-opacity:0;stroke-width:%s;stroke:%s"`, n(float64(r*0.4)), css(s.theme.colourOf(m)))
		} else if r <= 4 {
			s.printf(` stroke="none" style="stroke:none"`)
		}
	case kind == graph.Database:
		w, h, lid := float64(r*0.9), float64(r*0.72), float64(r*0.34)
		s.printf(`<path class="%s" d="M%s %sA%s %s 0 0 1 %s %sV%sA%s %s 0 0 1 %s %sZM%s %sA%s %s 0 0 1 %s %s"`, class,
			n(x-w), n(y-h), n(w), n(lid), n(x+w), n(y-h), n(y+h), n(w), n(lid), n(x-w), n(y+h), n(x+w), n(y-h), n(w), n(lid), n(x-w), n(y-h))
	case kind == graph.Messaging:
		d := float64(r * 1.28)
		s.printf(`<path class="%s" d="M%s %sL%s %sL%s %sL%s %sZ"`, class, n(x), n(y-d), n(x+d), n(y), n(x), n(y+d), n(x-d), n(y))
	default:
		head, w, neck, low := float64(r*0.46), float64(r*0.95), y-float64(r*0.5), y+float64(r*0.95)
		s.printf(`<path class="%s" style="stroke:none" d="M%s %sA%s %s 0 1 1 %s %sA%s %s 0 1 1 %s %sZM%s %sA%s %s 0 0 1 %s %sZ"`, class,
			n(x-head), n(neck), n(head), n(head), n(x+head), n(neck), n(head), n(head), n(x-head), n(neck),
			n(x-w), n(low), n(w), n(r*0.85), n(x+w), n(low))
	}
	if title == "" {
		s.printf("/>\n")
		return
	}
	s.printf(">%s</%s>\n", title, shape)
}

// inset is how far the outline of a circle lies within it.
func (s *svgWriter) inset(m *mark) float64 {
	switch {
	case m.radius <= 4:
		return 0
	case m.kind == graph.External:
		return m.radius * 0.18
	}
	return 0.5
}

func (s *svgWriter) lineGroup() {
	s.printf("<g class=\"line\">\n")
	for _, l := range s.lines {
		s.printf(`<path class="h%d" d="`, l.tone-toneHue)
		s.polyline(l.points)
		s.printf("\"/>\n")
	}
	s.printf("</g>\n")
}

func (s *svgWriter) polyline(points []point) {
	for i, p := range points {
		start := 'L'
		if i == 0 {
			start = 'M'
		}
		s.printf("%c%s %s", start, decimals(p.x), decimals(p.y))
	}
}

func (s *svgWriter) pillGroup() {
	s.printf("<g>\n")
	for i := range s.pills {
		b := &s.pills[i]
		s.printf(`<g class="q%d"><path d="`, [...]int{toneInk: 0, toneSub: 0, toneWarn: 1, toneBad: 2}[b.tone])
		s.polyline([]point{b.from, b.middle()})
		s.printf(`"/><rect x="%s" y="%s" width="%s" height="%s" rx="%s"/><text class="m" font-size="%s" x="%s" y="%s">%s</text></g>`+"\n",
			decimals(b.x), decimals(b.y), decimals(b.w), decimals(b.h), decimals(b.h/2), decimals(pillSize),
			decimals(b.middle().x), decimals(b.middle().y+4), escaped(b.text))
	}
	s.printf("</g>\n")
}

// toneClass is the class of a text's colour.
func toneClass(o tone) string {
	switch o {
	case toneInk:
		return ""
	case toneSub:
		return "s"
	case toneWarn:
		return "w"
	case toneBad:
		return "x"
	}
	return "n" + strconv.Itoa(int(o-toneHue))
}

func (s *svgWriter) textGroup() {
	s.printf("<g>\n")
	for i := range s.texts {
		t := &s.texts[i]
		anchor := [...]string{` class="e"`, ` class="m"`, ""}[t.side+1]
		s.printf(`<text%s font-size="%s" x="%s" y="%s" xml:space="preserve">`, anchor, decimals(t.size), decimals(t.at.x), decimals(t.at.y))
		for _, part := range t.pieces {
			class := toneClass(part.tone)
			if part.bold {
				class += " b"
			}
			if class == "" {
				s.printf("%s", escaped(part.text))
			} else {
				s.printf(`<tspan class="%s">%s</tspan>`, class, escaped(part.text))
			}
		}
		s.printf("</text>\n")
	}
	s.printf("</g>\n")
}
