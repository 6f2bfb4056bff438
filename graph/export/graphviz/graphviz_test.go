//go:build !race

// The children of these tests run WebAssembly, which takes minutes under the
// race detector and shares nothing with its parent.

package graphviz

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/export"
)

// TestMain lets the test binary be its own child.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 {
		switch os.Args[1] {
		case "draw":
			if err := Draw(os.Stdin, os.Stdout, os.Args[2], os.Args[3]); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case "hang":
			<-time.After(time.Hour) // a bare wait would be reported as a deadlock; the parent kills it long before
		case "crash":
			fmt.Fprintln(os.Stderr, "fault in compiled code\ngoroutine 1")
			os.Exit(3)
		}
	}
	os.Exit(m.Run())
}

func renderer(t *testing.T, command string, o Options) *Renderer {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	o.Command = []string{self, command}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute // the first child compiles Graphviz; the machine may be busy
	}
	return New(o)
}

// fixture is a graph of the golden files of package export.
func fixture(t *testing.T, name string) *graph.Graph {
	t.Helper()
	f, err := os.Open(filepath.Join("..", "testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var text bytes.Buffer
	if _, err := io.Copy(&text, f); err != nil {
		t.Fatal(err)
	}
	g, err := export.ReadJSON(&text)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// fleet is a graph of n services, two calls from each.
func fleet(n int) *graph.Graph {
	g := &graph.Graph{}
	for i := range n {
		id := fmt.Sprintf("service-%04d", i)
		g.Nodes = append(g.Nodes, graph.Node{ID: id, Name: id, Kind: graph.Service})
		for _, to := range []int{i * 7 % n, i / 3} {
			e := graph.Edge{From: id, To: fmt.Sprintf("service-%04d", to), Kind: graph.RPC}
			e.Stats.Calls, e.Stats.Errors = int64(i+1), int64(i%20/19)
			g.Edges = append(g.Edges, e)
		}
	}
	return g
}

func draw(t *testing.T, r *Renderer, format string, g *graph.Graph, o export.Options) ([]byte, error) {
	t.Helper()
	f, ok := export.Find(r.Formats(), format)
	if !ok {
		t.Fatalf("no format %s", format)
	}
	var b bytes.Buffer
	err := f.Write(&b, g, o)
	return b.Bytes(), err
}

// svg returns the text of all titles and labels of a picture.
func svg(t *testing.T, picture []byte) (titles, labels []string) {
	t.Helper()
	dec := xml.NewDecoder(bytes.NewReader(picture))
	element := ""
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return titles, labels
		}
		if err != nil {
			t.Fatalf("SVG does not parse: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			element = token.Name.Local
			if element == "script" {
				t.Errorf("SVG with a script")
			}
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || strings.HasPrefix(strings.TrimSpace(a.Value), "javascript:") {
					t.Errorf("SVG with the attribute %s=%q", a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			switch element {
			case "title":
				titles = append(titles, string(token))
			case "text":
				labels = append(labels, string(token))
			}
		case xml.EndElement:
			element = ""
		}
	}
}

// SVG and PNG come out of every layout; the SVG shows every node by its name.
func TestLayouts(t *testing.T) {
	r := renderer(t, "draw", Options{})
	g := fixture(t, "rides")
	for _, layout := range append([]string{""}, export.Layouts...) {
		if layout == "star" {
			continue // package star draws it
		}
		picture, err := draw(t, r, "svg", g, export.Options{Layout: layout})
		if err != nil {
			t.Fatal(err)
		}
		_, labels := svg(t, picture)
		all := strings.Join(labels, "\n")
		for _, n := range g.Nodes {
			if !strings.Contains(all, n.Name) {
				t.Errorf("layout %q: no label for %s", layout, n.ID)
			}
		}
		if picture, err = draw(t, r, "png", g, export.Options{Layout: layout}); err != nil {
			t.Fatal(err)
		}
		if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
			t.Errorf("layout %q: %v", layout, err)
		}
	}
}

// Names that attack markup are text in the picture, whole and readable.
func TestHostileNames(t *testing.T) {
	r := renderer(t, "draw", Options{})
	g := fixture(t, "hostile")
	picture, err := draw(t, r, "svg", g, export.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, labels := svg(t, picture)
	all := strings.Join(labels, "\n")
	for _, want := range []string{`<script>alert(1)</script>`, `&lt;i&gt;`, `\N\G\L`, `"]; evil [label="x`, "日本語", "]]>"} {
		if !strings.Contains(all, want) {
			t.Errorf("no label reads %q", want)
		}
	}
	if _, err := draw(t, r, "png", g, export.Options{}); err != nil {
		t.Error(err)
	}
}

// The same graph gives the same picture.
func TestDeterministic(t *testing.T) {
	r := renderer(t, "draw", Options{})
	for _, format := range []string{"svg", "png"} {
		for _, layout := range []string{"dot", "sfdp"} {
			first, err := draw(t, r, format, fixture(t, "rides"), export.Options{Layout: layout})
			if err != nil {
				t.Fatal(err)
			}
			second, err := draw(t, r, format, fixture(t, "rides"), export.Options{Layout: layout})
			if err != nil || !bytes.Equal(first, second) {
				t.Errorf("%s by %s: two pictures of one graph differ (%v)", format, layout, err)
			}
		}
	}
}

// Above DotNodes another engine is used: dot would take minutes.
func TestLargeGraph(t *testing.T) {
	r := renderer(t, "draw", Options{})
	for _, c := range []struct {
		nodes  int
		format string
	}{{400, "svg"}, {400, "png"}, {2000, "svg"}} {
		begin := time.Now()
		picture, err := draw(t, r, c.format, fleet(c.nodes), export.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d nodes, %s: %d kB in %v", c.nodes, c.format, len(picture)>>10, time.Since(begin).Round(time.Millisecond))
	}
}

// An empty graph is an empty picture.
func TestEmptyGraph(t *testing.T) {
	r := renderer(t, "draw", Options{})
	for _, format := range []string{"svg", "png"} {
		if _, err := draw(t, r, format, &graph.Graph{}, export.Options{}); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// A layout that takes too long is stopped for good, and says what to do about it.
func TestTimeout(t *testing.T) {
	r := renderer(t, "draw", Options{Timeout: 700 * time.Millisecond})
	begin := time.Now()
	_, err := draw(t, r, "svg", fleet(900), export.Options{Layout: "dot"})
	if !errors.Is(err, ErrTooSlow) {
		t.Fatalf("error %v, want %v", err, ErrTooSlow)
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("stopped after %v", took)
	}
	if want := "draw 900 nodes and 1800 edges with dot"; !strings.Contains(err.Error(), want) {
		t.Errorf("error %q does not say %q", err, want)
	}
	select {
	case r.slots <- struct{}{}:
	default:
		t.Error("the slot is still taken")
	}
}

// Pictures wait for each other, and no longer than one may take.
func TestBusy(t *testing.T) {
	r := renderer(t, "hang", Options{Timeout: 300 * time.Millisecond})
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		wg.Go(func() { _, errs[i] = draw(t, r, "svg", fleet(3), export.Options{}) })
	}
	wg.Wait()
	slow, busy := 0, 0
	for _, err := range errs {
		switch {
		case errors.Is(err, ErrTooSlow):
			slow++
		case errors.Is(err, ErrBusy):
			busy++
		}
	}
	if slow == 0 || slow+busy != len(errs) {
		t.Errorf("%d too slow and %d busy, want all %d: %v", slow, busy, len(errs), errs)
	}
}

// A child that dies costs its picture and nothing else; the error quotes it.
func TestCrash(t *testing.T) {
	_, err := draw(t, renderer(t, "crash", Options{}), "svg", fleet(3), export.Options{})
	if err == nil || !strings.Contains(err.Error(), "exit status 3: fault in compiled code") || strings.Contains(err.Error(), "goroutine") {
		t.Errorf("error %v", err)
	}
}

// A picture above the bound is refused.
func TestTooLarge(t *testing.T) {
	_, err := draw(t, renderer(t, "draw", Options{MaxBytes: 100}), "svg", fleet(3), export.Options{})
	if err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("error %v", err)
	}
}

// The child refuses what it does not know, and text that is no graph.
func TestDrawErrors(t *testing.T) {
	for _, c := range []struct{ dot, layout, format, want string }{
		{"digraph {}", "nop", "svg", `unknown layout "nop"`},
		{"digraph {}", "dot", "dot", `unknown format "dot"`},
		{"digraph {", "dot", "svg", "syntax error"},
	} {
		var b bytes.Buffer
		if err := Draw(strings.NewReader(c.dot), &b, c.layout, c.format); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("Draw(%q, %s, %s): error %v, want %q", c.dot, c.layout, c.format, err, c.want)
		}
	}
}
