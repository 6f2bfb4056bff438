// Package memstore is the obvious [graph.Store]: a map from key to counters.
// It keeps everything at the finest resolution, forgets nothing, reads by
// looking at every cell, and loses all when the process ends.
//
// It serves what is short-lived, such as the graph of a trace file, and as the
// model that other stores are compared with.
package memstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"sync"
	"time"

	"graphctl/graph"
)

// Errors that callers can test for.
var (
	// ErrClosed is returned by every method of a closed store.
	ErrClosed = errors.New("store is closed")
	// ErrKey is returned by Apply for a key that is not aligned to its bucket.
	ErrKey = errors.New("bucket of a key is not aligned")
	// ErrWindow is returned by Read for a window that ends before it begins.
	ErrWindow = errors.New("window ends before it begins")
)

// A Store keeps the sum in memory. Its methods may be called in parallel.
type Store struct {
	mu       sync.RWMutex
	sum      graph.Delta // no cell that is zero
	progress map[graph.Origin]uint64
	closed   bool
}

var (
	_ graph.Store      = (*Store)(nil)
	_ graph.CellReader = (*Store)(nil)
)

// New returns an empty store.
func New() *Store {
	return &Store{progress: make(map[graph.Origin]uint64)}
}

// Apply implements [graph.Store].
func (s *Store) Apply(ctx context.Context, batches []graph.Batch) error {
	for i := range batches {
		for k := range batches[i].Delta.Cells() {
			if !k.Aligned() {
				return fmt.Errorf("memstore: apply batch %d: %w", batches[i].Seq, ErrKey)
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.usable(ctx); err != nil {
		return fmt.Errorf("memstore: apply: %w", err)
	}
	for i := range batches {
		b := &batches[i]
		if b.Seq <= s.progress[b.Origin] {
			continue
		}
		s.progress[b.Origin] = b.Seq
		s.sum.Merge(b.Delta)
	}
	s.sum.Prune()
	return nil
}

// usable returns why a call cannot be served, nil if it can.
func (s *Store) usable(ctx context.Context) error {
	if s.closed {
		return ErrClosed
	}
	return ctx.Err()
}

// Read implements [graph.Store]. Windows are widened to buckets of
// [graph.Fine].
func (s *Store) Read(ctx context.Context, q graph.Query) (*graph.Graph, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("memstore: read: %w", err)
	}
	if q.From != 0 && q.To != 0 && q.From > q.To {
		return nil, fmt.Errorf("memstore: read: %w", ErrWindow)
	}
	b := graph.NewBuilder(q.Filter)
	from, to, any := s.extent()
	if !any {
		return b.Graph(0, 0, 0), nil
	}
	from, to = window(q, from, to)
	hourFrom, hourTo := from.Floor(graph.Coarse), to.Ceil(graph.Coarse)
	evidence := make(map[graph.Subject]int64)
	for k, st := range s.sum.Cells() {
		sub := k.Subject.Value()
		if hourFrom <= k.Bucket && k.Bucket < hourTo {
			evidence[sub] += st.Calls
		}
		if !sub.Of.Coarse() && from <= k.Bucket && k.Bucket < to {
			b.Cell(k, st, graph.Fine)
		}
	}
	for sub, n := range evidence {
		b.Evidence(sub, n)
	}
	return b.Graph(from, to, graph.Fine), nil
}

// extent returns the bounds of all fine buckets that hold something, and
// whether there are any.
func (s *Store) extent() (from, to graph.Instant, any bool) {
	from, to = math.MaxInt64, math.MinInt64
	for k := range s.sum.Cells() {
		if !k.Subject.Of().Coarse() {
			from, to = min(from, k.Bucket), max(to, k.Bucket+graph.Instant(graph.Fine))
		}
	}
	return from, to, from < to
}

// window returns the bounds in force for q: what it asks for, widened outward
// to fine buckets; an open side ends where what is kept ends.
func window(q graph.Query, from, to graph.Instant) (graph.Instant, graph.Instant) {
	if q.From == 0 && q.To == 0 && q.At != 0 {
		from = inRange(q.At).Floor(graph.Fine)
		return from, from + graph.Instant(graph.Fine)
	}
	if q.From != 0 {
		from = inRange(q.From).Floor(graph.Fine)
		to = max(to, from)
	}
	if q.To != 0 {
		to = inRange(q.To).Ceil(graph.Fine)
		from = min(from, to)
	}
	return from, to
}

// inRange moves t away from the ends of time, so that it can be widened.
func inRange(t graph.Instant) graph.Instant {
	const margin = 2 * graph.Instant(graph.Coarse)
	return min(max(t, math.MinInt64+margin), math.MaxInt64-margin)
}

func width(k graph.Key) time.Duration {
	if k.Subject.Of().Coarse() {
		return graph.Coarse
	}
	return graph.Fine
}

// Progress implements [graph.Store].
func (s *Store) Progress(ctx context.Context, o graph.Origin) (uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return 0, fmt.Errorf("memstore: progress: %w", err)
	}
	return s.progress[o], nil
}

// Origins implements [graph.CellReader].
func (s *Store) Origins(ctx context.Context) (map[graph.Origin]uint64, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, fmt.Errorf("memstore: origins: %w", err)
	}
	return maps.Clone(s.progress), nil
}

// Cells implements [graph.CellReader]. A zero bound is open. What is yielded is
// a copy, so yield may call the store.
func (s *Store) Cells(ctx context.Context, from, to graph.Instant, yield func(graph.Key, *graph.Stats, time.Duration) bool) error {
	cells, err := s.copyCells(ctx, from, to)
	if err != nil {
		return fmt.Errorf("memstore: cells: %w", err)
	}
	for k, st := range cells.Cells() {
		if !yield(k, st, width(k)) {
			return nil
		}
	}
	return nil
}

func (s *Store) copyCells(ctx context.Context, from, to graph.Instant) (*graph.Delta, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(ctx); err != nil {
		return nil, err
	}
	cells := new(graph.Delta)
	for k, st := range s.sum.Cells() {
		if (to == 0 || k.Bucket < to) && (from == 0 || k.Bucket+graph.Instant(width(k)) > from) {
			cells.At(k).Add(st)
		}
	}
	return cells, nil
}

// Close implements [graph.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("memstore: close: %w", ErrClosed)
	}
	s.closed, s.sum = true, graph.Delta{}
	return nil
}
