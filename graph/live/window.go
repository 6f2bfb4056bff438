package live

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"graphctl/graph"
)

// A Window is the last hour of the graph. Make it with NewWindow.
type Window struct {
	latest atomic.Pointer[publication]
	wake   chan struct{} // capacity 1: something was applied

	mu       sync.Mutex // guards what follows
	o        Options
	now      graph.Instant // of the last Advance
	rates    rateWindow    // at now
	applied  map[graph.Origin]uint64
	edges    map[graph.SubjectID]*edge
	spans    map[graph.NodeRef]*presence
	aliases  map[graph.SubjectID]*hours
	topology topology
	counted  Stats
}

// edge counts a subject of kind OfEdge.
type edge struct {
	subject graph.SubjectID
	minutes minutes
	recent  recent
	call    *call  // where it counts; nil while it holds no calls
	next    *edge  // of the same call
	early   *total // counted while call was nil; nil if nothing
	touched bool   // since the last publication
}

// presence counts the spans of a service: those in the window, which make it a
// node, and those of the hours that the window touches, which are evidence.
type presence struct {
	minutes minutes
	hours   hours
	home    home
}

// NewWindow returns an empty window whose time is now.
func NewWindow(now graph.Instant, o Options) *Window {
	if o.MaxSubjects <= 0 {
		o.MaxSubjects = MaxSubjects
	}
	if o.Epoch == "" {
		var b [8]byte
		rand.Read(b[:]) // never fails
		o.Epoch = hex.EncodeToString(b[:])
	}
	w := &Window{
		wake:    make(chan struct{}, 1),
		o:       o,
		now:     now,
		rates:   rateWindowAt(now),
		applied: make(map[graph.Origin]uint64),
		edges:   make(map[graph.SubjectID]*edge),
		spans:   make(map[graph.NodeRef]*presence),
		aliases: make(map[graph.SubjectID]*hours),
	}
	w.topology.init(o.Epoch)
	w.latest.Store(&publication{
		Snapshot: &Snapshot{Epoch: o.Epoch, Time: now},
		next:     make(chan struct{}),
	})
	return w
}

// Prime takes over what a store holds: the counters of the window and of the
// hours it touches, and which batches they contain. It is called before the
// first Apply. On error the window may hold a part.
func (w *Window) Prime(ctx context.Context, r graph.CellReader) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	applied, err := r.Origins(ctx)
	if err != nil {
		return fmt.Errorf("live: read origins: %w", err)
	}
	if err := w.prime(ctx, r); err != nil {
		return fmt.Errorf("live: read cells: %w", err)
	}
	w.applied = applied
	if w.applied == nil {
		w.applied = make(map[graph.Origin]uint64)
	}
	w.wakeUp()
	return nil
}

// A minuteReader is a CellReader that can read wider buckets where finer ones
// are kept.
type minuteReader interface {
	// CellsWithin yields cells of buckets up to the width given, and those of
	// coarse subjects in the hours that [from, to) touches.
	CellsWithin(ctx context.Context, from, to graph.Instant, widest time.Duration, yield func(graph.Key, *graph.Stats, time.Duration) bool) error
}

// prime counts what r keeps: minute by minute, a sixth of the work, but for the
// last ones, of which rates need the buckets.
func (w *Window) prime(ctx context.Context, r graph.CellReader) error {
	from, split, to := w.firstHour(), w.rates.first.Floor(graph.Medium), w.now+graph.Instant(ahead)
	m, ok := r.(minuteReader)
	if !ok {
		split = from
	} else if err := m.CellsWithin(ctx, from, split, graph.Medium, func(k graph.Key, s *graph.Stats, width time.Duration) bool {
		// Coarse cells of the hour in which the rest begins come with it.
		if width != graph.Coarse || k.Bucket < split.Floor(graph.Coarse) {
			w.add(k, s, width, false)
		}
		return true
	}); err != nil {
		return err
	}
	if err := r.Cells(ctx, split, to, func(k graph.Key, s *graph.Stats, width time.Duration) bool {
		w.add(k, s, width, false)
		return true
	}); err != nil {
		return err
	}
	for _, e := range w.edges {
		e.recent.prune(w.rates) // of an edge that fell silent the newest stays
	}
	return nil
}

