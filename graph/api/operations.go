package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"graphctl/graph"
)

const (
	// operationsAge is how old the list of operations may be: they are kept by
	// the hour, and people type faster than they change.
	operationsAge = 30 * time.Second
	// maxOperations bounds an answer, defaultOperations is how many it holds
	// when nobody says.
	maxOperations, defaultOperations = 1000, 50
)

// An operation is what spans of a service are named.
type operation struct {
	Service string `json:"service"` // id of the node
	Name    string `json:"name"`
	Spans   int64  `json:"spans"` // in the last day
	lower   string
}

// operationList is the list of the last day, the busiest first.
type operationList struct {
	mu   sync.Mutex
	at   time.Time
	list []operation
}

// operationsOf returns the list, which must not be changed.
func (h *handler) operationsOf(ctx context.Context) ([]operation, error) {
	l := &h.operationCache
	l.mu.Lock()
	defer l.mu.Unlock()
	now := h.o.Now()
	if l.list != nil && now.Sub(l.at) < operationsAge {
		return l.list, nil
	}
	spans := make(map[graph.Subject]int64)
	err := h.bounded(ctx, func(ctx context.Context) error {
		return h.o.History.CellsWithin(ctx, graph.InstantOf(now.Add(-defaultLookback)), graph.InstantOf(now), graph.Coarse,
			func(k graph.Key, s *graph.Stats, _ time.Duration) bool {
				if sub := k.Subject.Value(); sub.Of == graph.OfOperation {
					spans[sub] += s.Calls
				}
				return true
			})
	})
	if err != nil {
		return nil, err
	}
	list := make([]operation, 0, len(spans))
	for sub, n := range spans {
		if n > 0 {
			list = append(list, operation{sub.From.Print(), sub.Detail, n, strings.ToLower(sub.Detail)})
		}
	}
	slices.SortFunc(list, func(a, b operation) int {
		return cmp.Or(cmp.Compare(b.Spans, a.Spans), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Name, b.Name))
	})
	l.list, l.at = list, now
	return list, nil
}

// operations answers with the busiest operations, of a service or whose names
// hold a text.
func (h *handler) operations(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, "service", "text", "limit")
	if err != nil {
		return err
	}
	limit := defaultOperations
	if s := v.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > maxOperations {
			return badRequest("limit is %q; it is a whole number from 1 to %d", s, maxOperations)
		}
	}
	all, err := h.operationsOf(r.Context())
	if err != nil {
		return err
	}
	service, text := v.Get("service"), strings.ToLower(v.Get("text"))
	found := []operation{}
	for _, o := range all {
		if len(found) == limit {
			break
		}
		if (service == "" || o.Service == service) && strings.Contains(o.lower, text) {
			found = append(found, o)
		}
	}
	return writeJSON(w, map[string][]operation{"operations": found})
}

// namesOf returns the names of a service's operations, in order.
func (h *handler) namesOf(ctx context.Context, service string) ([]string, error) {
	all, err := h.operationsOf(ctx)
	if err != nil {
		return nil, err
	}
	names := []string{}
	for _, o := range all {
		if o.Service == service {
			names = append(names, o.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func (h *handler) jaegerOperations(w http.ResponseWriter, r *http.Request) error {
	names, err := h.namesOf(r.Context(), r.PathValue("service"))
	if err != nil {
		return err
	}
	return writeJSON(w, envelope{Data: names, Total: len(names)})
}

// jaegerOperation is an operation as Jaeger's API v3 gives it; the kinds of its
// spans are not kept.
type jaegerOperation struct {
	Name     string `json:"name"`
	SpanKind string `json:"spanKind"`
}

func (h *handler) jaegerOperationsV3(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, "service", "span_kind")
	if err != nil {
		return err
	}
	names, err := h.namesOf(r.Context(), v.Get("service"))
	if err != nil {
		return err
	}
	list := make([]jaegerOperation, 0, len(names))
	for _, n := range names {
		list = append(list, jaegerOperation{Name: n})
	}
	return writeJSON(w, map[string][]jaegerOperation{"operations": list})
}
