package star

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"graphctl/graph"
)

// Sizes of text and what surrounds it, in norm pixels.
const (
	nameSize    = 13
	figureSize  = 11
	headingSize = 11.5
	pillSize    = 11.5
	pillHeight  = 21
	leaderRoom  = 50 // from the rim of the star to the text of a label, and some air
	edge        = 12 // kept free at the top and at the bottom
	marginY     = 44
	spare       = 1.2 // other typefaces than the built-in one are wider
	maxLabel    = 30  // runes of a group's name
	maxName     = 34  // of a service's
	maxPill     = 28
	maxLabels   = 160
	pillRoom    = 34 // of the radius for each pill, lest they cover the star
)

// fit chooses the zoom so that the star and its labels fill the picture.
func (d *drafter) fit() {
	room := float64(d.height/2) - marginY
	take := func(angle, width float64) {
		room = min(room, (float64(d.width/2)-width-leaderRoom)/max(0.6, math.Abs(math.Cos(angle))))
	}
	if d.small {
		for i := range d.f.services {
			take(d.l.spots[i].angle, d.serviceWidth(i, true))
		}
	} else {
		for i := range d.f.groups {
			take(d.l.arcs[i].middle, d.groupWidth(i))
		}
	}
	d.zoom = max(room, d.width*0.22) / outer
}

func (d *drafter) frame() frame {
	return frame{width: d.width, height: d.height, centre: d.centre, radius: float64(outer*d.zoom) + 3, top: edge, bottom: edge}
}

// figures is the second line of a label.
func (d *drafter) figures(text string, errors, red float64) []piece {
	pieces := []piece{{text: text, tone: toneSub}}
	if errors > showErrors {
		t := toneWarn
		if errors > red {
			t = toneBad
		}
		pieces = append(pieces, piece{text: " · ", tone: toneSub}, piece{text: percentText(errors) + " err", tone: t, bold: true})
	}
	return pieces
}

func (d *drafter) widthOf(pieces []piece, size float64) float64 {
	w := 0.0
	for _, p := range pieces {
		w += d.faces.of(p.bold).width(p.text, size)
	}
	return w
}

func (d *drafter) groupLines(i int) (name, figures []piece) {
	g := &d.f.groups[i]
	return []piece{{text: short(g.name, maxLabel), bold: true}},
		d.figures(fmt.Sprintf("%s svc · %s/s", countText(g.count), rateText(g.rate)), g.errors, redErrors)
}

func (d *drafter) serviceLines(i int) (name, figures []piece) {
	s := &d.f.services[i]
	t := "silent"
	switch {
	case s.flow() > 0:
		t = rateText(s.flow()) + "/s"
	case s.out > 0:
		t = "calls " + rateText(s.out) + "/s"
	}
	return []piece{{text: short(s.label, maxName), bold: true}}, d.figures(t, s.errors, failing)
}

func (d *drafter) groupWidth(i int) float64 {
	name, figures := d.groupLines(i)
	return float64(spare*max(d.widthOf(name, nameSize), d.widthOf(figures, figureSize))) + 4
}

func (d *drafter) serviceWidth(i int, two bool) float64 {
	name, figures := d.serviceLines(i)
	a, b := d.widthOf(name, nameSize), d.widthOf(figures, figureSize)
	if two {
		return float64(spare*max(a, b)) + 4
	}
	return float64(spare*(a+b)) + 14
}

// drawNames puts the names around the star, and those of the services that
// matter most beside them.
func (d *drafter) drawNames() {
	if d.small {
		d.drawServiceNames()
		return
	}
	var anchors []anchor
	order := sortedBy(len(d.f.groups), func(a, b int) int { return cmp.Compare(d.f.groups[b].rate, d.f.groups[a].rate) })
	order = order[:min(len(order), maxLabels)]
	pitch := 36.0
	if len(order) > 48 {
		pitch = 30
	}
	for _, i := range order {
		g := &d.f.groups[i]
		anchors = append(anchors, anchor{
			ref: i, angle: d.l.arcs[i].middle, height: pitch, width: d.groupWidth(i), weight: g.rate + float64(float64(g.count)*1e-3),
		})
	}
	var blocked []box
	for _, p := range placeLabels(anchors, d.frame()) {
		name, figures := d.groupLines(p.ref)
		d.label(p, name, figures, d.f.groups[p.ref].hue, true)
		b := box{p.at.x, p.at.y - 15, d.groupWidth(p.ref), 30}
		if !p.right {
			b.x -= b.w
		}
		blocked = append(blocked, b)
	}
	d.drawPills(blocked)
}

