package api

import "net/http"

// A route is a path of the API.
type route struct {
	path    string
	handler http.Handler
	// summary, parameters and media are for the OpenAPI document; a route
	// without summary is not in it.
	summary    string
	parameters []string
	media      string
}

// routes lists the paths that are served.
func (h *handler) routes() []route {
	json := func(a answer) http.Handler { return h.serve(a, (*failure).write) }
	jaeger := func(a answer) http.Handler { return h.serve(a, (*failure).writeJaeger) }
	list := []route{
		{"/api/v1/graph", json(h.graph), "The graph of a window", queryParameters, "application/json"},
		{"/api/v1/export", json(h.export), "The graph of a window as a file", append([]string{"format", "layout", "theme"}, queryParameters...), "application/octet-stream"},
		{"/api/v1/diff", json(h.diff), "What a window shows and its base does not, and the other way round", append([]string{"base_from", "base_to", "significant"}, filterParameters...), "application/json"},
		{"/api/v1/status", json(h.status), "Version, listeners, durability in force, and what became of every span", nil, "application/json"},
		{"/api/v1/openapi.json", json(h.openapi), "This document", nil, "application/json"},
		{"/healthz", json(h.healthz), "Whether the process lives", nil, "text/plain"},
		{"/readyz", json(h.readyz), "Whether it can serve; 503 if not", nil, "text/plain"},
		{"/metrics", h.metrics(), "Prometheus metrics: the program's own, and the service graph", nil, "text/plain"},
		{"/api/dependencies", jaeger(h.jaegerDependencies), "Dependencies as Jaeger's query service gives them; endTs and lookback in ms", []string{"endTs", "lookback", "service"}, "application/json"},
		{"/api/services", jaeger(h.jaegerServices), "Names of services, as Jaeger's query service gives them", nil, "application/json"},
		{"/api/v3/services", jaeger(h.jaegerServicesV3), "Names of services, as Jaeger's API v3 gives them", nil, "application/json"},
		{"/zipkin/api/v2/dependencies", json(h.zipkinDependencies), "Dependencies as Zipkin gives them; endTs and lookback in ms", []string{"endTs", "lookback"}, "application/json"},
	}
	if h.o.History != nil {
		list = append(list,
			route{"/api/v1/history", json(h.history), "Calls, errors and latency over time, in columns: of the whole graph, an edge, or the calls into a node", []string{"from", "to", "step", "edge", "service"}, "application/json"},
			route{"/api/v1/operations", json(h.operations), "The busiest operations of the last day", []string{"service", "text", "limit"}, "application/json"},
			route{"/api/services/{service}/operations", jaeger(h.jaegerOperations), "Names of a service's operations, as Jaeger's query service gives them", nil, "application/json"},
			route{"/api/v3/operations", json(h.jaegerOperationsV3), "Names of a service's operations, as Jaeger's API v3 gives them", []string{"service", "span_kind"}, "application/json"},
		)
	}
	if h.o.Stream != nil {
		list = append(list, route{"/api/v1/stream", h.o.Stream, "WebSocket: a snapshot and what changes", []string{"format"}, "application/json"})
	}
	return list
}
