package api

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// compressor is a ResponseWriter that compresses the body if the client takes
// gzip and the media type gains by it.
type compressor struct {
	http.ResponseWriter
	accepted bool
	begun    bool
	zip      *gzip.Writer // nil: the body is written as it is
}

var zips = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic("api: " + err.Error()) // the level is one of the library's own
	}
	return z
}}

func compress(w http.ResponseWriter, r *http.Request) *compressor {
	return &compressor{ResponseWriter: w, accepted: acceptsGzip(r) && r.Method != http.MethodHead}
}

// Unwrap is for http.ResponseController.
func (c *compressor) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (c *compressor) WriteHeader(status int) {
	if c.begun {
		return
	}
	c.begun = true
	h := c.Header()
	compressible := h.Get("Content-Type") != "image/png" && h.Get("Content-Encoding") == ""
	if compressible {
		h.Add("Vary", "Accept-Encoding")
	}
	if compressible && c.accepted {
		h.Set("Content-Encoding", "gzip")
		h.Del("Content-Length")
		c.zip = zips.Get().(*gzip.Writer)
		c.zip.Reset(c.ResponseWriter)
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *compressor) Write(b []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	if c.zip == nil {
		return c.ResponseWriter.Write(b)
	}
	return c.zip.Write(b)
}

// close ends the body.
func (c *compressor) close() {
	if c.zip != nil {
		_ = c.zip.Close() // an error means that the client is gone
		zips.Put(c.zip)
		c.zip = nil
	}
}

// acceptsGzip reports whether the client takes gzip: it is named, or everything
// is, with a weight above 0.
func acceptsGzip(r *http.Request) bool {
	any := false
	for _, value := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(value, ",") {
			coding, params, _ := strings.Cut(part, ";")
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip":
				return weight(params) > 0
			case "*":
				any = weight(params) > 0
			}
		}
	}
	return any
}

// weight reads the q of a coding, 1 if it has none, 0 if it is not a number.
func weight(params string) float64 {
	name, value, ok := strings.Cut(strings.TrimSpace(params), "=")
	if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return q
}
