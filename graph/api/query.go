package api

import (
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"graphctl/graph"
)

// queryParameters are what questions about the graph may say.
var queryParameters = []string{"from", "to", "at", "namespace", "environment", "kind", "focus", "hops", "direction"}

// parameters returns the parameters of r, each given once and each of the known
// ones.
func parameters(r *http.Request, known ...string) (url.Values, error) {
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
		case len(values) > 1:
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
		if *p.to, err = parseTime(p.name, v.Get(p.name), now); err != nil {
			return q, err
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

// parseTime reads an RFC 3339 time, "now", or a duration before now like -15m
// or -2d; "" is the zero Instant, which is no bound.
func parseTime(name, s string, now time.Time) (graph.Instant, error) {
	switch {
	case s == "":
		return 0, nil
	case s == "now":
		return graph.InstantOf(now), nil
	case strings.HasPrefix(s, "-"):
		d, ok := parseDuration(s[1:])
		if !ok {
			return 0, badRequest("%s is %q; a relative time is like -15m, -2h30m or -7d", name, s)
		}
		return graph.InstantOf(now.Add(-d)), nil
	}
	// A plus sign in a query that was not escaped arrives as a space.
	t, err := time.Parse(time.RFC3339, strings.Replace(s, " ", "+", 1))
	if err != nil {
		return 0, badRequest("%s is %q; a time is RFC 3339, like 2026-01-31T10:00:00Z, or relative, like -15m", name, s)
	}
	if t.Year() < 1970 || t.Year() > 2261 {
		return 0, badRequest("%s is %q; times lie between 1970 and 2261", name, s)
	}
	return max(graph.InstantOf(t), 1), nil
}

// parseDuration reads a duration of at most 100 years; beside Go's units d is a
// day.
func parseDuration(s string) (time.Duration, bool) {
	const day = 24 * time.Hour
	const longest = 36525 * day
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0) || n > float64(longest/day) {
			return 0, false
		}
		return time.Duration(math.Round(n * float64(day))), true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0 && d <= longest && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "+")
}
