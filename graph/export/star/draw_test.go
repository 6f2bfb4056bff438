package star

import (
	"bytes"
	"crypto/sha256"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"graphctl/graph"
	"graphctl/graph/export"
)

// underneath is a format that a star takes the place of.
func underneath(name string) export.Format {
	return export.Format{Name: name, Write: func(w io.Writer, _ *graph.Graph, _ export.Options) error {
		_, err := io.WriteString(w, "not a star")
		return err
	}}
}

func drawn(t testing.TB, format string, g *graph.Graph, o export.Options) []byte {
	t.Helper()
	o.Layout = Layout
	f, _ := export.Find(Over([]export.Format{underneath("svg"), underneath("png")}), format)
	var b bytes.Buffer
	if err := f.Write(&b, g, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func wantGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from its golden file (go test -update writes it anew)", path)
	}
}

// An SVG is the exact bytes of its golden file, on every machine.
func TestSVGGolden(t *testing.T) {
	wantGolden(t, "company-dark.svg", drawn(t, "svg", company(), export.Options{}))
	wantGolden(t, "company-light.svg", drawn(t, "svg", company(), export.Options{Theme: "light"}))
}

// The pixels of a PNG are those whose sum is in the golden file, on every
// machine. Its bytes depend on the compression of the Go release.
func TestPixelsGolden(t *testing.T) {
	var sums bytes.Buffer
	for _, f := range fixtures {
		for _, theme := range export.Themes {
			img, err := png.Decode(bytes.NewReader(drawn(t, "png", f.make(), export.Options{Theme: theme, Width: 640, Height: 480})))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&sums, "%x %s %s\n", sha256.Sum256(img.(*image.RGBA).Pix), f.name, theme)
		}
	}
	wantGolden(t, "pixels.txt", sums.Bytes())
}

// The order in which nodes and edges come does not matter, and two runs do not
// differ.
func TestSameGraphSameBytes(t *testing.T) {
	for _, format := range []string{"svg", "png"} {
		g := large(200, 1000, 12)
		small := export.Options{Width: 480, Height: 360}
		first := drawn(t, format, g, small)
		rand.New(rand.NewPCG(1, 2)).Shuffle(len(g.Nodes), func(i, j int) { g.Nodes[i], g.Nodes[j] = g.Nodes[j], g.Nodes[i] })
		rand.New(rand.NewPCG(3, 4)).Shuffle(len(g.Edges), func(i, j int) { g.Edges[i], g.Edges[j] = g.Edges[j], g.Edges[i] })
		if !bytes.Equal(first, drawn(t, format, g, small)) {
			t.Errorf("%s: another order of nodes and edges gave other bytes", format)
		}
	}
}

// No product is added to anything before it is rounded: compiled for a
// processor that could do both at once, the package has no such instruction.
func TestNoFusedProducts(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for another processor")
	}
	cmd := exec.Command("go", "build", "-gcflags=-S", ".")
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=arm64", "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	if !bytes.Contains(out, []byte("FMULD")) {
		t.Fatal("the compiler printed no instructions")
	}
	for _, line := range regexp.MustCompile(`\(.*/star/(\w+\.go:\d+)\)\s+FN?M(?:ADD|SUB)[DS]\s`).FindAllSubmatch(out, -1) {
		t.Errorf("%s: a product is added unrounded; put it into float64() or float32()", line[1])
	}
}

// Two thousand services and ten thousand calls are at most 1.5 MB of SVG, and
// of more calls the heaviest are drawn.
func TestSVGIsSmall(t *testing.T) {
	if n := len(drawn(t, "svg", large(2000, 10_000, 40), export.Options{})); n > 1_500_000 {
		t.Errorf("%d bytes", n)
	}
	more := large(1000, maxDrawn+1000, 20)
	if n := bytes.Count(drawn(t, "svg", more, export.Options{}), []byte("\n<path d=")); n != 2*maxDrawn {
		t.Errorf("%d halves of chords, want %d", n, 2*maxDrawn)
	}
}

// elements are all that an SVG may hold.
var elements = []string{"svg", "title", "desc", "style", "defs", "radialGradient", "linearGradient", "stop", "filter", "feGaussianBlur",
	"feColorMatrix", "feMerge", "feMergeNode", "rect", "g", "path", "circle", "text", "tspan"}

// checkSVG reads an SVG and returns its text. Nothing in it runs or is loaded.
func checkSVG(t *testing.T, svg []byte) string {
	t.Helper()
	var words strings.Builder
	for dec := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return words.String()
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch token := token.(type) {
		case xml.CharData:
			words.Write(token)
		case xml.StartElement:
			if !slices.Contains(elements, token.Name.Local) {
				t.Errorf("holds a %q", token.Name.Local)
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(strings.ToLower(a.Name.Local), "on") || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#") {
					t.Errorf("%s has %s=%q", token.Name.Local, a.Name.Local, a.Value)
				}
			}
		}
	}
}

var hostileNames = []string{"", " ", `"`, "a&b", "<script>alert(1)</script>", "]]>", "-->", "&#x3c;", "nul\x00", "\xff\xfe", "two\nlines",
	"\u202egnp.exe", "日本語", "🚕", "\ufffe", strings.Repeat("long", 100)}

