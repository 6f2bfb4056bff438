package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"graphctl/graph"
)

// queryParameters are what questions about the graph may say.
var queryParameters = []string{"from", "to", "at", "namespace", "environment", "kind", "focus", "hops", "direction"}

// filterParameters are those that two windows may share.
var filterParameters = slices.DeleteFunc(slices.Clone(queryParameters), func(p string) bool { return p == "at" })

// parameters returns the parameters of r, each given once and each of the known
// ones.
func parameters(r *http.Request, known ...string) (url.Values, error) {
	return parametersMany(r, "", known...)
}

// parametersMany is the same, but the one named many may be given often.
func parametersMany(r *http.Request, many string, known ...string) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, &failure{http.StatusRequestURITooLong, "uri_too_long", "the query is longer than 8 KiB"}
	}
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, badRequest("the query cannot be read: %v", err)
	}
	for name, values := range v {
		switch {
		case !slices.Contains(known, name):
			return nil, badRequest("unknown parameter %q; known are %s", name, strings.Join(known, ", "))
		case len(values) > 1 && name != many:
			return nil, badRequest("parameter %q is given %d times", name, len(values))
		}
	}
	return v, nil
}

// query reads a question about the graph.
func (h *handler) query(v url.Values) (q graph.Query, err error) {
	now := h.o.Now()
	for _, p := range []struct {
		name string
		to   *graph.Instant
	}{{"from", &q.From}, {"to", &q.To}, {"at", &q.At}} {
		// A plus sign in a query that was not escaped arrives as a space.
		text := strings.Replace(v.Get(p.name), " ", "+", 1)
		if *p.to, err = graph.ParseInstant(text, now); err != nil {
			return q, badRequest("%s is %q; %v", p.name, text, err)
		}
	}
	switch {
	case q.At != 0 && (q.From != 0 || q.To != 0):
		return q, badRequest("at is a window of its own; give at alone, or from and to")
	case q.From != 0 && q.To != 0 && q.From >= q.To:
		return q, badRequest("from must be before to: the window %s to %s is empty", v.Get("from"), v.Get("to"))
	}
	q.Namespace, q.Environment, q.Focus = v.Get("namespace"), v.Get("environment"), v.Get("focus")
	if kind := v.Get("kind"); kind != "" {
		var ok bool
		if q.Kind, ok = graph.ParseEdgeKind(kind); !ok {
			return q, badRequest("unknown kind %q; kinds of edges are rpc, database, messaging, link", kind)
		}
	}
	if hops := v.Get("hops"); hops != "" {
		n, err := strconv.Atoi(hops)
		if err != nil || n < 1 || n > maxHops {
			return q, badRequest("hops is %q; it must be a whole number from 1 to %d", hops, maxHops)
		}
		q.Hops = n
	}
	var ok bool
	if q.Direction, ok = graph.ParseDirection(v.Get("direction")); !ok {
		return q, badRequest("unknown direction %q; directions are up, down, both", v.Get("direction"))
	}
	return q, nil
}
