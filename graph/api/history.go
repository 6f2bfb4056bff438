package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// A HistorySource lists what is kept, bucket by bucket.
type HistorySource interface {
	// Extent returns the bounds of all that is kept, zero if nothing is.
	Extent(ctx context.Context) (from, to graph.Instant, err error)
	// CellsWithin yields the counters of the window in the widest buckets that
	// are no wider than widest, where such are kept, with the width of each. The
	// Stats are borrowed until yield returns; when it returns false it stops,
	// without an error. No order is promised.
	CellsWithin(ctx context.Context, from, to graph.Instant, widest time.Duration, yield func(k graph.Key, s *graph.Stats, width time.Duration) bool) error
}

// maxPoints bounds a history: no screen shows more bars.
const maxPoints = 400

// steps are the distances between points to choose from. Each divides, or is a
// multiple of, every width of buckets.
var steps = []time.Duration{
	10 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 48 * time.Hour, 7 * 24 * time.Hour, 28 * 24 * time.Hour,
}

// A history is calls over time, in columns: point i begins at From + i steps.
type history struct {
	From  *string `json:"from"` // RFC 3339; nil if nothing is kept
	To    *string `json:"to"`
	StepS int64   `json:"step_s"`
	// KeptFrom is the start of all that is kept.
	KeptFrom *string `json:"kept_from"`
	Calls    []int64 `json:"calls"`
	Errors   []int64 `json:"errors"`
	// Quantiles are written for an edge or a service only, nil where nobody
	// measured.
	P50 []*float64 `json:"p50_ms,omitempty"`
	P95 []*float64 `json:"p95_ms,omitempty"`
	P99 []*float64 `json:"p99_ms,omitempty"`
	// Series are the same of several services, when several are asked for;
	// Calls and Errors are then empty.
	Series []serviceSeries `json:"series,omitempty"`
}

// A serviceSeries is calls into one service over time.
type serviceSeries struct {
	Service string  `json:"service"`
	Calls   []int64 `json:"calls"`
	Errors  []int64 `json:"errors"`
}

// maxServices is how many services one history may be of: those that a page
// lists.
const maxServices = 32

// A span of time is cut into points.
type cut struct {
	from, to graph.Instant // multiples of step
	step     time.Duration
}

func (c cut) points() int { return int(time.Duration(c.to-c.from) / c.step) }

// widest is the width of the widest buckets that fit between the points.
func (c cut) widest() time.Duration {
	for _, w := range []time.Duration{graph.Coarse, graph.Medium} {
		if c.step >= w {
			return w
		}
	}
	return graph.Fine
}

// history answers with calls and errors over time: of the whole graph, of one
// edge, or of the calls into nodes.
func (h *handler) history(w http.ResponseWriter, r *http.Request) error {
	v, err := parametersMany(r, "service", "from", "to", "step", "edge", "service")
	if err != nil {
		return err
	}
	services := v["service"]
	switch {
	case v.Get("edge") != "" && len(services) > 0:
		return badRequest("give edge or service, not both")
	case len(services) > maxServices:
		return badRequest("service is given %d times; %d are the most", len(services), maxServices)
	}
	q, err := h.query(url.Values{"from": v["from"], "to": v["to"]})
	if err != nil {
		return err
	}
	var answer history
	err = h.bounded(r.Context(), func(ctx context.Context) error {
		first, last, err := h.o.History.Extent(ctx)
		if err != nil {
			return err
		}
		answer = history{KeptFrom: timeText(first), Calls: []int64{}, Errors: []int64{}}
		if first == 0 && last == 0 {
			return nil
		}
		// What lies ahead of now is empty.
		last = max(last, graph.InstantOf(h.o.Now()))
		q.To = min(q.To, last)
		c, err := cutOf(q, first, last, v.Get("step"))
		if err != nil {
			return err
		}
		if v.Get("edge") != "" || len(services) > 0 {
			return h.fill(ctx, &answer, c, v.Get("edge"), services)
		}
		if known, ok := h.histories.find(c, h.o.Now()); ok {
			answer = known
			return nil
		}
		if err := h.fill(ctx, &answer, c, "", nil); err != nil {
			return err
		}
		h.histories.keep(c, answer, h.o.Now())
		return nil
	})
	if err != nil {
		return err
	}
	return writeJSON(w, answer)
}

// cutOf decides on the points of the window of q.
func cutOf(q graph.Query, first, last graph.Instant, step string) (c cut, err error) {
	from, to := q.From, q.To
	if from == 0 {
		from = first
	}
	if to == 0 {
		to = max(last, from+1)
	}
	from, to = max(from, first.Floor(graph.Coarse)), max(to, from+1)
	from = min(from, to-1)
	if step == "" {
		for _, s := range steps {
			if c = (cut{from.Floor(s), to.Ceil(s), s}); c.points() <= maxPoints {
				return c, nil
			}
		}
	}
	s, err := time.ParseDuration(step)
	if err != nil || s < graph.Fine || s%graph.Fine != 0 || (s > graph.Medium && s%graph.Medium != 0) || (s > graph.Coarse && s%graph.Coarse != 0) {
		return c, badRequest("step is %q; it is a duration like 10s, 1m or 1h, a multiple of 10 s, above 1m of 1m, above 1h of 1h", step)
	}
	if c = (cut{from.Floor(s), to.Ceil(s), s}); c.points() > maxPoints {
		return c, badRequest("that is %d points; %d are the most: give a longer step or a shorter window", c.points(), maxPoints)
	}
	return c, nil
}