// Apply adds batches, each (Origin, Seq) once; like a store it skips those at
// or below the highest that it has seen of their origin. The batches are
// borrowed for the call. Followers hear of them at the next publication.
func (w *Window) Apply(batches []graph.Batch) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, b := range batches {
		if b.Seq <= w.applied[b.Origin] {
			continue
		}
		w.applied[b.Origin] = b.Seq
		if b.Delta == nil {
			continue
		}
		for k, s := range b.Delta.Cells() {
			w.add(k, s, graph.Fine, true)
		}
	}
	w.wakeUp()
}

func (w *Window) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// firstMinute and firstHour bound what is kept at the time of the window.
func (w *Window) firstMinute() graph.Instant {
	return (w.now - graph.Instant(Span)).Floor(graph.Medium)
}

func (w *Window) firstHour() graph.Instant {
	return (w.now - graph.Instant(Span)).Floor(graph.Coarse)
}

// add counts a cell where the window needs it, for totals only if it is news.
func (w *Window) add(k graph.Key, s *graph.Stats, width time.Duration, news bool) {
	if k.Bucket > w.now+graph.Instant(ahead) {
		w.counted.DroppedAhead++
		return
	}
	switch k.Subject.Of() {
	case graph.OfEdge:
		if k.Bucket >= w.firstMinute() {
			w.addEdge(k, s, width, news)
		}
	case graph.OfSpans:
		w.addSpans(k.Subject.Value().From, k, s, width)
	case graph.OfAlias:
		w.addAlias(k, s)
	}
}

func (w *Window) addEdge(k graph.Key, s *graph.Stats, width time.Duration, news bool) {
	e := w.edges[k.Subject]
	if e == nil {
		if w.full(len(w.edges)) {
			return
		}
		e = &edge{subject: k.Subject}
		w.edges[k.Subject] = e
	}
	e.touched = true
	if news {
		e.tally(s)
	}
	// Rates and latencies cannot be told from what is too wide.
	empty := false
	if width != graph.Coarse && (width == graph.Fine || k.Bucket < w.rates.first) {
		holds := e.recent.add(k.Bucket, s, w.rates)
		empty = width == graph.Fine && !holds && k.Bucket >= w.rates.first
	}
	e.minutes.add(k.Bucket, width, s.Calls, s.Errors, empty)
}

func (w *Window) addSpans(service graph.NodeRef, k graph.Key, s *graph.Stats, width time.Duration) {
	bucket := k.Bucket
	if s.Calls == 0 || bucket < w.firstHour() {
		return
	}
	p := w.spans[service]
	if p == nil {
		if w.full(len(w.spans)) {
			return
		}
		p = new(presence)
		w.spans[service] = p
	}
	if bucket >= w.firstMinute() {
		was := p.minutes.calls > 0
		p.minutes.add(bucket, width, s.Calls, 0, false)
		if was != (p.minutes.calls > 0) {
			w.topology.stale = true
		}
	}
	if p.hours.add(bucket, s.Calls) {
		w.topology.stale = true
	}
	if s.Calls > 0 && p.home.take(k.Facets.Value().From, bucket) {
		if known := w.topology.services[service]; known != nil {
			known.settleHome(p.home)
		}
	}
}

func (w *Window) addAlias(k graph.Key, s *graph.Stats) {
	if s.Calls == 0 || k.Bucket < w.firstHour() {
		return
	}
	h := w.aliases[k.Subject]
	if h == nil {
		if w.full(len(w.aliases)) {
			return
		}
		h = new(hours)
		w.aliases[k.Subject] = h
	}
	if h.add(k.Bucket, s.Calls) {
		w.topology.stale = true
	}
}

func (w *Window) full(n int) bool {
	if n < w.o.MaxSubjects {
		return false
	}
	w.counted.DroppedSubjects++
	return true
}

// Snapshot returns the newest publication.
func (w *Window) Snapshot() *Snapshot { return w.latest.Load().Snapshot }

// Stats returns the counters.
func (w *Window) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.counted
	p := w.latest.Load()
	s.Seq, s.Time = p.Seq, p.Time
	s.Services, s.Calls = len(p.Services), len(p.Calls)
	s.Subjects = len(w.edges) + len(w.spans) + len(w.aliases)
	return s
}

// Run publishes until ctx is done: Patience after something was applied, and
// after Period when nothing was. It returns nil.
func (w *Window) Run(ctx context.Context) error {
	idle := time.NewTimer(0)
	defer idle.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-idle.C:
		case <-w.wake:
		}
		w.Advance(graph.InstantOf(time.Now()))
		idle.Reset(Period)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(Patience):
		}
	}
}
