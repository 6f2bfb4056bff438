package api

import (
	"net/http"
	"regexp"
)

// parameterDocs describes the parameters of all routes.
var parameterDocs = map[string]string{
	"from":        "start of the window: RFC 3339, or relative to now like -15m or -2d",
	"to":          "end of the window, exclusive; now if missing",
	"at":          "instead of from and to: the bucket that holds this time",
	"namespace":   "nodes of this service.namespace, and their neighbours",
	"environment": "calls with at least one half in this deployment environment",
	"kind":        "edges of this kind: rpc, database, messaging, link",
	"focus":       "id of a node; only what is reached from it within hops",
	"hops":        "how far from focus, 1 if missing",
	"direction":   "of the hops: up (callers), down (callees), both",
	"format":      "name of the format",
	"layout":      "layout engine of a picture: dot, sfdp, star, twopi, circo, neato, fdp",
	"theme":       "look of a star: dark, light",
	"endTs":       "end of the window, ms since 1970",
	"lookback":    "length of the window, ms",
	"service":     "id of a node: only calls from or to it; of a history those into it, or out of it if nobody calls it, and the answer has a series for each if it is given more than once",
	"base_from":   "start of the window that is compared with",
	"base_to":     "end of that window, exclusive",
	"significant": "true leaves out changes of rate and errors that chance explains",
	"step":        "distance between two points, such as 10s, 1m or 1h; missing: the shortest that gives no more than 400 points. Where only wider buckets are kept, the step in the answer is as wide as they",
	"edge":        "ids of both ends of an edge, joined by a comma",
	"text":        "only operations whose name holds this text, in any case",
	"limit":       "how many at most, 50 if missing",
	"span_kind":   "taken and not looked at: kinds of spans are not kept",
}

type object = map[string]any

// pathParameter is a part of a path that stands for any.
var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// openapi answers with a description of the routes.
func (h *handler) openapi(w http.ResponseWriter, _ *http.Request) error {
	failed := object{
		"description": "the request cannot be answered",
		"content": object{"application/json": object{"schema": object{
			"type": "object",
			"properties": object{"error": object{
				"type":       "object",
				"properties": object{"code": object{"type": "string"}, "message": object{"type": "string"}},
			}},
		}}},
	}
	paths := object{}
	for _, r := range h.routes() {
		params := []object{}
		for _, p := range r.parameters {
			params = append(params, object{
				"name": p, "in": "query", "description": parameterDocs[p], "schema": object{"type": "string"},
			})
		}
		for _, m := range pathParameter.FindAllStringSubmatch(r.path, -1) {
			params = append(params, object{
				"name": m[1], "in": "path", "required": true, "description": "id of a service", "schema": object{"type": "string"},
			})
		}
		paths[r.path] = object{"get": object{
			"summary":    r.summary,
			"parameters": params,
			"responses": object{
				"200":     object{"description": "the answer", "content": object{r.media: object{}}},
				"default": failed,
			},
		}}
	}
	return writeJSON(w, object{
		"openapi": "3.1.0",
		"info":    object{"title": "graphctl", "version": "1", "description": "The call graph of services, from OpenTelemetry spans."},
		"paths":   paths,
	})
}
