//go:build !race

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// Pictures are drawn by WebAssembly in a child process, which shares nothing
// with its parent and takes half a minute under the race detector: these tests
// run without it.

func TestPictures(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/pictures"})
}

// A running server draws its graph.
func TestServePicture(t *testing.T) {
	p := serve(t, t.TempDir(), nil)
	for _, server := range []bool{false, true} {
		if err := p.post(t.Context(), half(0, server, time.Now())); err != nil {
			t.Fatal(err)
		}
	}
	p.wantCalls(1)
	body, err := p.get("/api/v1/export?format=svg")
	if err != nil || !strings.Contains(body, "<svg") {
		t.Errorf("%v: %.1000s", err, body)
	}
	p.stop()
}
