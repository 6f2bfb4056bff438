package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// A failure is an error with an answer: what went wrong, for programs and for
// people.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return "api: " + f.message }

// badRequest is the failure of a request that can never be answered.
func badRequest(format string, args ...any) error {
	return &failure{http.StatusBadRequest, "bad_request", fmt.Sprintf(format, args...)}
}

func missing(format string, args ...any) error {
	return &failure{http.StatusNotFound, "not_found", fmt.Sprintf(format, args...)}
}

func notFound(_ http.ResponseWriter, r *http.Request) error {
	return missing("there is nothing at %q; GET /api/v1/openapi.json lists what there is", r.URL.Path)
}

// errGone reports that an answer was begun and could not be finished: there is
// nobody left to tell.
var errGone = errors.New("api: the client is gone")

// written turns an error of writing the body into errGone.
func written(err error) error {
	if err != nil {
		return errGone
	}
	return nil
}

// failureOf returns the answer to err.
func (h *handler) failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	for _, busy := range h.o.Busy {
		if errors.Is(err, busy) {
			return &failure{http.StatusServiceUnavailable, "busy", err.Error()}
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &failure{http.StatusServiceUnavailable, "timeout", fmt.Sprintf("no answer within %v; ask for a shorter window", readTimeout)}
	}
	return &failure{http.StatusInternalServerError, "internal", "the graph could not be read; the server's log says why"}
}

// write answers with f.
func (f *failure) write(w http.ResponseWriter) {
	body := map[string]map[string]string{"error": {"code": f.code, "message": f.message}}
	f.writeAs(w, body)
}

// writeAs answers with f's status and a body of another form.
func (f *failure) writeAs(w http.ResponseWriter, body any) {
	h := w.Header()
	h.Del("Content-Disposition")
	h.Set("Content-Type", "application/json")
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("api: encode an error: %v", err)) // only strings and numbers
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(append(b, '\n')) // the client may be gone
}

// An answer answers a request or says why it does not. It may return an error
// only before it wrote to the body, or errGone.
type answer func(w http.ResponseWriter, r *http.Request) error

// plain is a handler of an answer that fails in the API's own form.
func plain(a answer) http.Handler {
	return new(handler).serve(a, (*failure).write)
}

// serve returns a handler that allows reading methods only, sets the headers
// that every answer has, compresses, and turns errors into answers.
func (h *handler) serve(a answer, fail func(*failure, http.ResponseWriter)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", strings.Join([]string{http.MethodGet, http.MethodHead}, ", "))
			fail(&failure{http.StatusMethodNotAllowed, "method_not_allowed", "this path is only read, with GET"}, w)
			return
		}
		z := compress(w, r)
		defer z.close()
		err := a(z, r)
		switch {
		case err == nil, errors.Is(err, errGone), r.Context().Err() != nil:
			return
		}
		f := h.failureOf(err)
		if f.status == http.StatusInternalServerError && h.o.Log != nil {
			h.o.Log.Error("request failed", "path", r.URL.Path, "error", err)
		}
		fail(f, z)
	})
}

// secure sets the headers that keep an answer from being taken for a page.
func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}
