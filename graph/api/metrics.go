package api

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
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

// metrics answers with the program's own metrics and the service graph.
func (h *handler) metrics() http.Handler {
	h.series.known = map[seriesKey]*series{}
	return h.serve(func(w http.ResponseWriter, r *http.Request) error {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(&scrape{h.o.Metrics})
		text := r.Clone(r.Context())
		text.Header.Del("Accept") // other forms could not be added to
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{
			DisableCompression: true, // done by serve
			ErrorHandling:      promhttp.ContinueOnError,
		}).ServeHTTP(w, text)
		if h.o.Totals == nil {
			return nil
		}
		return written(h.series.write(w, h.o.Totals()))
	}, (*failure).write)
}

// A scrape is the program's own metrics in one answer.
type scrape struct{ samples func() []Sample }

// Describe implements prometheus.Collector. The names of samples are not known
// before they are collected, so none are described.
func (s *scrape) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (s *scrape) Collect(to chan<- prometheus.Metric) {
	if s.samples == nil {
		return
	}
	for _, m := range s.samples() {
		collectSample(to, &m)
	}
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
