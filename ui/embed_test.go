package ui

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func answer(t *testing.T, h http.Handler, method, target string, header map[string]string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, target, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// The page, its parts and nothing else are served.
func TestServesThePage(t *testing.T) {
	h := Handler()
	for _, c := range []struct {
		method, target string
		status         int
		mediaType      string
	}{
		{"GET", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/index.html", 200, "text/html; charset=utf-8"},
		{"HEAD", "/", 200, "text/html; charset=utf-8"},
		{"GET", "/assets/app.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/assets/layout.js", 200, "text/javascript; charset=utf-8"},
		{"GET", "/assets/style.css", 200, "text/css; charset=utf-8"},
		{"GET", "/fonts/inter-latin-wght.woff2", 200, "font/woff2"},
		{"GET", "/fonts/Inter-OFL.txt", 200, "text/plain; charset=utf-8"},
		{"GET", "/assets", 404, ""},
		{"GET", "/nothing", 404, ""},
		{"GET", "/../embed.go", 404, ""},
		{"POST", "/", 405, ""},
	} {
		res := answer(t, h, c.method, c.target, nil)
		if res.StatusCode != c.status {
			t.Errorf("%s %s: got status %d, want %d", c.method, c.target, res.StatusCode, c.status)
		}
		if got := res.Header.Get("Content-Type"); c.mediaType != "" && got != c.mediaType {
			t.Errorf("%s %s: got type %q, want %q", c.method, c.target, got, c.mediaType)
		}
		if b := body(t, res); c.method == "HEAD" && b != "" {
			t.Errorf("HEAD %s: got a body of %d bytes", c.target, len(b))
		}
	}
}

// Every answer, also one that refuses, carries the policy.
func TestSecurityHeaders(t *testing.T) {
	h := Handler()
	for _, target := range []string{"/", "/assets/app.js", "/nothing"} {
		res := answer(t, h, "GET", target, nil)
		for name, want := range map[string]string{
			"Content-Security-Policy": ContentSecurityPolicy,
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
		} {
			if got := res.Header.Get(name); got != want {
				t.Errorf("%s: got %s %q, want %q", target, name, got, want)
			}
		}
	}
	if strings.Contains(ContentSecurityPolicy, "unsafe") {
		t.Errorf("the policy allows something unsafe: %s", ContentSecurityPolicy)
	}
}

// A browser that has a file is told so, and one that has another is sent it.
func TestEntityTags(t *testing.T) {
	h := Handler()
	for _, encoding := range []string{"", "gzip, deflate, br"} {
		first := answer(t, h, "GET", "/assets/app.js", map[string]string{"Accept-Encoding": encoding})
		tag := first.Header.Get("ETag")
		if tag == "" {
			t.Fatal("no ETag")
		}
		again := answer(t, h, "GET", "/assets/app.js", map[string]string{"Accept-Encoding": encoding, "If-None-Match": `"other", W/` + tag})
		if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
			t.Errorf("encoding %q: got status %d, want 304 without body", encoding, again.StatusCode)
		}
		other := answer(t, h, "GET", "/assets/app.js", map[string]string{"Accept-Encoding": encoding, "If-None-Match": `"other"`})
		if other.StatusCode != http.StatusOK {
			t.Errorf("encoding %q: got status %d, want 200", encoding, other.StatusCode)
		}
	}
}

// The compressed form holds the same file; a weight of 0 refuses it.
func TestCompression(t *testing.T) {
	h := Handler()
	plain := body(t, answer(t, h, "GET", "/assets/app.js", map[string]string{"Accept-Encoding": "gzip;q=0, identity"}))
	res := answer(t, h, "GET", "/assets/app.js", map[string]string{"Accept-Encoding": "deflate, gzip;q=0.8"})
	if got := res.Header.Get("Content-Encoding"); got != "gzip" {
		t.Fatalf("got encoding %q, want gzip", got)
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	unzipped, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if string(unzipped) != plain {
		t.Errorf("the compressed form differs from the plain one")
	}
}

// What a script imports when it starts; what it imports when asked has brackets.
var staticImport = regexp.MustCompile(`(?:from|import)\s*["']\./([\w-]+\.js)["']`)

// The first picture is within its budget: 60 kB of script and style, 60 kB of
// font.
func TestFirstLoadStaysSmall(t *testing.T) {
	files, err := load(dist, "dist")
	if err != nil {
		t.Fatal(err)
	}
	const budget = 60_000
	code, seen := 0, map[string]bool{}
	var count func(name string)
	count = func(name string) {
		f, ok := files["assets/"+name]
		if !ok {
			t.Fatalf("%s is not there", name)
		}
		if seen[name] {
			return
		}
		seen[name] = true
		code += len(f.gzipped)
		for _, m := range staticImport.FindAllStringSubmatch(string(f.plain), -1) {
			count(m[1])
		}
	}
	for _, name := range []string{"app.js", "style.css", "layout.js"} { // the last is the worker's
		count(name)
	}
	if len(seen) < 4 {
		t.Errorf("only %v are loaded: are imports recognised?", seen)
	}
	font := 0
	for name, f := range files {
		if strings.HasSuffix(name, ".woff2") {
			font += len(f.plain)
		}
	}
	if code > budget || font > budget {
		t.Errorf("got %d bytes of code and %d of font, want at most %d each", code, font, budget)
	}
}

// Under a path prefix everything is found, since no URL is absolute.
func TestURLsAreRelative(t *testing.T) {
	files, err := load(dist, "dist")
	if err != nil {
		t.Fatal(err)
	}
	absolute := regexp.MustCompile(`(?:src|href)="/|url\(["']?/`)
	for _, name := range []string{"index.html", "assets/style.css"} {
		if got := absolute.Find(files[name].plain); got != nil {
			t.Errorf("%s has an absolute URL: %s", name, got)
		}
	}
	h := http.StripPrefix("/graphs", Handler())
	if res := answer(t, h, "GET", "/graphs/assets/app.js", nil); res.StatusCode != http.StatusOK {
		t.Errorf("under a prefix: got status %d, want 200", res.StatusCode)
	}
}
