package star

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"graphctl/graph"
	"graphctl/graph/export"
)

// Labels never overlap and stay inside, however many there are; the heaviest
// stay when not all fit.
func TestLabels(t *testing.T) {
	f := frame{width: 1200, height: 900, centre: point{600, 450}, radius: 320, top: 20, bottom: 20}
	random := rand.New(rand.NewPCG(3, 3))
	for _, n := range []int{1, 5, 24, 60, 200} {
		var anchors []anchor
		for ref := range n {
			anchors = append(anchors, anchor{ref: ref, angle: random.Float64() * tau, height: 30, width: 90, weight: float64(ref)})
		}
		placed := placeLabels(anchors, f)
		if n <= 24 && len(placed) != n {
			t.Errorf("%d of %d labels are placed", len(placed), n)
		}
		for _, right := range []bool{false, true} {
			var ys []float64
			for _, p := range placed {
				if p.right == right {
					ys = append(ys, p.at.y)
				}
			}
			slices.Sort(ys)
			for i, y := range ys {
				if y < 35-1e-6 || y > 865+1e-6 || i > 0 && y-ys[i-1] < 30-1e-6 {
					t.Fatalf("%d labels: places %v", n, ys)
				}
			}
		}
	}
	var same []anchor
	for ref := range 100 {
		same = append(same, anchor{ref: ref, height: 30, width: 90, weight: float64(ref)})
	}
	placed := placeLabels(same, f)
	for _, p := range placed {
		if p.ref < 100-len(placed) {
			t.Errorf("label %d stays, though only the %d heaviest fit", p.ref, len(placed))
		}
	}
}

// Pills overlap neither each other nor what is blocked, and are at most so many.
func TestPills(t *testing.T) {
	f := frame{width: 1000, height: 800, centre: point{500, 400}, radius: 300}
	random := rand.New(rand.NewPCG(9, 9))
	var anchors []pillAnchor
	for ref := range 300 {
		p := polar(random.Float64()*tau, 300)
		anchors = append(anchors, pillAnchor{ref: ref, at: point{500 + p.x, 400 + p.y}, radius: 5, width: 60 + 60*random.Float64(), height: 20})
	}
	blocked := box{480, 380, 300, 40}
	placed := placePills(anchors, f, 12, []box{blocked})
	if len(placed) != 12 {
		t.Fatalf("%d pills", len(placed))
	}
	for i, p := range placed {
		if p.overlaps(blocked, 0) || slices.ContainsFunc(placed[i+1:], func(o pillPlace) bool { return p.overlaps(o.box, 0) }) {
			t.Errorf("%v overlaps", p)
		}
	}
}

// A stroke gives as much light at every angle, in one piece or in many: its
// width times its length.
func TestStrokeLight(t *testing.T) {
	const size, length, width = 200, 120.0, 3.0
	var cover []float32
	b := lineBrush(width, cover)
	for degrees := 0; degrees < 360; degrees += 7 {
		for _, pieces := range []int{1, 2, 40} {
			way := polar(float64(degrees)*math.Pi/180, length)
			path := make([]vertex, pieces+1)
			for i := range path {
				at := float64(i)/float64(pieces) - 0.5
				path[i] = vertex{float32(size/2 + way.x*at), float32(size/2 + way.y*at), white}
			}
			l := newLightMap(0, 0, size, size)
			l.stroke(path, b)
			sum := 0.0
			for i, v := range l.sum {
				sum += float64(v) / 3
				if v > 1.0001 {
					t.Fatalf("%d°, %d pieces: value %d is %v: pieces overlap", degrees, pieces, i, v)
				}
			}
			if sum < 0.97*length*width || sum > 1.03*length*width {
				t.Errorf("%d°, %d pieces: %.1f of light, want %.1f", degrees, pieces, sum, length*width)
			}
		}
	}
}

