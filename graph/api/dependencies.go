package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"graphctl/graph"
)

// defaultLookback is what Jaeger looks back by default.
const defaultLookback = 24 * time.Hour

// interval reads endTs and lookback, both in ms.
func (h *handler) interval(v url.Values, endRequired bool) (q graph.Query, err error) {
	end, lookback := h.o.Now(), defaultLookback
	if s := v.Get("endTs"); s != "" {
		ms, err := milliseconds("endTs", s)
		if err != nil {
			return q, err
		}
		end = time.UnixMilli(ms)
	} else if endRequired {
		return q, badRequest("endTs is missing: the end of the window in ms since 1970")
	}
	if s := v.Get("lookback"); s != "" {
		ms, err := milliseconds("lookback", s)
		if err != nil {
			return q, err
		}
		lookback = time.Duration(ms) * time.Millisecond
	}
	q.To = graph.InstantOf(end)
	q.From = max(q.To-graph.Instant(lookback), 1)
	return q, nil
}

func milliseconds(name, s string) (int64, error) {
	const longest = int64(200 * 365 * 24 * time.Hour / time.Millisecond)
	ms, err := strconv.ParseInt(s, 10, 64)
	if err != nil || ms < 1 || ms > longest {
		return 0, badRequest("%s is %q; it is a number of milliseconds", name, s)
	}
	return ms, nil
}

// dependency is an edge as Jaeger and Zipkin write it. Edges of different kinds
// between two nodes are one.
type dependency struct {
	Parent     string `json:"parent"`
	Child      string `json:"child"`
	CallCount  int64  `json:"callCount"`
	ErrorCount int64  `json:"errorCount,omitempty"`
}

// dependencies lists the calls in a window, only those of one service if it is
// not "".
func (h *handler) dependencies(ctx context.Context, q graph.Query, service string) ([]dependency, error) {
	g, err := h.read(ctx, q)
	if err != nil {
		return nil, err
	}
	list := []dependency{}
	for i := range g.Edges {
		e := &g.Edges[i]
		if service != "" && e.From != service && e.To != service {
			continue
		}
		if n := len(list); n > 0 && list[n-1].Parent == e.From && list[n-1].Child == e.To {
			list[n-1].CallCount += e.Stats.Calls
			list[n-1].ErrorCount += e.Stats.Errors
			continue
		}
		list = append(list, dependency{e.From, e.To, e.Stats.Calls, e.Stats.Errors})
	}
	return list, nil
}

func (h *handler) zipkinDependencies(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, "endTs", "lookback")
	if err != nil {
		return err
	}
	q, err := h.interval(v, true)
	if err != nil {
		return err
	}
	list, err := h.dependencies(r.Context(), q, "")
	if err != nil {
		return err
	}
	return writeJSON(w, list)
}

// envelope is how Jaeger wraps every answer.
type envelope struct {
	Data   any           `json:"data"`
	Total  int           `json:"total"`
	Limit  int           `json:"limit"`
	Offset int           `json:"offset"`
	Errors []jaegerError `json:"errors"`
}

type jaegerError struct {
	Code int    `json:"code"`
	Msg  string `json:"msg"`
}

// writeJaeger answers with f in Jaeger's form.
func (f *failure) writeJaeger(w http.ResponseWriter) {
	f.writeAs(w, envelope{Errors: []jaegerError{{f.status, f.message}}})
}

func (h *handler) jaegerDependencies(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, "endTs", "lookback", "service")
	if err != nil {
		return err
	}
	q, err := h.interval(v, false)
	if err != nil {
		return err
	}
	list, err := h.dependencies(r.Context(), q, v.Get("service"))
	if err != nil {
		return err
	}
	for i := range list {
		list[i].ErrorCount = 0 // not in Jaeger's form
	}
	return writeJSON(w, envelope{Data: list})
}

// services lists the ids of the services in the last day.
func (h *handler) services(ctx context.Context) ([]string, error) {
	now := h.o.Now()
	g, err := h.read(ctx, graph.Query{From: graph.InstantOf(now.Add(-defaultLookback)), To: graph.InstantOf(now)})
	if err != nil {
		return nil, err
	}
	names := []string{}
	for i := range g.Nodes {
		if g.Nodes[i].Kind == graph.Service {
			names = append(names, g.Nodes[i].ID)
		}
	}
	return names, nil
}

func (h *handler) jaegerServices(w http.ResponseWriter, r *http.Request) error {
	names, err := h.services(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, envelope{Data: names, Total: len(names)})
}

func (h *handler) jaegerServicesV3(w http.ResponseWriter, r *http.Request) error {
	names, err := h.services(r.Context())
	if err != nil {
		return err
	}
	return writeJSON(w, map[string][]string{"services": names})
}
