package live

import (
	"slices"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// Bounds are the upper ends of the buckets in which totals count durations,
// inclusive; there is one more bucket for what is longer. They are those that
// Grafana's service graph is used to.
var Bounds = [...]time.Duration{
	100 * time.Millisecond, 200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond,
	1600 * time.Millisecond, 3200 * time.Millisecond, 6400 * time.Millisecond, 12800 * time.Millisecond,
}

// A Histogram counts durations by Bounds.
type Histogram [len(Bounds) + 1]int64

// A Total is what was counted of a call since the window was made or the call
// came into it. It may fall when a guess is taken back.
type Total struct {
	From, To             End
	Kind                 graph.EdgeKind
	Calls, Errors        int64
	ClientSum, ServerSum time.Duration
	Client, Server       Histogram // to 1 %, the error of the sketch
}

// An End is a service at one end of a call.
type End struct {
	Name             string // its id in a graph
	Namespace, Label string // as sent
	Kind             graph.NodeKind
}

// total counts a call.
type total struct {
	calls, errors        int64
	clientSum, serverSum int64
	client, server       Histogram
}

func (t *total) count(s *graph.Stats) {
	t.calls += s.Calls
	t.errors += s.Errors
	t.clientSum += s.ClientSum
	t.serverSum += s.ServerSum
	t.client.count(&s.Client)
	t.server.count(&s.Server)
}

func (t *total) merge(o *total) {
	t.calls += o.calls
	t.errors += o.errors
	t.clientSum += o.clientSum
	t.serverSum += o.serverSum
	for i := range o.client {
		t.client[i] += o.client[i]
		t.server[i] += o.server[i]
	}
}

func (h *Histogram) count(s *sketch.Sketch) {
	for b, n := range s.Buckets() {
		h[histogramBucket[b]] += n
	}
}

// histogramBucket is the bucket of a Histogram for each bucket of a sketch, by
// its middle.
var histogramBucket = func() (to [sketch.Buckets]uint8) {
	for b := range to {
		i, _ := slices.BinarySearch(Bounds[:], sketch.Middle(uint16(b)))
		to[b] = uint8(i)
	}
	return to
}()

// tally counts s for totals: in the call of e, or for the one that e will
// belong to.
func (e *edge) tally(s *graph.Stats) {
	if e.call != nil {
		e.call.total.count(s)
		return
	}
	if e.early == nil {
		e.early = new(total)
	}
	e.early.count(s)
}

// Totals returns the totals of all calls in the window, in no particular order.
func (w *Window) Totals() []Total {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]Total, 0, len(w.topology.callList))
	for _, c := range w.topology.callList {
		t := &c.total
		all = append(all, Total{
			From:      c.from.end(),
			To:        c.to.end(),
			Kind:      c.row.Kind,
			Calls:     t.calls,
			Errors:    t.errors,
			ClientSum: time.Duration(t.clientSum),
			ServerSum: time.Duration(t.serverSum),
			Client:    t.client,
			Server:    t.server,
		})
	}
	return all
}

func (s *service) end() End {
	return End{Name: s.row.Name, Namespace: s.row.Namespace, Label: s.row.Label, Kind: s.row.Kind}
}
