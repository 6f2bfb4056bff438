package star

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"graphctl/graph"
)

// Size of a picture unless asked for otherwise, in pixels. It is also the size
// in which everything is measured: others are scaled, text included.
const (
	normWidth  = 1600
	normHeight = 1200
)

// Failed shares above which a service counts as degraded and as failing; a
// name has its error figure above showErrors, red above redErrors.
const (
	degraded   = 0.025
	failing    = 0.1
	showErrors = 0.008
	redErrors  = 0.02
)

// A picture is everything to draw, in norm pixels of a width and height; the
// writers differ only in what they make of it.
type picture struct {
	faces         *faces
	theme         *theme
	width, height float64 // norm pixels
	scale         float64 // pixels in one of them
	centre        point
	zoom          float64 // norm pixels in a unit of the layout
	sector        float64 // inner radius of the sectors
	glow          float32 // share of the theme's bloom
	segments      int     // a chord is drawn in
	cometsPerCall float64 // of full weight
	cometSize     float64
	chords        []ink // the heaviest last
	arcs          []ring
	marks         []mark // the topmost last
	lines         []line
	pills         []pill
	texts         []text
	total         int // calls of the fleet, drawn or not
	title, note   string
}

// An ink is a chord with its looks.
type ink struct {
	curve    chord
	weight   float64 // 0 to 1, by its rate
	errors   float64
	failing  float64 // how red it is, 0 to 1
	from, to int     // hues
	width    float64
	gain     float64 // brightness in its middle
	call     int     // number of the call, which its comets depend on
	loop     bool    // from a service to itself
	note     string  // of the few calls that have a tooltip
}

// A ring is the arc of a group.
type ring struct {
	arc
	hue  int
	note string
}

// A mark is a service, or a sample of one in the legend.
type mark struct {
	at     point
	radius float64
	kind   graph.NodeKind
	hue    int
	errors float64
	rank   float64 // 0 to 1: how strongly it shows
	plain  bool    // of the legend: grey
	note   string
}

// A line is a leader.
type line struct {
	points []point
	tone   tone
}

// A pill is the name of a service in a rounded box beside it.
type pill struct {
	box
	from point // the rim of the service
	tone tone
	text string
}

func (b *pill) middle() point { return point{b.x + float64(b.w/2), b.y + float64(b.h/2)} }

// A text is one line of text in pieces. A side of −1 ends at x, 0 has its
// middle there, 1 begins there.
type text struct {
	at     point // y is the base line
	size   float64
	side   int
	pieces []piece
}

type piece struct {
	text string
	tone tone
	bold bool
}

// A drafter makes a picture.
type drafter struct {
	*picture
	f     *fleet
	l     *layout
	small bool
	radii []float64 // of the services, in norm pixels
}

// draft lays out g and says how everything looks.
func draft(g *graph.Graph, t *theme, faces *faces, width, height int) *picture {
	f := newFleet(g)
	scale := min(float64(width)/normWidth, float64(height)/normHeight)
	d := drafter{
		picture: &picture{
			faces: faces, theme: t, width: float64(width) / scale, height: float64(height) / scale, scale: scale, total: len(f.calls),
		},
		f: f, l: layOut(f), small: len(f.services) <= smallFleet,
	}
	d.centre = point{d.width / 2, d.height / 2}
	d.fit()
	d.measure()
	d.drawArcs()
	d.drawChords()
	d.drawMarks()
	d.drawNames()
	d.drawTitle(g)
	d.drawLegend()
	return d.picture
}

// on is where a point of the layout lies.
func (p *picture) on(x, y float64) point {
	return point{p.centre.x + float64(x*p.zoom), p.centre.y + float64(y*p.zoom)}
}

func (d *drafter) drawArcs() {
	inset := 14.0
	if d.small {
		inset = 26
	}
	d.sector = (d.l.inner - inset) * d.zoom
	for i, g := range d.f.groups {
		note := fmt.Sprintf("%s: %s, %s calls/s, %s errors", g.name, countText(g.count)+plural(" service", g.count), rateText(g.rate), percentText(g.errors))
		d.arcs = append(d.arcs, ring{arc: d.l.arcs[i], hue: g.hue, note: note})
	}
}