// Whatever names are, a picture is well formed and shows them as text.
func TestHostileNames(t *testing.T) {
	for _, many := range []int{1, 8} { // above smallFleet other labels are drawn
		b := newBuilder()
		for _, name := range hostileNames {
			for i := range many {
				from := b.node(graph.Service, name, fmt.Sprint(name, i))
				b.edge(from, b.node(graph.Database, "", fmt.Sprint(name, "@", i)), graph.DatabaseCall, 5000, 900)
			}
		}
		g := b.graph()
		words := checkSVG(t, drawn(t, "svg", g, export.Options{}))
		for _, want := range []string{"<script>alert(1)</script>", "日本語", "🚕", "a&b", "two\uFFFDlines"} {
			if !strings.Contains(words, want) {
				t.Errorf("%d nodes: the name %q is not shown", len(g.Nodes), want)
			}
		}
		drawn(t, "png", g, export.Options{Width: 400, Height: 400})
	}
}

// No pair of names breaks a picture.
func FuzzNames(f *testing.F) {
	for i, name := range hostileNames {
		f.Add(name, hostileNames[(i+1)%len(hostileNames)])
	}
	f.Fuzz(func(t *testing.T, a, c string) {
		b := newBuilder()
		b.edge(b.node(graph.Service, c, a), b.node(graph.Messaging, "", c), graph.Message, 10, 1)
		checkSVG(t, drawn(t, "svg", b.graph(), export.Options{}))
	})
}

// Degenerate graphs are pictures, too: nothing, one service, one that calls
// itself, services without calls, times and counters that make no sense.
func TestDegenerateGraphs(t *testing.T) {
	loop := newBuilder()
	a := loop.node(graph.Service, "", "a")
	loop.edge(a, a, graph.RPC, 10, 10)
	odd := newBuilder()
	odd.edge(odd.node(graph.Service, "", "a"), odd.node(graph.Service, "", "b"), graph.RPC, -5, 7)
	odd.g.To = odd.g.From - 1
	odd.edge("nobody", "a", graph.RPC, 1, 0)
	silent := newBuilder()
	for i := range 100 {
		silent.node(graph.Service, "", fmt.Sprint(i))
	}
	for name, g := range map[string]*graph.Graph{"empty": {}, "loop": loop.graph(), "odd": odd.graph(), "silent": silent.graph()} {
		t.Run(name, func(t *testing.T) {
			svg := drawn(t, "svg", g, export.Options{})
			checkSVG(t, svg)
			if bytes.Contains(svg, []byte("NaN")) || bytes.Contains(svg, []byte("Inf")) {
				t.Error("a coordinate is no number")
			}
			if _, err := png.Decode(bytes.NewReader(drawn(t, "png", g, export.Options{Width: 400, Height: 320}))); err != nil {
				t.Error(err)
			}
		})
	}
}

// A picture is of the size and theme asked for: the corners are the theme's
// ground, and in the middle of many calls it is bright, or dark on paper.
func TestSizeAndTheme(t *testing.T) {
	for theme, brighter := range map[string]bool{"dark": true, "light": false} {
		img, err := png.Decode(bytes.NewReader(drawn(t, "png", large(200, 1000, 12), export.Options{Theme: theme, Width: 900, Height: 500})))
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds() != image.Rect(0, 0, 900, 500) {
			t.Errorf("%s: %v", theme, img.Bounds())
		}
		grey := func(x, y int) int { return int(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y) }
		sum := 0
		for x := range 40 {
			for y := range 40 {
				sum += grey(430+x, 230+y)
			}
		}
		if corner := grey(890, 10); sum/1600 > corner+10 != brighter || (corner < 128) != brighter {
			t.Errorf("%s: the corner is %d, the middle %d", theme, corner, sum/1600)
		}
	}
}

// Only svg and png with the layout star become stars, and options that make no
// picture are errors.
func TestOver(t *testing.T) {
	formats := Over([]export.Format{underneath("svg"), underneath("png"), underneath("csv")})
	for _, f := range formats {
		for _, layout := range []string{"", "dot", Layout} {
			var b bytes.Buffer
			if err := f.Write(&b, pair(), export.Options{Layout: layout, Width: 320, Height: 320}); err != nil {
				t.Fatal(err)
			}
			if star := b.String() != "not a star"; star != (layout == Layout && f.Name != "csv") {
				t.Errorf("%s by %q: a star: %v", f.Name, layout, star)
			}
		}
	}
	for _, o := range []export.Options{{Theme: "pink"}, {Width: MinSide - 1}, {Height: MaxSide + 1}} {
		o.Layout = Layout
		if err := formats[0].Write(io.Discard, pair(), o); err == nil {
			t.Errorf("%+v was drawn", o)
		}
	}
}

// Where all calls are alike the star is not one white disc, and where all are
// rare they are still to be seen.
func TestExposure(t *testing.T) {
	alike := large(1200, 5000, 1)
	rare := company()
	for i := range alike.Edges {
		alike.Edges[i].Stats.Calls, alike.Edges[i].Stats.Errors = 100, 0
	}
	for i := range rare.Edges {
		rare.Edges[i].Stats.Calls = 1 + rare.Edges[i].Stats.Calls/4000
	}
	for _, c := range []struct {
		name         string
		g            *graph.Graph
		bright, pale float64 // shares of pixels of the disc: at least, at most
	}{{"alike", alike, 0.3, 0.1}, {"rare", rare, 0.01, 0.01}} {
		img, err := png.Decode(bytes.NewReader(drawn(t, "png", c.g, export.Options{Width: 800, Height: 600})))
		if err != nil {
			t.Fatal(err)
		}
		var bright, pale float64
		for y := 150; y < 450; y++ {
			for x := 250; x < 550; x++ {
				grey := color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y
				if grey > 50 {
					bright++
				}
				if grey > 215 {
					pale++
				}
			}
		}
		if bright, pale = bright/90_000, pale/90_000; bright < c.bright || pale > c.pale {
			t.Errorf("%s: %.3f of the pixels are bright, %.3f pale", c.name, bright, pale)
		}
	}
}
