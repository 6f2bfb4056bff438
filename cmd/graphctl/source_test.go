package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"
	"time"

	"graphctl/graph/export"
)

// exported returns what graphctl export writes to standard output.
func exported(t *testing.T, in io.Reader, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := run(t.Context(), append([]string{"export"}, args...), streams{in, &out, &errs}); code != 0 || errs.Len() > 0 {
		t.Fatalf("export %q: exit %d, %s", args, code, errs.String())
	}
	return out.String()
}

// The same graph is the same bytes in every text format, whether it comes from
// the API, from a server, from an exported JSON, or from the file of the
// server once that has stopped.
func TestSourcesAgree(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data, nil, "--settle", "200ms")
	now := time.Now()
	const calls = 30
	for n := range calls {
		for _, server := range []bool{true, false} {
			if err := p.post(t.Context(), half(n, server, now.Add(time.Duration(n)*-7*time.Second))); err != nil {
				t.Fatal(err)
			}
		}
	}
	p.wantCalls(calls)
	p.balanced(2 * calls)
	want := map[string]string{}
	for _, f := range export.Formats {
		body, err := p.get("/api/v1/export?format=" + f.Name)
		if err != nil {
			t.Fatal(err)
		}
		want[f.Name] = body
		if got := exported(t, nil, "--server", "http://"+p.web, "--format", f.Name); got != body {
			t.Errorf("%s from the server:\n%s\nwant:\n%s", f.Name, got, body)
		}
	}
	if body, err := p.get("/api/v1/graph"); err != nil || body != want["json"] {
		t.Errorf("/api/v1/graph is not what is exported (%v):\n%s\nwant:\n%s", err, body, want["json"])
	}
	p.stop()
	for _, f := range export.Formats {
		if got := exported(t, bytes.NewReader([]byte(want["json"])), "--input", "-", "--"+f.Name); got != want[f.Name] {
			t.Errorf("%s from JSON:\n%s\nwant:\n%s", f.Name, got, want[f.Name])
		}
		if got := exported(t, nil, "--db", filepath.Join(data, "graph.db"), "--"+f.Name); got != want[f.Name] {
			t.Errorf("%s from the file:\n%s\nwant:\n%s", f.Name, got, want[f.Name])
		}
	}
}
