package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"graphctl/graph"
	"graphctl/graph/export"
)

const (
	// maxReads is how many graphs are read at once; a read of all that is kept
	// takes memory in proportion to its edges, 150 MB at 60,000 busy ones, and
	// uses two cores. Others wait.
	maxReads = 2
	// readTimeout is how long a question may take, waiting included. It lies
	// below the 30 s in which the server has to write.
	readTimeout = 25 * time.Second
	// maxHops bounds how far from its focus a graph may reach; no chain of
	// callers is that long.
	maxHops = 1000
	// maxQuery is the largest query string that is looked at.
	maxQuery = 8 << 10
)

// A Source answers questions about the graph.
type Source interface {
	// Read answers q. The graph is the caller's.
	Read(ctx context.Context, q graph.Query) (*graph.Graph, error)
}

// Options of the handler. The zero value serves the graph alone.
type Options struct {
	// Formats are what /api/v1/export offers; nil: export.Formats.
	Formats []export.Format
	// Busy are the errors of formats that mean that asking later may help; they
	// are answered with 503.
	Busy []error
	// History answers what happened over time: /api/v1/history and the lists of
	// operations; nil: 404.
	History HistorySource
	// Stream answers /api/v1/stream and UI every path that is not of the API;
	// nil: 404.
	Stream, UI http.Handler
	// Status is what /api/v1/status says; nil: 404.
	Status func() Status
	// Ready says why the program cannot serve yet; nil error or nil func: it can.
	Ready func() error
	// Metrics are the program's own counters for /metrics.
	Metrics func() []Sample
	// Totals are the counters of the service graph there; nil: it has none.
	Totals func() Totals
	// Now is the clock that relative times count from; nil: the system's.
	Now func() time.Time
	// Log gets what an operator should know; nil: nothing.
	Log *slog.Logger
}

// handler answers the routes.
type handler struct {
	source Source
	o      Options
	reads  chan struct{} // one for each read that is going on
	series serviceGraph

	operationCache operationList
	histories      recentHistories
}

// New returns the handler of the web port, without the check of hosts: see
// AllowHosts.
func New(source Source, o Options) http.Handler {
	if o.Formats == nil {
		o.Formats = export.Formats
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &handler{source: source, o: o, reads: make(chan struct{}, maxReads)}
	mux := http.NewServeMux()
	for _, r := range h.routes() {
		mux.Handle(r.path, r.handler)
	}
	mux.Handle("/api/", plain(notFound))
	mux.Handle("/zipkin/", plain(notFound))
	if o.UI != nil {
		mux.Handle("/", o.UI)
	} else {
		mux.Handle("/", plain(notFound))
	}
	return mux
}

// read answers a question within the bounds of time and number.
func (h *handler) read(ctx context.Context, q graph.Query) (*graph.Graph, error) {
	var g *graph.Graph
	err := h.bounded(ctx, func(ctx context.Context) (err error) {
		g, err = h.source.Read(ctx, q)
		return err
	})
	return g, err
}
