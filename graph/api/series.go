package api

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"graphctl/graph"
)

// Totals are what was counted of calls since the program started. A total may
// fall when a late span amends the graph; the series made of it do not.
type Totals struct {
	// Bounds are the upper ends of the buckets in which durations are counted,
	// ascending.
	Bounds []time.Duration
	Calls  []Total
}

// A Total counts the calls of one kind between two nodes.
type Total struct {
	From, To       End
	Kind           graph.EdgeKind
	Calls, Errors  int64
	Client, Server Durations // as each side timed them
}

// An End is a node at one end of a call.
type End struct {
	ID              string // as in a graph
	Namespace, Name string // as sent
	Kind            graph.NodeKind
}

// Durations are counted by Totals.Bounds; the last count, one more than there
// are bounds, is of what is longer.
type Durations struct {
	Sum    time.Duration
	Counts []int64
}

// A seriesKey is the labels of a series of the service graph: client, its
// namespace, type of connection, server, its namespace.
type seriesKey [5]string

var seriesLabels = [...]string{"client", "client_service_namespace", "connection_type", "server", "server_service_namespace"}

// series are the counters of one set of labels: the highest that was seen of
// each, since Prometheus counters may not go down.
type series struct {
	labels         string // as text, without braces
	calls, errors  int64
	client, server durations
	now            *series // being summed in a scrape
}

type durations struct {
	sum    time.Duration
	counts []int64
}

// serviceGraph holds the series between two scrapes.
type serviceGraph struct {
	mu    sync.Mutex
	known map[seriesKey]*series
	order []*series // by labels; nil when known has changed
}

// write raises the series to what is counted and writes them, as Grafana reads
// them, in the text format.
func (g *serviceGraph) write(w io.Writer, t Totals) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.raise(t)
	out := &textWriter{to: w, buf: make([]byte, 0, flushAt+4096)}
	for _, bound := range t.Bounds {
		out.bounds = append(out.bounds, strconv.FormatFloat(bound.Seconds(), 'g', -1, 64))
	}
	out.bounds = append(out.bounds, "+Inf")
	out.family("traces_service_graph_request_total", "counter", "Calls between two nodes since the start.")
	for _, s := range g.order {
		out.sample("traces_service_graph_request_total", "", s.labels, s.calls)
	}
	out.family("traces_service_graph_request_failed_total", "counter", "Failed calls between two nodes since the start.")
	for _, s := range g.order {
		out.sample("traces_service_graph_request_failed_total", "", s.labels, s.errors)
	}
	out.family("traces_service_graph_request_server_seconds", "histogram", "Time of calls as the callee saw it.")
	for _, s := range g.order {
		out.histogram("traces_service_graph_request_server_seconds", s.labels, &s.server)
	}
	out.family("traces_service_graph_request_client_seconds", "histogram", "Time of calls as the caller saw it.")
	for _, s := range g.order {
		out.histogram("traces_service_graph_request_client_seconds", s.labels, &s.client)
	}
	return out.flush()
}

// raise brings the series up to t, and drops those that it does not hold.
func (g *serviceGraph) raise(t Totals) {
	for i := range t.Calls {
		c := &t.Calls[i]
		k := keyOf(c)
		s := g.known[k]
		if s == nil {
			s = &series{labels: k.text()}
			g.known[k] = s
			g.order = nil
		}
		if s.now == nil {
			s.now = new(series)
		}
		s.now.add(c)
	}
	for k, s := range g.known {
		if s.now == nil {
			delete(g.known, k)
			g.order = nil
			continue
		}
		s.raise(s.now)
		s.now = nil
	}
	if g.order == nil {
		for _, s := range g.known {
			g.order = append(g.order, s)
		}
		slices.SortFunc(g.order, func(a, b *series) int { return cmp.Compare(a.labels, b.labels) })
	}
}