// label draws a label with its leader. With two lines the name stands above its
// figures, else before them.
func (d *drafter) label(p label, name, figures []piece, hue int, two bool) {
	d.lines = append(d.lines, line{points: p.leader, tone: toneHue + tone(hue)})
	side := 1
	if !p.right {
		side = -1
	}
	if two {
		d.texts = append(d.texts,
			text{at: point{p.at.x, p.at.y - 3}, size: nameSize, side: side, pieces: name},
			text{at: point{p.at.x, p.at.y + 11}, size: figureSize, side: side, pieces: figures})
		return
	}
	first, second := d.widthOf(name, nameSize), d.widthOf(figures, figureSize)
	atName, atFigures := p.at.x, p.at.x+first+8
	if !p.right {
		atName, atFigures = p.at.x-second-8, p.at.x
	}
	d.texts = append(d.texts,
		text{at: point{atName, p.at.y + 4}, size: nameSize, side: side, pieces: name},
		text{at: point{atFigures, p.at.y + 4}, size: figureSize, side: side, pieces: figures})
}

// drawServiceNames names every service of a small star; groups of three and
// more have a heading above theirs.
func (d *drafter) drawServiceNames() {
	perSide := float64(float64(len(d.f.services))/2) + 2
	pitch, room := 18.0, d.height-2*edge
	if perSide*36 < room {
		pitch = 36
	} else if perSide*31 < room {
		pitch = 31
	}
	two := pitch > 18
	var anchors []anchor
	for i := range d.f.services {
		anchors = append(anchors, anchor{
			ref: i, angle: d.l.spots[i].angle, height: pitch, width: d.serviceWidth(i, two), weight: d.f.services[i].traffic,
		})
	}
	for i, g := range d.f.groups {
		if g.count < 3 || g.kind != graph.Service {
			continue
		}
		width := d.faces.bold.width(short(g.name, maxLabel), headingSize) + 4
		anchors = append(anchors, anchor{ref: -1 - i, angle: topOf(d.l.arcs[i]), height: 26, width: width, weight: math.Inf(1)})
	}
	for _, p := range placeLabels(anchors, d.frame()) {
		if p.ref >= 0 {
			name, figures := d.serviceLines(p.ref)
			d.label(p, name, figures, d.f.groups[d.f.services[p.ref].group].hue, two)
			continue
		}
		g := &d.f.groups[-1-p.ref]
		side := 1
		if !p.right {
			side = -1
		}
		d.lines = append(d.lines, line{points: p.leader, tone: toneHue + tone(g.hue)})
		d.texts = append(d.texts, text{
			at: point{p.at.x, p.at.y + 4}, size: headingSize, side: side,
			pieces: []piece{{text: short(g.name, maxLabel), tone: toneHue + tone(g.hue), bold: true}},
		})
	}
}

// topOf is the highest point of an arc: one of its ends, drawn in a little.
func topOf(a arc) float64 {
	first, last := a.start()+0.01, a.end()-0.01
	if math.Sin(first) < math.Sin(last) {
		return first
	}
	return last
}

// drawPills names the services that fail, then those called most.
func (d *drafter) drawPills(blocked []box) {
	bad := d.f.attention()
	list := slices.Clone(bad[:min(len(bad), 6)])
	for _, i := range d.f.talkers(60) {
		if !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	anchors := make([]pillAnchor, len(list))
	for ref, i := range list {
		width := d.faces.regular.width(short(d.f.services[i].label, maxPill), pillSize) + 22
		at := d.on(d.l.spots[i].x, d.l.spots[i].y)
		anchors[ref] = pillAnchor{ref: ref, at: at, radius: d.radii[i], width: width, height: pillHeight}
	}
	count := 12
	if len(d.f.services) <= 500 {
		count = 20
	}
	count = min(count, int(outer*d.zoom/pillRoom))
	for _, p := range placePills(anchors, d.frame(), count, blocked) {
		s := &d.f.services[list[p.ref]]
		look := toneInk
		switch {
		case s.errors > failing:
			look = toneBad
		case s.errors > degraded:
			look = toneWarn
		}
		d.pills = append(d.pills, pill{box: p.box, from: p.from, tone: look, text: short(s.label, maxPill)})
	}
}
