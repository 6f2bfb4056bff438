package graph_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// module is the import path that all packages of the product begin with.
const module = "graphctl/"

// layer gives each package its layer and what else of the product it may
// import: the vocabulary of its own tree (layers 0 and 1) is always allowed.
// Only cmd wires everything together. Each arrow says why it exists.
var layers = map[string]struct {
	layer int
	may   []string
}{
	"graph/sketch": {0, nil},
	"graph/intern": {0, nil},
	"graph":        {1, nil},
	"collector":    {1, nil},

	"collector/files":   {1, nil},                                           // a disk, or what a test puts in its place
	"collector/wire":    {2, nil},                                           // the binary form of reduced spans
	"collector/spanlog": {3, []string{"collector/files", "collector/wire"}}, // spans in order of arrival, until a checkpoint
	"collector/archive": {3, []string{"collector/files"}},                   // quiet traces, for the horizon

	"collector/infer":  {2, []string{"graph", "graph/sketch"}}, // turns spans into deltas
	"collector/otlp":   {2, []string{"collector/intake"}},
	"collector/zipkin": {2, []string{"collector/intake"}},
	"graph/wire":       {2, nil},
	"graph/live":       {2, nil},
	"graph/memstore":   {2, nil},
	"graph/storetest":  {2, nil},
	"graph/export":     {2, nil},
	"graph/diff":       {2, nil},

	"collector/intake":      {2, nil}, // limits shared by all HTTP receivers
	"graph/export/graphviz": {3, []string{"graph/export"}},
	"graph/export/star":     {3, []string{"graph/export"}},
	"graph/boltstore":       {3, []string{"graph/wire"}},
	"graph/stream":          {3, []string{"graph/live", "graph/wire"}},
	"graph/keeper":          {3, nil},
	"graph/api":             {3, []string{"graph/export", "graph/diff"}},
	"collector/sim":         {5, nil},                                                                                                                 // tests only
	"collector/lane":        {4, []string{"collector/infer", "graph", "collector/spanlog", "collector/archive", "collector/files", "collector/wire"}}, // drives engines, emits batches

	"ui": {4, nil},
}

// owners names the packages that may import a third-party library: replacing
// one is then a change of one package. Prefixes of import paths.
var owners = map[string][]string{
	"go.etcd.io/bbolt":               {"graph/boltstore"},
	"github.com/gorilla/websocket":   {"graph/stream"},
	"github.com/goccy/go-graphviz":   {"graph/export/graphviz"},
	"golang.org/x/image":             {"graph/export/star", "graph/export/graphviz"},
	"google.golang.org/grpc":         {"collector/otlp"},
	"go.opentelemetry.io/otel":       {"cmd/graphctl"},
	"github.com/spf13/":              {"cmd/graphctl"},
	"github.com/prometheus/":         {"graph/api"},
	"github.com/klauspost/compress/": {"collector/otlp", "collector/zipkin", "collector/intake", "graph/wire", "graph/api", "cmd/graphctl", "ui"},
}

// pure packages hold decisions and nothing else: no clock, lock, goroutine or I/O.
var pure = []string{"collector/infer", "graph", "graph/sketch", "graph/diff"}

// impure are the imports that a pure package must not have.
var impure = []string{"sync", "sync/atomic", "log", "log/slog", "os", "net", "net/http", "io/fs", "math/rand", "math/rand/v2"}

// goPackage is what this test reads of `go list -json`.
type goPackage struct {
	ImportPath, Dir string
	Doc             string
	Imports         []string
	GoFiles         []string
}

func packages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Doc,Imports,GoFiles", module+"...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []goPackage
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
}

// tree returns the first element of a package's path: collector, graph, ui, cmd.
func tree(pkg string) string { t, _, _ := strings.Cut(pkg, "/"); return t }

// Packages import only downwards along the arrows of docs/architecture.md.
func TestLayers(t *testing.T) {
	for _, p := range packages(t) {
		if tree(p.ImportPath) == "cmd" {
			continue // wires everything
		}
		rule, known := layers[p.ImportPath]
		if !known {
			t.Errorf("%s has no layer: add it to layers and to docs/architecture.md", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			vocabulary := tree(to) == tree(p.ImportPath) && layers[to].layer <= 1 && layers[to].layer < rule.layer
			if !vocabulary && !slices.Contains(rule.may, to) {
				t.Errorf("%s must not import %s", p.ImportPath, to)
			}
		}
	}
}

// Nothing about the graph depends on how spans are collected or shown.
func TestGraphStandsAlone(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			to, ours := strings.CutPrefix(imp, module)
			if ours && tree(p.ImportPath) == "graph" && tree(to) != "graph" {
				t.Errorf("%s must not import %s", p.ImportPath, to)
			}
		}
	}
}

func TestOneLibraryOnePackage(t *testing.T) {
	for _, p := range packages(t) {
		for _, imp := range p.Imports {
			for library, may := range owners {
				if strings.HasPrefix(imp, library) && !slices.ContainsFunc(may, func(o string) bool {
					return p.ImportPath == o || strings.HasPrefix(p.ImportPath, o+"/")
				}) {
					t.Errorf("%s imports %s, which belongs to %v", p.ImportPath, imp, may)
				}
			}
		}
	}
}

func TestPurePackages(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.Contains(pure, p.ImportPath) {
			continue
		}
		for _, imp := range p.Imports {
			if slices.Contains(impure, imp) {
				t.Errorf("%s is pure and must not import %s", p.ImportPath, imp)
			}
		}
		for _, name := range p.GoFiles {
			for _, what := range impurities(t, filepath.Join(p.Dir, name)) {
				t.Errorf("%s is pure: %s", p.ImportPath, what)
			}
		}
	}
}

// impurities lists go statements and readings of the clock in a file.
func impurities(t *testing.T, file string) (found []string) {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, fmt.Sprintf("%v: go statement", fset.Position(n.Pos())))
		case *ast.SelectorExpr:
			x, ok := n.X.(*ast.Ident)
			if ok && x.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "NewTimer", "NewTicker"}, n.Sel.Name) {
				found = append(found, fmt.Sprintf("%v: time.%s", fset.Position(n.Pos()), n.Sel.Name))
			}
		}
		return true
	})
	return found
}

// Every package says what it is.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
