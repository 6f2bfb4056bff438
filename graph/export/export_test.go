package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"graphctl/graph"
)

var update = flag.Bool("update", false, "write the golden files anew")

func write(t testing.TB, f Format, g *graph.Graph, o Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := f.Write(&b, g, o); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	return b.Bytes()
}

// Every format writes the exact bytes of its golden file, and writes them again.
func TestGolden(t *testing.T) {
	graphs := map[string]*graph.Graph{"rides": rides(), "hostile": hostile(), "empty": {}}
	for name, g := range graphs {
		for _, f := range Formats {
			got := write(t, f, g, Options{})
			compareGolden(t, name+f.Ext, got)
			if again := write(t, f, g, Options{}); !bytes.Equal(got, again) {
				t.Errorf("%s of %s: two runs differ", f.Name, name)
			}
		}
	}
	for _, layout := range Layouts {
		compareGolden(t, "rides-"+layout+".dot", write(t, DOT, rides(), Options{Layout: layout, Compact: layout == "sfdp"}))
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
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
		t.Errorf("%s differs from its golden file (go test -update writes it anew)\n got:\n%s", path, got)
	}
}

// Every format is well formed and gives back every node and edge by its name,
// whatever the names are.
func TestParsesBack(t *testing.T) {
	for _, g := range []*graph.Graph{rides(), hostile(), {}} {
		checkAll(t, g)
	}
}

func checkAll(t *testing.T, g *graph.Graph) {
	t.Helper()
	checkDOT(t, g)
	checkJSON(t, g)
	checkCSV(t, g)
	checkMermaid(t, g)
	checkGraphML(t, g)
}

// No pair of names breaks a format.
func FuzzNames(f *testing.F) {
	for i, name := range hostileNames {
		f.Add(name, hostileNames[(i+1)%len(hostileNames)])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		if a == b {
			t.Skip("one node")
		}
		x := newFixture()
		x.add(graph.Node{ID: a, Name: a, Namespace: b, Kind: graph.Service, Teams: []string{b}})
		x.add(graph.Node{ID: b, Name: b, Kind: graph.Database, Environments: []string{a}})
		x.edge(a, b, graph.Message, 3, 1, 7, 0)
		checkAll(t, x.graph())
	})
}

func checkDOT(t *testing.T, g *graph.Graph) {
	t.Helper()
	nodes, edges, err := parseDOT(string(write(t, DOT, g, Options{})))
	if err != nil {
		t.Fatalf("DOT does not parse: %v", err)
	}
	var wantNodes, wantEdges []string
	for _, n := range g.Nodes {
		wantNodes = append(wantNodes, unquoted(n.ID))
	}
	for _, e := range g.Edges {
		wantEdges = append(wantEdges, unquoted(e.From)+" -> "+unquoted(e.To))
	}
	compareSets(t, "nodes of DOT", nodes, wantNodes)
	compareSets(t, "edges of DOT", edges, wantEdges)
}

// unquoted is what is between the quotes of an identifier for s.
func unquoted(s string) string { return strings.TrimSuffix(strings.TrimPrefix(quoteID(s), `"`), `"`) }

func compareSets(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func checkJSON(t *testing.T, g *graph.Graph) {
	t.Helper()
	first := write(t, JSON, g, Options{})
	if !json.Valid(first) || !utf8.Valid(first) {
		t.Fatalf("JSON is not valid: %s", first)
	}
	if slices.ContainsFunc(g.Nodes, func(n graph.Node) bool { return !utf8.ValidString(n.ID) }) {
		return // two invalid names may be written alike, which the reader refuses
	}
	back, err := ReadJSON(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Formats {
		if got, want := write(t, f, back, Options{}), write(t, f, g, Options{}); !bytes.Equal(got, want) {
			t.Errorf("%s after JSON and back:\n got %s\nwant %s", f.Name, got, want)
		}
	}
}

func checkCSV(t *testing.T, g *graph.Graph) {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(write(t, CSV, g, Options{}))).ReadAll()
	if err != nil {
		t.Fatalf("CSV does not parse: %v", err)
	}
	if len(rows) != len(g.Edges)+1 {
		t.Fatalf("CSV has %d rows, want a header and %d", len(rows), len(g.Edges))
	}
	for i, e := range g.Edges {
		row := rows[i+1]
		for column, want := range []string{e.From, e.To} {
			got := row[column]
			if got != "" && strings.ContainsRune("=+-@\t\r", rune(got[0])) {
				t.Errorf("CSV cell %q would be evaluated", got)
			}
			want = strings.ReplaceAll(want, "\r\n", "\n") // the reader's doing
			if strings.TrimPrefix(got, "'") != strings.TrimPrefix(want, "'") {
				t.Errorf("CSV cell %q, want %q", got, want)
			}
		}
		if got, want := row[3], fmt.Sprint(e.Stats.Calls); got != want {
			t.Errorf("CSV calls %s, want %s", got, want)
		}
	}
}

var (
	mermaidNode  = regexp.MustCompile(`^  n(\d+)(\[|\[\(|>|\(\[|\(\()"([^"<>&` + "`" + `{}|\\\n]+)"(\]|\)\]|\]\)|\)\))$`)
	mermaidEdge  = regexp.MustCompile(`^  n(\d+) (-->|-\.->)\|"(\d+|\d+ / \d+ err)"\| n(\d+)$`)
	mermaidAscii = regexp.MustCompile(`#(\d+);`)
)

func checkMermaid(t *testing.T, g *graph.Graph) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(string(write(t, Mermaid, g, Options{})), "\n"), "\n")
	if lines[0] != "flowchart LR" {
		t.Errorf("Mermaid starts with %q", lines[0])
	}
	if len(lines) != 1+len(g.Nodes)+len(g.Edges) {
		t.Fatalf("Mermaid has %d lines, want %d", len(lines), 1+len(g.Nodes)+len(g.Edges))
	}
	for i, n := range g.Nodes {
		m := mermaidNode.FindStringSubmatch(lines[1+i])
		if m == nil {
			t.Errorf("no node of Mermaid: %q", lines[1+i])
			continue
		}
		text := mermaidAscii.ReplaceAllStringFunc(m[3], func(s string) string {
			var r rune
			fmt.Sscanf(s, "#%d;", &r)
			return string(r)
		})
		if want := clean(n.ID); text != want && (want != "" || text != " ") {
			t.Errorf("label %q of Mermaid reads %q, want %q", m[3], text, want)
		}
	}
	for i := range g.Edges {
		if line := lines[1+len(g.Nodes)+i]; !mermaidEdge.MatchString(line) {
			t.Errorf("no edge of Mermaid: %q", line)
		}
	}
}