// keyOf returns the labels of a call: a service by name and namespace, any other
// node by id.
func keyOf(c *Total) seriesKey {
	end := func(e *End) (name, namespace string) {
		if e.Kind != graph.Service {
			return e.ID, ""
		}
		return e.Name, e.Namespace
	}
	var k seriesKey
	k[0], k[1] = end(&c.From)
	k[3], k[4] = end(&c.To)
	switch {
	case c.Kind == graph.Message:
		k[2] = "messaging_system"
	case c.Kind == graph.DatabaseCall:
		k[2] = "database"
	case c.From.Kind != graph.Service || c.To.Kind != graph.Service:
		k[2] = "virtual_node"
	}
	return k
}

var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (k seriesKey) text() string {
	var b strings.Builder
	for i, v := range k {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `%s="%s"`, seriesLabels[i], escapeLabel.Replace(v))
	}
	return b.String()
}

func (s *series) add(c *Total) {
	s.calls += c.Calls
	s.errors += c.Errors
	s.client.add(&c.Client)
	s.server.add(&c.Server)
}

func (s *series) raise(to *series) {
	s.calls = max(s.calls, to.calls)
	s.errors = max(s.errors, to.errors)
	s.client.raise(&to.client)
	s.server.raise(&to.server)
}

// at returns the counts, as many as n.
func (d *durations) at(n int) []int64 {
	if len(d.counts) < n {
		d.counts = append(d.counts, make([]int64, n-len(d.counts))...)
	}
	return d.counts
}

func (d *durations) add(o *Durations) {
	d.sum += o.Sum
	for i, n := range o.Counts {
		d.at(len(o.Counts))[i] += n
	}
}

func (d *durations) raise(to *durations) {
	d.sum = max(d.sum, to.sum)
	for i, n := range to.counts {
		counts := d.at(len(to.counts))
		counts[i] = max(counts[i], n)
	}
}

// flushAt is how many bytes a textWriter gathers.
const flushAt = 64 << 10

// A textWriter writes Prometheus' text format. It keeps the first error until
// flush.
type textWriter struct {
	to     io.Writer
	bounds []string // of the buckets of histograms
	buf    []byte
	err    error
}

func (w *textWriter) flush() error {
	if w.err == nil {
		_, w.err = w.to.Write(w.buf)
	}
	w.buf = w.buf[:0]
	return w.err
}

func (w *textWriter) family(name, kind, help string) {
	w.buf = fmt.Appendf(w.buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample writes a line.
func (w *textWriter) sample(name, suffix, labels string, value int64) {
	w.begin(name, suffix, labels)
	w.buf = append(w.buf, "} "...)
	w.buf = strconv.AppendInt(w.buf, value, 10)
	w.end()
}

func (w *textWriter) begin(name, suffix, labels string) {
	w.buf = append(w.buf, name...)
	w.buf = append(w.buf, suffix...)
	w.buf = append(w.buf, '{')
	w.buf = append(w.buf, labels...)
}

func (w *textWriter) end() {
	w.buf = append(w.buf, '\n')
	if len(w.buf) >= flushAt {
		_ = w.flush() // kept
	}
}

// histogram writes d, nothing if it is empty.
func (w *textWriter) histogram(name, labels string, d *durations) {
	var total int64
	for _, n := range d.counts {
		total += n
	}
	if total <= 0 {
		return
	}
	total = 0
	for i, n := range d.counts {
		total += n
		w.begin(name, "_bucket", labels)
		w.buf = append(w.buf, `,le="`...)
		w.buf = append(w.buf, w.bounds[i]...)
		w.buf = append(w.buf, `"} `...)
		w.buf = strconv.AppendInt(w.buf, total, 10)
		w.end()
	}
	w.begin(name, "_sum", labels)
	w.buf = append(w.buf, "} "...)
	w.buf = strconv.AppendFloat(w.buf, d.sum.Seconds(), 'g', -1, 64)
	w.end()
	w.sample(name, "_count", labels, total)
}
