package api

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"graphctl/graph"
	"graphctl/graph/export"
)

// graph answers with the graph that the parameters select.
func (h *handler) graph(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, queryParameters...)
	if err != nil {
		return err
	}
	g, err := h.selected(r.Context(), v)
	if err != nil {
		return err
	}
	return writeFormat(w, export.JSON, g, export.Options{}, false)
}

// export answers with the same in any format, as a file.
func (h *handler) export(w http.ResponseWriter, r *http.Request) error {
	v, err := parameters(r, append(slices.Clone(queryParameters), "format", "layout", "theme")...)
	if err != nil {
		return err
	}
	f, ok := export.Find(h.o.Formats, v.Get("format"))
	if !ok {
		var names []string
		for _, f := range h.o.Formats {
			names = append(names, f.Name)
		}
		if v.Get("format") == "" {
			return badRequest("format is missing; formats are %s", strings.Join(names, ", "))
		}
		return badRequest("unknown format %q; formats are %s", v.Get("format"), strings.Join(names, ", "))
	}
	layout := v.Get("layout")
	if layout != "" && !slices.Contains(export.Layouts, layout) {
		return badRequest("unknown layout %q; layouts are %s", layout, strings.Join(export.Layouts, ", "))
	}
	theme := v.Get("theme")
	if theme != "" && !slices.Contains(export.Themes, theme) {
		return badRequest("unknown theme %q; themes are %s", theme, strings.Join(export.Themes, ", "))
	}
	g, err := h.selected(r.Context(), v)
	if err != nil {
		return err
	}
	return writeFormat(w, f, g, export.Options{Layout: layout, Theme: theme}, true)
}

// selected reads the graph that v selects.
func (h *handler) selected(ctx context.Context, v url.Values) (*graph.Graph, error) {
	q, err := h.query(v)
	if err != nil {
		return nil, err
	}
	g, err := h.read(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.Focus != "" {
		if _, ok := g.Node(q.Focus); !ok {
			return nil, missing("no node has the id %q in that window and selection", q.Focus)
		}
	}
	return g, nil
}

// writeFormat answers with g as f. An error of the format before the first byte
// becomes the answer; after it the answer stays cut short, which the client sees
// by the missing end of its body.
func writeFormat(w http.ResponseWriter, f export.Format, g *graph.Graph, o export.Options, file bool) error {
	out := &body{w: w, mediaType: f.MediaType}
	if file {
		out.disposition = `attachment; filename="graph` + f.Ext + `"`
	}
	err := f.Write(out, g, o)
	switch {
	case err == nil:
		return out.begin() // a format may write nothing
	case !out.begun:
		return err
	case out.failed:
		return errGone
	}
	panic(http.ErrAbortHandler) // the format failed in the middle: end the connection
}

// body writes the header with the first byte.
type body struct {
	w                      http.ResponseWriter
	mediaType, disposition string
	begun, failed          bool
}

func (b *body) begin() error {
	if b.begun {
		return nil
	}
	b.begun = true
	h := b.w.Header()
	h.Set("Content-Type", b.mediaType)
	if b.disposition != "" {
		h.Set("Content-Disposition", b.disposition)
	}
	b.w.WriteHeader(http.StatusOK)
	return nil
}

func (b *body) Write(p []byte) (int, error) {
	_ = b.begin() // never fails
	n, err := b.w.Write(p)
	b.failed = b.failed || err != nil
	return n, err
}
