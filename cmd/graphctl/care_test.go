package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"graphctl/graph"
	"graphctl/graph/boltstore"
)

// madeGraph returns a closed file with a call of web on cart, and much that was
// deleted again.
func madeGraph(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "graph.db")
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := new(graph.Delta)
	d.At(graph.Key{
		Subject: graph.Subject{
			Of: graph.OfEdge, Kind: graph.RPC,
			From: graph.NodeRef{Kind: graph.Service, Name: "web"}, To: graph.NodeRef{Kind: graph.Service, Name: "cart"},
		}.ID(),
		Facets: graph.Facets{}.ID(),
		Bucket: graph.Instant(1 << 60).Floor(graph.Fine),
	}).Calls = 3
	for seq := range uint64(10) {
		if err := s.Apply(t.Context(), []graph.Batch{{Seq: seq + 1, Delta: d}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func cared(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, streams{strings.NewReader(""), &o, &e})
	return code, o.String(), e.String()
}

// verify says what it checked and finds a changed byte; compact makes the file
// smaller, and neither touches one that a server has open.
func TestCareOfTheStore(t *testing.T) {
	path := madeGraph(t)
	if code, out, errs := cared(t, "verify", path); code != exitOK || !strings.Contains(out, "is good: format 2") || !strings.Contains(out, "1 names") || errs != "" {
		t.Errorf("verify: exit %d: %s%s", code, out, errs)
	}
	if code, out, errs := cared(t, "compact", path); code != exitOK || !strings.Contains(out, "bytes before") {
		t.Errorf("compact: exit %d: %s%s", code, out, errs)
	}
	if code, out, errs := cared(t, "edges", "--db", path, "-o", "csv"); code != exitOK || !strings.Contains(out, "web,cart,rpc,30,") {
		t.Errorf("edges after compacting: exit %d: %s%s", code, out, errs)
	}
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"verify", "compact"} {
		if code, _, errs := cared(t, command, path); code != exitFailed || !strings.Contains(errs, `is "graphctl serve" running`) {
			t.Errorf("%s of an open file: exit %d: %s", command, code, errs)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[bytes.Index(b, []byte("cart"))] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := cared(t, "verify", path); code != exitFailed || !strings.Contains(errs, "damaged") || out != "" {
		t.Errorf("verify of a changed file: exit %d: %s%s", code, out, errs)
	}
}

// After the machine stopped with the file open a server has it verified by
// another process, sets it aside if it is torn, and serves.
func TestTornStoreIsSetAside(t *testing.T) {
	for name, torn := range map[string]bool{"whole": false, "torn": true} {
		t.Run(name, func(t *testing.T) {
			path := madeGraph(t)
			if err := os.WriteFile(path+".open", []byte("another boot"), 0o600); err != nil {
				t.Fatal(err)
			}
			if torn {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				b = bytes.ReplaceAll(b, []byte("cart"), []byte("care")) // in old pages too
				if err := os.WriteFile(path, b, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p := serve(t, filepath.Dir(path), nil)
			p.stop()
			aside, err := filepath.Glob(path + ".corrupt-*")
			if err != nil || torn != (len(aside) == 1) || torn != strings.Contains(p.logged(), "it was set aside") {
				t.Errorf("set aside: %v, %v\n%s", aside, err, p.logged())
			}
		})
	}
}