// A bend neither shines nor gapes: no pixel has more light than a straight
// stroke gives, and the middle of the path has all of it.
func TestStrokeBend(t *testing.T) {
	var path []vertex
	for i := range 41 {
		p := polar(float64(i)/40*math.Pi, 60)
		path = append(path, vertex{float32(100 + p.x), float32(40 + p.y), white})
	}
	l := newLightMap(0, 0, 200, 120)
	l.stroke(path, lineBrush(5, nil))
	for i, v := range l.sum {
		if v > 1.0001 {
			t.Fatalf("value %d is %v", i, v)
		}
	}
	for i := range 400 {
		p := polar((0.01+0.98*float64(i)/400)*math.Pi, 59.9)
		if v := l.sum[3*(int(40+p.y)*200+int(100+p.x))]; v < 0.999 {
			t.Fatalf("%d/400 of the way there is only %v", i, v)
		}
	}
}

// Blurring spreads light and keeps its sum.
func TestBlurKeepsLight(t *testing.T) {
	total := func(l *lightMap) (sum float64) {
		for _, v := range l.sum {
			sum += float64(v)
		}
		return sum
	}
	l := newLightMap(0, 0, 64, 64)
	for c := range 3 {
		l.sum[3*(32*64+32)+c] = 100
	}
	l.blur()
	if got := total(l); math.Abs(got-300) > 1 {
		t.Errorf("blurred: %v of 300", got)
	}
	across, down := l.sum[3*(32*64+35)], l.sum[3*(35*64+32)]
	if l.sum[3*(32*64+32)] > 10 || across == 0 || math.Abs(float64(across-down)) > 1e-6 {
		t.Errorf("not spread evenly: %v across, %v down", across, down)
	}
	h := l.halved()
	if got := total(h) * 4; math.Abs(got-300) > 1 {
		t.Errorf("halved: %v of 300", got)
	}
	back := newLightMap(0, 0, 64, 64)
	back.addDoubled(h, 1)
	if got := total(back); math.Abs(got-300) > 1 {
		t.Errorf("doubled: %v of 300", got)
	}
}

// The tone curve keeps order and hue: more light is never darker, and the
// strongest channel stays the strongest.
func TestToneCurves(t *testing.T) {
	bright, ink := newToneCurve(), newInkCurve()
	last, lastInk := float32(0), float32(1)
	for i := 1; i < 100; i++ {
		c := colour{0.2, 0.6, 1}.times(float32(i) * 0.1)
		got, paper := bright.apply(colour{}, c), ink.apply(white, c)
		if got.b < last-1e-3 || got.b > 1.001 || got.r > got.g || got.g > got.b {
			t.Fatalf("light %v gives %v after blue %v", c, got, last)
		}
		if paper.b > lastInk+1e-3 || paper.b < 0 || paper.r < paper.g || paper.g < paper.b {
			t.Fatalf("ink %v gives %v after blue %v", c, paper, lastInk)
		}
		last, lastInk = got.b, paper.b
	}
}

func TestExpNeg(t *testing.T) {
	for x := 0.0; x < 40; x += 0.0371 {
		if got, want := expNeg(x), math.Exp(-x); math.Abs(got-want) > 1e-13*want {
			t.Fatalf("%v: %v, want %v", x, got, want)
		}
	}
}

// A glyph covers what its outline encloses, and no hole in it.
func TestGlyphCoverage(t *testing.T) {
	square := sfnt.Segments{move(64, 64), lineTo(320, 64), lineTo(320, 320), lineTo(64, 320)}
	hole := sfnt.Segments{move(128, 128), lineTo(128, 256), lineTo(256, 256), lineTo(256, 128)}
	for _, shift := range []int{0, 16, 48} {
		m := newMask(append(slices.Clone(square), hole...), shift)
		sum := 0
		for _, c := range m.cover {
			sum += int(c)
		}
		if want := (16 - 4) * fullCoverage; sum != want {
			t.Errorf("shifted by %d: coverage %d, want %d", shift, sum, want)
		}
	}
	if m := newMask(nil, 0); m.width != 0 {
		t.Error("a space covers something")
	}
}

func move(x, y int) sfnt.Segment { return segment(sfnt.SegmentOpMoveTo, x, y) }

func lineTo(x, y int) sfnt.Segment { return segment(sfnt.SegmentOpLineTo, x, y) }