// weightSteps is how finely the weights of chords are told apart, so that the
// last digits of logarithms do not reach the picture.
const weightSteps = 1 << 12

// maxLift bounds by how much rates are multiplied before the logarithm is
// taken, so that one call a day does not make all others look alike.
const maxLift = 1000

// weights returns the weight of each call: 0 to 1 by the logarithm of its rate.
// Where there is less than a call a second, the rarest call counts as one.
func weights(calls []call) []float64 {
	most, least := 0.0, math.Inf(1)
	for i := range calls {
		most = max(most, calls[i].rate)
		if calls[i].rate > 0 {
			least = min(least, calls[i].rate)
		}
	}
	lift := min(max(1, 1/least), maxLift)
	top := math.Log1p(most * lift)
	few := 0.0
	switch {
	case len(calls) <= 300:
		few = 0.22
	case len(calls) <= 2000:
		few = 0.08
	}
	w := make([]float64, len(calls))
	for i := range calls {
		if calls[i].rate <= 0 {
			continue
		}
		part := math.Pow(math.Log1p(calls[i].rate*lift)/top, 1.5)
		w[i] = math.Floor(float64((few+float64((1-few)*part))*weightSteps)+0.5) / weightSteps
	}
	return w
}

// A look says how bright and wide chords are, for so many of them: the fewer,
// the more each may show.
type look struct {
	gain, floor, width, inside float64
	glow                       float32
	segments                   int
	comets, cometSize          float64
}

func lookOf(services, calls, groups int) look {
	n := max(1, float64(calls))
	l := look{gain: min(0.46, 0.082*math.Sqrt(10_000/n)), inside: 0.42}
	if n > 10_000 {
		l.gain = 0.082 * math.Pow(10_000/n, 0.64)
	}
	switch {
	case services <= 30:
		l.floor, l.width, l.glow, l.segments, l.comets, l.cometSize = 0.5, 2.1, 0.6, 64, 7, 1.7
	case services <= smallFleet:
		l.floor, l.width, l.glow, l.segments, l.comets, l.cometSize = 0.4, 1.7, 0.6, 56, 7, 1.4
	case services <= 500:
		l.floor, l.width, l.glow, l.segments, l.comets, l.cometSize = 0.2, 1.25, 0.85, 48, 5, 1
	case services <= 2000:
		l.floor, l.width, l.glow, l.segments, l.comets, l.cometSize = 0.13, 1, 1, 36, 4, 1
	default:
		l.floor, l.width, l.glow, l.segments, l.comets, l.cometSize = 0.13, 0.8, 1, 24, 4, 1
	}
	if groups <= 3 || services <= smallFleet {
		l.inside = 1
	}
	return l
}

func (d *drafter) drawChords() {
	look := lookOf(len(d.f.services), len(d.f.calls), len(d.f.groups))
	b := bundleOf(d.l.inner, len(d.f.services))
	w := weights(d.f.calls)
	d.glow, d.segments, d.cometsPerCall, d.cometSize = look.glow, look.segments, look.comets, look.cometSize
	d.chords = make([]ink, 0, len(w))
	for _, i := range sortedBy(len(w), func(a, b int) int { return cmp.Compare(w[a], w[b]) }) {
		c := &d.f.calls[i]
		k := ink{
			curve: b.chordOf(d.l, c.from, c.to), weight: w[i], errors: c.errors, call: i, loop: c.from == c.to,
			failing: smooth(degraded*0.4, failing*1.2, c.errors),
		}
		for p := range k.curve {
			k.curve[p] = snap(d.on(k.curve[p].x, k.curve[p].y))
		}
		from, to := d.f.services[c.from].group, d.f.services[c.to].group
		k.from, k.to = d.f.groups[from].hue, d.f.groups[to].hue
		inside := 1.15
		if from == to {
			inside = look.inside
		}
		square := float64(w[i] * w[i])
		k.width = (0.55 + float64(1.9*square)) * look.width
		k.gain = look.gain * (look.floor + float64(2.4*square*w[i])) * (1 + float64(k.failing*2.4)) * inside * float64(d.theme.chordGain)
		if len(w) <= maxGradients {
			k.note = fmt.Sprintf("%s → %s (%s): %s/s, %s errors", d.f.services[c.from].id, d.f.services[c.to].id, c.kind, rateText(c.rate), percentText(c.errors))
		}
		d.chords = append(d.chords, k)
	}
	d.expose()
}

