package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// Profiles are served with --debug only, and only to who comes to a loopback
// name; all else goes where it went before.
func TestDebugPath(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for _, c := range []struct {
		on         bool
		host, path string
		want       int
	}{
		{false, "127.0.0.1", debugPath, http.StatusTeapot},
		{true, "127.0.0.1", debugPath, http.StatusOK},
		{true, "127.0.0.1", debugPath + "heap", http.StatusOK},
		{true, "127.0.0.1", debugPath + "cmdline", http.StatusOK},
		{true, "graph.example", debugPath + "heap", http.StatusMisdirectedRequest},
		{true, "127.0.0.1", "/", http.StatusTeapot},
		{true, "127.0.0.1", "/api/v1/graph", http.StatusTeapot},
	} {
		r := httptest.NewRequest(http.MethodGet, "http://"+c.host+c.path, nil)
		w := httptest.NewRecorder()
		withDebug(c.on, next).ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("debug %v, http://%s%s: %d, want %d", c.on, c.host, c.path, w.Code, c.want)
		}
	}
}

// What others could reach is refused, as a mistake of the caller, whatever else
// is allowed.
func TestDebugRefused(t *testing.T) {
	var stderr strings.Builder
	got := run(t.Context(), []string{"serve", "--data", t.TempDir(), "--listen", "0.0.0.0:0", "--insecure", "--debug"},
		streams{strings.NewReader(""), io.Discard, &stderr})
	if want := "--debug: --listen=0.0.0.0:0 is not a loopback address"; got != exitUsage || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit code %d, want %d; said %q, want %q", got, exitUsage, stderr.String(), want)
	}
}

// The program serves its profiles when asked to.
func TestServeDebug(t *testing.T) {
	p := serve(t, t.TempDir(), nil, "--debug")
	if _, err := p.get(debugPath + "heap"); err != nil {
		t.Error(err)
	}
	p.stop()
}