func segment(op sfnt.SegmentOp, x, y int) sfnt.Segment {
	return sfnt.Segment{Op: op, Args: [3]fixed.Point26_6{{X: fixed.Int26_6(x), Y: fixed.Int26_6(y)}}}
}

// All shapes of services cover about the area of the circle.
func TestShapesCoverAlike(t *testing.T) {
	const r = 20.0
	for _, kind := range []graph.NodeKind{graph.Service, graph.Database, graph.Messaging, graph.User} {
		area := 0.0
		for x := -40.5; x < 40; x++ {
			for y := -40.5; y < 40; y++ {
				area += inside(outlineOf(kind, x, y, r))
			}
		}
		if part := area / (math.Pi * r * r); part < 0.6 || part > 1.25 {
			t.Errorf("%s covers %.2f of the circle", kind, part)
		}
	}
}

func TestTexts(t *testing.T) {
	for got, want := range map[string]string{
		rateText(0): "0", rateText(0.001): "<0.01", rateText(0.02): "0.02", rateText(3.44): "3.4", rateText(41): "41", rateText(1234): "1.2k",
		rateText(567_000): "567k", rateText(3_620_000): "3.62M", percentText(0): "0%", percentText(0.00005): "<0.01%",
		percentText(0.0006): "0.06%", percentText(0.025): "2.5%", percentText(0.41): "41%", countText(7): "7", countText(1234567): "1,234,567",
		short("abcdef", 4): "abc…", short("abcd", 4): "abcd", short("äöüß", 3): "äö…",
		decimals(0.5): ".5", decimals(-0.25): "-.25", decimals(12): "12", decimals(1.006): "1.01", decimals(-0.001): "0",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	day := graph.Instant(24 * time.Hour)
	for _, c := range []struct {
		to   graph.Instant
		want string
	}{
		{start + graph.Instant(15*time.Minute), "2026-01-01 10:00 to 10:15 UTC"},
		{start + graph.Instant(5*time.Second), "2026-01-01 10:00:00 to 10:00:05 UTC"},
		{start + day, "2026-01-01 10:00 to 2026-01-02 10:00 UTC"},
	} {
		if got := windowText(&graph.Graph{From: start, To: c.to}); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// Names have the order that browsers give them, by UTF-16.
func TestCompareNames(t *testing.T) {
	sorted := []string{"", "A", "a", "a/b", "ab", "é", "\U0001F695", "\ue000", "\uffee"}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := compareNames(a, b); got != cmp.Compare(i, j) {
				t.Errorf("%q and %q: %d", a, b, got)
			}
		}
	}
}

// Weights grow with rates, and tell them apart where all are below one a
// second.
func TestWeights(t *testing.T) {
	for _, unit := range []float64{0.001, 0.03, 1, 1000} {
		w := weights([]call{{rate: unit}, {rate: 10 * unit}, {rate: 60 * unit}, {rate: 0}})
		if w[2] != 1 || w[3] != 0 || w[0] <= 0 || w[0] >= w[1] || w[1] < 0.5 || w[1] > 0.9 {
			t.Errorf("rates of %v, ten and sixty times as much: weights %v", unit, w[:3])
		}
	}
}

// The services of a small star do not shrink when long names leave it little
// room.
func TestSmallStarKeepsSizes(t *testing.T) {
	drafted := func(suffix string) *picture {
		g := company()
		for i := range g.Nodes {
			g.Nodes[i].Name += suffix
		}
		p, err := newPicture(g, export.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	roomy, narrow := drafted(""), drafted(" with a name of many letters")
	if narrow.zoom >= 0.98 || roomy.zoom <= 1 {
		t.Fatalf("the names leave zooms of %v and %v", roomy.zoom, narrow.zoom)
	}
	for i, m := range roomy.marks {
		if got, want := narrow.marks[i].radius, m.radius/roomy.zoom; m.note != "" && math.Abs(got-want) > 0.01 {
			t.Errorf("%s has a radius of %v, want %v", m.note, got, want)
		}
	}
}
