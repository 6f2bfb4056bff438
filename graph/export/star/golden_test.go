package star

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"graphctl/graph"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixtures are the graphs whose layout both implementations are held to.
var fixtures = []struct {
	name string
	make func() *graph.Graph
}{
	{"pair", pair},
	{"company", company},
	{"mid", func() *graph.Graph { return large(200, 1000, 12) }},
	{"large", func() *graph.Graph { return large(2000, 10_000, 40) }},
}

// A goldenLayout is a graph and where everything of it lies, as the page's
// tests read it (ui/test/star.test.ts).
type goldenLayout struct {
	Seconds  float64 `json:"seconds"` // the window: a rate is calls divided by it
	Services struct {
		Namespace []string  `json:"namespace"`
		Name      []string  `json:"name"`
		Kind      []string  `json:"kind"`
		X         []rounded `json:"x"`
		Y         []rounded `json:"y"`
		Radius    []rounded `json:"radius"`
		Group     []int     `json:"group"`
		Gate      []int     `json:"gate"`
	} `json:"services"` // in the order of their names
	Calls struct {
		From  []int   `json:"from"`
		To    []int   `json:"to"`
		Count []int64 `json:"count"`
	} `json:"calls"`
	Groups struct {
		Name   []string  `json:"name"`
		Hue    []int     `json:"hue"`
		Middle []rounded `json:"middle"`
		Span   []rounded `json:"span"`
	} `json:"groups"`
	Inner  rounded `json:"inner"` // radius of the innermost row
	Chords struct {
		Call   []int       `json:"call"`
		Points [][]rounded `json:"points"` // x and y of six control points
	} `json:"chords"` // of some calls
}

// A rounded number is written to a tenth of what places may differ by; angles,
// which are small, with more decimals.
type rounded float64

func (r rounded) MarshalJSON() ([]byte, error) {
	digits := 1e4
	if math.Abs(float64(r)) < 2*tau {
		digits = 1e7
	}
	return strconv.AppendFloat(nil, math.Round(float64(r)*digits)/digits, 'f', -1, 64), nil
}

const (
	diameter       = 2 * outer
	placeTolerance = diameter * 1e-6
	angleTolerance = 1e-6
	chordsShown    = 100
)

func describe(g *graph.Graph) *goldenLayout {
	f := newFleet(g)
	l := layOut(f)
	d := &goldenLayout{Seconds: window(g).Seconds(), Inner: rounded(l.inner)}
	most := 0.0
	for i := range f.services {
		if f.services[i].kind != graph.User {
			most = max(most, f.services[i].traffic)
		}
	}
	for i := range f.services {
		s, at := &f.services[i], &l.spots[i]
		d.Services.Namespace = append(d.Services.Namespace, s.namespace)
		d.Services.Name = append(d.Services.Name, s.label)
		d.Services.Kind = append(d.Services.Kind, s.kind.String())
		d.Services.X = append(d.Services.X, rounded(at.x))
		d.Services.Y = append(d.Services.Y, rounded(at.y))
		d.Services.Radius = append(d.Services.Radius, rounded(radiusOf(s.traffic, most, len(f.services), at.room)))
		d.Services.Group = append(d.Services.Group, s.group)
		d.Services.Gate = append(d.Services.Gate, at.gate)
	}
	for i := range f.groups {
		d.Groups.Name = append(d.Groups.Name, f.groups[i].name)
		d.Groups.Hue = append(d.Groups.Hue, f.groups[i].hue)
		d.Groups.Middle = append(d.Groups.Middle, rounded(l.arcs[i].middle))
		d.Groups.Span = append(d.Groups.Span, rounded(l.arcs[i].span))
	}
	b := bundleOf(l.inner, len(f.services))
	for i := range f.calls {
		c := &f.calls[i]
		d.Calls.From, d.Calls.To = append(d.Calls.From, c.from), append(d.Calls.To, c.to)
		d.Calls.Count = append(d.Calls.Count, int64(math.Round(c.rate*d.Seconds)))
		if i%max(1, len(f.calls)/chordsShown) != 0 {
			continue
		}
		curve := b.chordOf(l, c.from, c.to)
		var points []rounded
		for _, p := range curve {
			points = append(points, rounded(p.x), rounded(p.y))
		}
		d.Chords.Call, d.Chords.Points = append(d.Chords.Call, i), append(d.Chords.Points, points)
	}
	return d
}

// The layout is that of the golden files, within a millionth of the diameter:
// so is that of the page.
func TestLayoutGolden(t *testing.T) {
	for _, f := range fixtures {
		t.Run(f.name, func(t *testing.T) {
			got := describe(f.make())
			path := filepath.Join("testdata", "layout-"+f.name+".json")
			if *update {
				b, err := json.Marshal(got)
				if err != nil {
					t.Fatal(err)
				}
				for _, end := range []string{"]", "}", "000"} { // a column a line
					b = bytes.ReplaceAll(b, []byte(end+`,"`), []byte(end+",\n\""))
				}
				if err := os.WriteFile(path, append(b, '\n'), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var want goldenLayout
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			compare(t, got, &want)
		})
	}
}

func compare(t *testing.T, got, want *goldenLayout) {
	t.Helper()
	same := func(what string, equal bool) {
		t.Helper()
		if !equal {
			t.Errorf("%s differ from the golden file (go test -update writes it anew)", what)
		}
	}
	same("names", slices.Equal(got.Services.Name, want.Services.Name) && slices.Equal(got.Services.Kind, want.Services.Kind))
	same("calls", slices.Equal(got.Calls.From, want.Calls.From) && slices.Equal(got.Calls.To, want.Calls.To) && slices.Equal(got.Calls.Count, want.Calls.Count))
	same("groups", slices.Equal(got.Groups.Name, want.Groups.Name) && slices.Equal(got.Groups.Hue, want.Groups.Hue))
	same("groups of services", slices.Equal(got.Services.Group, want.Services.Group))
	same("gates", slices.Equal(got.Services.Gate, want.Services.Gate))
	near(t, "middle of group", got.Groups.Middle, want.Groups.Middle, angleTolerance)
	near(t, "span of group", got.Groups.Span, want.Groups.Span, angleTolerance)
	near(t, "inner radius", []rounded{got.Inner}, []rounded{want.Inner}, placeTolerance)
	near(t, "x of service", got.Services.X, want.Services.X, placeTolerance)
	near(t, "y of service", got.Services.Y, want.Services.Y, placeTolerance)
	near(t, "radius of service", got.Services.Radius, want.Services.Radius, placeTolerance)
	same("chords", slices.Equal(got.Chords.Call, want.Chords.Call))
	for i := range want.Chords.Points {
		near(t, fmt.Sprintf("chord of call %d", want.Chords.Call[i]), got.Chords.Points[i], want.Chords.Points[i], placeTolerance)
	}
}

func near(t *testing.T, what string, got, want []rounded, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if math.Abs(float64(got[i]-want[i])) > tolerance {
			t.Fatalf("%s, number %d: %v, want %v", what, i, got[i], want[i])
		}
	}
}
