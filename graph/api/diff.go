package api

import (
	"net/http"
	"net/url"
	"strconv"

	"graphctl/graph"
	"graphctl/graph/diff"
)

// diff answers with what a window shows that its base does not, and the other
// way round. Filters hold for both.
func (h *handler) diff(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, append([]string{"base_from", "base_to", "significant"}, filterParameters...)...)
	if err != nil {
		return err
	}
	var o diff.Options
	if s := v.Get("significant"); s != "" {
		if o.Significant, err = strconv.ParseBool(s); err != nil {
			return badRequest("significant is %q; it is true or false", s)
		}
	}
	of := url.Values{}
	for name, values := range v {
		switch name {
		case "from", "to", "significant":
		case "base_from":
			of["from"] = values
		case "base_to":
			of["to"] = values
		default:
			of[name] = values
		}
	}
	base, err := h.window(r, of)
	if err != nil {
		return err
	}
	of["from"], of["to"] = v["from"], v["to"]
	now, err := h.window(r, of)
	if err != nil {
		return err
	}
	if focus := v.Get("focus"); focus != "" && len(base.Nodes)+len(now.Nodes) == 0 {
		return missing("no node has the id %q in those windows and that selection", focus)
	}
	return writeJSON(w, diff.Compare(base, now, o))
}

// window reads a graph; a focus that it lacks leaves it empty.
func (h *handler) window(r *http.Request, v url.Values) (*graph.Graph, error) {
	q, err := h.query(v)
	if err != nil {
		return nil, err
	}
	return h.read(r.Context(), q)
}
