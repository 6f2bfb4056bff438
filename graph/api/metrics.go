package api

import (
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// A Sample is a value of one of the program's own metrics. Of the samples with
// one Name, Help, Gauge and the names of Labels are the same.
type Sample struct {
	Name, Help string
	Gauge      bool // else a counter
	Labels     []Label
	Value      float64
}

// A Label of a sample. Its values come from a closed list, never from spans.
type Label struct{ Name, Value string }

// latencyBounds are the upper bounds of the histograms of the service graph, in
// seconds: those that Grafana's service graph is used to.
var latencyBounds = [...]float64{0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8}

// edgeLabels are the labels of the service graph's series.
var edgeLabels = []string{"client", "server", "connection_type", "client_service_namespace", "server_service_namespace"}

// The series of the service graph, as Grafana reads them.
var (
	requestTotal = prometheus.NewDesc("traces_service_graph_request_total",
		"Calls between two nodes, of all that is kept.", edgeLabels, nil)
	requestFailed = prometheus.NewDesc("traces_service_graph_request_failed_total",
		"Failed calls between two nodes, of all that is kept.", edgeLabels, nil)
	requestServer = prometheus.NewDesc("traces_service_graph_request_server_seconds",
		"Time of calls as the callee saw it.", edgeLabels, nil)
	requestClient = prometheus.NewDesc("traces_service_graph_request_client_seconds",
		"Time of calls as the caller saw it.", edgeLabels, nil)
)

// edgeSeries are the values of edgeLabels.
type edgeSeries [5]string

// peak is the highest that the counters of an edge were seen: Prometheus
// counters may not go down when a late span amends the graph.
type peak struct {
	calls, errors  float64
	server, client histogram
}

type histogram struct {
	count   uint64
	sum     float64
	buckets [len(latencyBounds)]uint64
}

// series holds the service graph's counters between two scrapes.
type series struct {
	mu    sync.Mutex
	peaks map[edgeSeries]*peak
}

// metrics answers with the program's own metrics and the service graph.
func (h *handler) metrics() http.Handler {
	h.series.peaks = map[edgeSeries]*peak{}
	return h.serve(func(w http.ResponseWriter, r *http.Request) error {
		g, err := h.read(r.Context(), graph.Query{})
		if err != nil {
			return err
		}
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(&scrape{h: h, graph: g})
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{
			DisableCompression: true, // done by serve
			ErrorHandling:      promhttp.ContinueOnError,
		}).ServeHTTP(w, r)
		return nil
	}, (*failure).write)
}

// A scrape is what one answer says.
type scrape struct {
	h     *handler
	graph *graph.Graph
}

// Describe implements prometheus.Collector. The names of own samples are not
// known before they are collected, so none are described.
func (s *scrape) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *scrape) Collect(to chan<- prometheus.Metric) {
	if s.h.o.Metrics != nil {
		for _, m := range s.h.o.Metrics() {
			collectSample(to, &m)
		}
	}
	s.h.series.collect(to, s.graph)
}

func collectSample(to chan<- prometheus.Metric, m *Sample) {
	names := make([]string, len(m.Labels))
	values := make([]string, len(m.Labels))
	for i, l := range m.Labels {
		names[i], values[i] = l.Name, l.Value
	}
	kind := prometheus.CounterValue
	if m.Gauge {
		kind = prometheus.GaugeValue
	}
	to <- prometheus.MustNewConstMetric(prometheus.NewDesc(m.Name, m.Help, names, nil), kind, m.Value, values...)
}

// collect raises the peaks to what g holds and writes them.
func (s *series) collect(to chan<- prometheus.Metric, g *graph.Graph) {
	now := map[edgeSeries]*peak{}
	for i := range g.Edges {
		e := &g.Edges[i]
		k := seriesOf(g, e)
		p := now[k]
		if p == nil {
			p = new(peak)
			now[k] = p
		}
		p.calls += float64(e.Stats.Calls)
		p.errors += float64(e.Stats.Errors)
		p.server.add(&e.Stats.Server, e.Stats.ServerSum)
		p.client.add(&e.Stats.Client, e.Stats.ClientSum)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, p := range now {
		old := s.peaks[k]
		if old == nil {
			old = new(peak)
			s.peaks[k] = old
		}
		old.raise(p)
		to <- prometheus.MustNewConstMetric(requestTotal, prometheus.CounterValue, old.calls, k[:]...)
		to <- prometheus.MustNewConstMetric(requestFailed, prometheus.CounterValue, old.errors, k[:]...)
		old.server.collect(to, requestServer, k)
		old.client.collect(to, requestClient, k)
	}
	for k := range s.peaks {
		if now[k] == nil {
			delete(s.peaks, k) // no longer in the graph
		}
	}
}

// seriesOf returns the labels of an edge: a service by name and namespace, any
// other node by id.
func seriesOf(g *graph.Graph, e *graph.Edge) edgeSeries {
	end := func(id string) (name, namespace string, kind graph.NodeKind) {
		n, ok := g.Node(id)
		if !ok || n.Kind != graph.Service {
			return id, "", graph.External
		}
		return n.Name, n.Namespace, n.Kind
	}
	client, clientNamespace, from := end(e.From)
	server, serverNamespace, to := end(e.To)
	connection := ""
	switch {
	case e.Kind == graph.Message:
		connection = "messaging_system"
	case e.Kind == graph.DatabaseCall:
		connection = "database"
	case from != graph.Service || to != graph.Service:
		connection = "virtual_node"
	}
	return edgeSeries{client, server, connection, clientNamespace, serverNamespace}
}

func (p *peak) raise(to *peak) {
	p.calls = max(p.calls, to.calls)
	p.errors = max(p.errors, to.errors)
	p.server.raise(&to.server)
	p.client.raise(&to.client)
}

// add counts s, whose durations sum to ns.
func (h *histogram) add(s *sketch.Sketch, ns int64) {
	h.sum += float64(ns) / 1e9
	for b, n := range s.Buckets() {
		if n <= 0 {
			continue
		}
		h.count += uint64(n)
		d := sketch.Middle(b).Seconds()
		for i, bound := range latencyBounds {
			if d <= bound {
				h.buckets[i] += uint64(n)
			}
		}
	}
}

func (h *histogram) raise(to *histogram) {
	h.count = max(h.count, to.count)
	h.sum = max(h.sum, to.sum)
	for i := range h.buckets {
		h.buckets[i] = max(h.buckets[i], to.buckets[i])
	}
}

func (h *histogram) collect(to chan<- prometheus.Metric, d *prometheus.Desc, k edgeSeries) {
	if h.count == 0 {
		return
	}
	buckets := make(map[float64]uint64, len(latencyBounds))
	for i, bound := range latencyBounds {
		buckets[bound] = h.buckets[i]
	}
	to <- prometheus.MustNewConstHistogram(d, h.count, h.sum, buckets, k[:]...)
}