// fill adds up the points of c.
func (h *handler) fill(ctx context.Context, to *history, c cut, edge string, services []string) error {
	part, err := everything, error(nil)
	if edge != "" || len(services) > 0 {
		if part, err = h.subjects(ctx, c, edge, services); err != nil {
			return err
		}
	}
	many := len(services) > 1
	all := make([]sums, max(1, len(services)))
	for i := range all {
		all[i] = sums{cut: c, stats: make([]graph.Stats, c.points()), figures: edge != "" || len(services) == 1}
	}
	chosen := make(map[graph.SubjectID]places)
	err = h.o.History.CellsWithin(ctx, c.from, c.to, c.widest(), func(k graph.Key, s *graph.Stats, width time.Duration) bool {
		at, seen := chosen[k.Subject]
		if !seen {
			at = nowhere
			if sub := k.Subject.Value(); sub.Of == graph.OfEdge {
				at = part(sub)
			}
			chosen[k.Subject] = at
		}
		for _, i := range at {
			if i >= 0 {
				all[i].add(k.Bucket, s, width)
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	if !many {
		all[0].write(to, len(services) == 1)
		return nil
	}
	coarse := time.Duration(0) // so that all have the same points
	for i := range all {
		coarse = max(coarse, all[i].coarse)
	}
	for i := range all {
		var one history
		all[i].coarse = coarse
		all[i].write(&one, true)
		to.From, to.To, to.StepS = one.From, one.To, one.StepS
		to.Series = append(to.Series, serviceSeries{services[i], one.Calls, one.Errors})
	}
	return nil
}

// places are the numbers of the sums that an edge belongs to, -1 for none: it
// may count for the node that is called and for the one that calls.
type places [2]int

var nowhere = places{-1, -1}

// everything puts all edges into the first sum.
func everything(graph.Subject) places { return places{0, -1} }

// sums adds up counters by point.
type sums struct {
	cut
	stats   []graph.Stats
	figures bool          // latencies are asked for
	coarse  time.Duration // width of the widest bucket that was added
}

func (s *sums) add(bucket graph.Instant, st *graph.Stats, width time.Duration) {
	i := int(time.Duration(bucket-s.from) / s.step)
	if bucket < s.from {
		i = 0 // a bucket that is wider than a step and begins before the window
	}
	if i >= len(s.stats) {
		return
	}
	s.coarse = max(s.coarse, width)
	at := &s.stats[i]
	if s.figures {
		at.Add(st)
		return
	}
	at.Calls += st.Calls
	at.Errors += st.Errors
}

// write writes the points, as wide as the widest bucket that they hold: a bar
// must not stand for an hour among bars for a minute.
func (s *sums) write(h *history, callee bool) {
	if wide := s.coarse; wide > s.step && wide%s.step == 0 {
		c := cut{s.from.Floor(wide), s.to.Ceil(wide), wide}
		merged := make([]graph.Stats, c.points())
		for i := range s.stats {
			at := s.from + graph.Instant(i)*graph.Instant(s.step)
			merged[time.Duration(at-c.from)/wide].Add(&s.stats[i])
		}
		s.cut, s.stats = c, merged
	}
	h.From, h.To, h.StepS = timeText(s.from), timeText(s.to), int64(s.step/time.Second)
	for i := range s.stats {
		st := &s.stats[i]
		h.Calls = append(h.Calls, st.Calls)
		h.Errors = append(h.Errors, st.Errors)
		if !s.figures {
			continue
		}
		side, other := &st.Client, &st.Server
		if callee {
			side, other = other, side
		}
		if side.IsZero() {
			side = other
		}
		h.P50 = append(h.P50, millis(side, 0.50))
		h.P95 = append(h.P95, millis(side, 0.95))
		h.P99 = append(h.P99, millis(side, 0.99))
	}
}

func millis(s *sketch.Sketch, q float64) *float64 {
	if s.IsZero() {
		return nil
	}
	ms := float64(s.Quantile(q)) / float64(time.Millisecond)
	return &ms
}

func timeText(t graph.Instant) *string {
	if t == 0 {
		return nil
	}
	s := t.Time().Format(time.RFC3339)
	return &s
}

// bounded runs a question within the bounds of time and number of all reads.
func (h *handler) bounded(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	select {
	case h.reads <- struct{}{}:
		defer func() { <-h.reads }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return ask(ctx)
}