// maxLight is how much light the disc of a star may hold for each square pixel
// before chords are dimmed. A fleet where few calls are busy stays below it;
// where all are alike the star would be one white disc.
const maxLight = 0.25

// expose dims the chords of a star that would be too bright.
func (d *drafter) expose() {
	light := 0.0
	for i := range d.chords {
		k := &d.chords[i]
		length, before := 0.0, k.curve[0]
		for j := 1; j <= 8; j++ {
			p := k.curve.at(float64(j) / 8)
			length += hypot(p.x-before.x, p.y-before.y)
			before = p
		}
		light += float64(k.gain * k.width * length)
	}
	radius := d.l.inner * d.zoom
	light /= math.Pi * radius * radius
	if light <= maxLight {
		return
	}
	for i := range d.chords {
		d.chords[i].gain *= maxLight / light
	}
}

// snapSteps divides a norm pixel: places are rounded to it, so that the last
// digits of sines, which differ between machines, do not reach the picture.
const snapSteps = 1 << 10

func snap(p point) point {
	return point{math.Floor(float64(p.x*snapSteps)+0.5) / snapSteps, math.Floor(float64(p.y*snapSteps)+0.5) / snapSteps}
}

// measure computes how large the services are. The circles of a small star
// keep their size when the picture leaves it little room.
func (d *drafter) measure() {
	most := 0.0
	for i := range d.f.services {
		if s := &d.f.services[i]; s.kind != graph.User {
			most = max(most, s.traffic)
		}
	}
	enlarge := 1.0
	if d.small {
		enlarge = min(2.5, max(1, 1/d.zoom))
	}
	for i := range d.f.services {
		r := radiusOf(d.f.services[i].traffic, most, len(d.f.services), d.l.spots[i].room/enlarge)
		d.radii = append(d.radii, r*enlarge*d.zoom)
	}
}

// drawMarks puts the services on the ring, the busiest on top.
func (d *drafter) drawMarks() {
	order := sortedBy(len(d.f.services), func(a, b int) int { return cmp.Compare(d.f.services[a].traffic, d.f.services[b].traffic) })
	for place, i := range order {
		s := &d.f.services[i]
		rank := 1.0
		switch part := float64(place) / float64(len(order)); {
		case !d.small:
			rank = part * math.Sqrt(part)
		case s.traffic <= 0:
			rank = 0.35
		}
		m := mark{at: snap(d.on(d.l.spots[i].x, d.l.spots[i].y)), kind: s.kind, hue: d.f.groups[s.group].hue, errors: s.errors, note: s.note()}
		m.radius, m.rank = snap(point{d.radii[i], 0}).x, snap(point{rank, 0}).x
		d.marks = append(d.marks, m)
	}
}

func (s *service) note() string {
	note := fmt.Sprintf("%s (%s): %s/s in, %s/s out", s.id, s.kind, rateText(s.rate), rateText(s.out))
	if s.errors > 0 {
		note += ", " + percentText(s.errors) + " errors"
	}
	return note
}

// attention lists the services that fail, those first where most calls do.
func (f *fleet) attention() []int {
	var list []int
	for i := range f.services {
		if f.services[i].errors > failing {
			list = append(list, i)
		}
	}
	weight := func(i int) float64 { return f.services[i].rate * min(0.5, f.services[i].errors) }
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(weight(b), weight(a)) })
	return list
}

// talkers lists the services that are called most, users aside, n at most.
func (f *fleet) talkers(n int) []int {
	var list []int
	for i := range f.services {
		if s := &f.services[i]; s.rate > 0 && s.kind != graph.User {
			list = append(list, i)
		}
	}
	slices.SortStableFunc(list, func(a, b int) int { return cmp.Compare(f.services[b].rate, f.services[a].rate) })
	return list[:min(n, len(list))]
}