func checkGraphML(t *testing.T, g *graph.Graph) {
	t.Helper()
	type data struct {
		Key  string `xml:"key,attr"`
		Text string `xml:",chardata"`
	}
	var doc struct {
		Graph struct {
			Nodes []struct {
				ID   string `xml:"id,attr"`
				Data []data `xml:"data"`
			} `xml:"node"`
			Edges []struct {
				Source string `xml:"source,attr"`
				Target string `xml:"target,attr"`
			} `xml:"edge"`
		} `xml:"graph"`
	}
	if err := xml.Unmarshal(write(t, GraphML, g, Options{}), &doc); err != nil {
		t.Fatalf("GraphML does not parse: %v", err)
	}
	if len(doc.Graph.Nodes) != len(g.Nodes) || len(doc.Graph.Edges) != len(g.Edges) {
		t.Fatalf("GraphML has %d nodes and %d edges, want %d and %d", len(doc.Graph.Nodes), len(doc.Graph.Edges), len(g.Nodes), len(g.Edges))
	}
	label := map[string]string{}
	for i, n := range doc.Graph.Nodes {
		label[n.ID] = n.Data[0].Text
		if want := clean(g.Nodes[i].ID); n.Data[0].Text != strings.ReplaceAll(want, "\ufffe", "\ufffd") {
			t.Errorf("node of GraphML %q, want %q", n.Data[0].Text, want)
		}
	}
	for i, e := range doc.Graph.Edges {
		if got, want := label[e.Source]+" to "+label[e.Target], clean(g.Edges[i].From)+" to "+clean(g.Edges[i].To); got != want {
			t.Errorf("edge of GraphML %q, want %q", got, want)
		}
	}
}

// Lookup knows each format by its name and no other.
func TestLookup(t *testing.T) {
	for _, f := range Formats {
		if got, ok := Find(Formats, f.Name); !ok || got.Ext != f.Ext {
			t.Errorf("Find(%q) = %q, %v", f.Name, got.Name, ok)
		}
	}
	for _, name := range []string{"", "DOT", "svg"} {
		if f, ok := Find(Formats, name); ok {
			t.Errorf("Find(%q) found %q", name, f.Name)
		}
	}
}

// The error of the writer is the error of the format.
func TestWriteError(t *testing.T) {
	broken := errors.New("disk full")
	for _, f := range Formats {
		for _, room := range []int{0, 1, 100, 500} {
			if err := f.Write(&fullWriter{room, broken}, rides(), Options{}); !errors.Is(err, broken) {
				t.Errorf("%s with room for %d bytes: error %v, want %v", f.Name, room, err, broken)
			}
		}
	}
}

type fullWriter struct {
	room int
	err  error
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		return w.room, w.err
	}
	w.room -= len(p)
	return len(p), nil
}

// Many edges get a note, since renderers stop at 500 without one.
func TestMermaidManyEdges(t *testing.T) {
	f := newFixture()
	f.service("a")
	for range mermaidEdges + 1 {
		f.edge("a", "a", graph.RPC, 1, 0, 1, 1)
	}
	if got := write(t, Mermaid, f.graph(), Options{}); !bytes.Contains(got, []byte("%% 501 edges:")) {
		t.Errorf("no note on the number of edges:\n%.200s", got)
	}
}
