// Package ui is the web page: the built files of dist, embedded, as an
// http.Handler.
//
// The files are committed, so that building the program needs no Node; `make
// ui` builds them anew. Every URL in them is relative: the handler works under
// any path prefix, with http.StripPrefix. It serves nothing but those files,
// and each answer carries the content security policy that keeps names from
// spans harmless.
package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed dist
var dist embed.FS

// ContentSecurityPolicy is the policy that every answer carries: scripts,
// styles, fonts and connections from the page's own origin only, no markup
// from strings.
const ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
	"font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'"

// mediaTypes are those of the files that dist may hold; the operating
// system's own table is not asked.
var mediaTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".txt":   "text/plain; charset=utf-8",
	".woff2": "font/woff2",
}

// A file is one file of the page, ready to be sent.
type file struct {
	mediaType string
	etag      string // strong, of the plain content
	plain     []byte
	gzipped   []byte // nil when it would not be smaller
}

// Handler returns the page. It answers GET and HEAD for the files of dist and
// for "/", and 404 for every other path.
func Handler() http.Handler {
	files, err := load(dist, "dist")
	if err != nil {
		panic(fmt.Sprintf("ui: the embedded page cannot be read: %v", err))
	}
	return handler(files)
}

// load reads all files below root, keyed by their path from it.
func load(fsys fs.FS, root string) (map[string]*file, error) {
	files := make(map[string]*file)
	err := fs.WalkDir(fsys, root, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(fsys, name)
		if err != nil {
			return err
		}
		f, err := newFile(name, content)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(name, root+"/")] = f
		return nil
	})
	return files, err
}

func newFile(name string, content []byte) (*file, error) {
	mediaType, ok := mediaTypes[path.Ext(name)]
	if !ok {
		return nil, fmt.Errorf("%s: no media type is known for it", name)
	}
	sum := sha256.Sum256(content)
	f := &file{
		mediaType: mediaType,
		etag:      base64.RawURLEncoding.EncodeToString(sum[:12]),
		plain:     content,
	}
	if path.Ext(name) == ".woff2" {
		return f, nil
	}
	var zipped bytes.Buffer
	w, err := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if zipped.Len() < len(content) {
		f.gzipped = zipped.Bytes()
	}
	return f, nil
}

type handler map[string]*file

func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurityHeaders(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	if name == "" {
		name = "index.html"
	}
	f, ok := h[name]
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	f.serve(w, r)
}

func setSecurityHeaders(h http.Header) {
	h.Set("Content-Security-Policy", ContentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, etag := f.plain, `"`+f.etag+`"`
	h.Set("Vary", "Accept-Encoding")
	if f.gzipped != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, etag = f.gzipped, `"`+f.etag+`-gz"`
		h.Set("Content-Encoding", "gzip")
	}
	// File names are stable, so a browser asks each time; the tag makes the
	// answer cheap.
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		w.Write(body) // an error means that the browser went away
	}
}

// acceptsGzip reports whether an Accept-Encoding header names gzip with a
// weight other than 0.
func acceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		coding, weight, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.TrimSpace(coding) != "gzip" {
			continue
		}
		q, ok := strings.CutPrefix(strings.TrimSpace(weight), "q=")
		if !ok {
			return true
		}
		value, err := strconv.ParseFloat(q, 64)
		return err == nil && value > 0
	}
	return false
}

// matches reports whether an If-None-Match header names the tag.
func matches(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		tag := strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}
