package graph

import (
	"context"
	"time"
)

// A Store keeps deltas and answers queries about their sum. Methods may be
// called in parallel; a Read sees each batch whole or not at all.
type Store interface {
	// Apply adds batches durably and atomically: all of them or, on error,
	// none. A batch at or below Progress of its origin was applied already and
	// is skipped. The batches are borrowed for the call.
	Apply(ctx context.Context, batches []Batch) error
	// Read answers q. The graph is the caller's.
	Read(ctx context.Context, q Query) (*Graph, error)
	// Progress returns the highest sequence number applied for o, 0 for none.
	Progress(ctx context.Context, o Origin) (uint64, error)
	// Close releases the store; it waits for calls in progress.
	Close() error
}

// A CellReader is a Store that can list what it keeps: what a reader needs that
// goes on adding to the sum, such as a live window that starts from the store.
type CellReader interface {
	// Cells yields the counters of every kept bucket that overlaps [from, to),
	// each key once, with the width of its bucket: the finest kept at that
	// time, Coarse for coarse subjects. Buckets do not overlap. The Stats are
	// borrowed until yield returns; when it returns false Cells stops, without
	// an error. No order is promised.
	Cells(ctx context.Context, from, to Instant, yield func(k Key, s *Stats, width time.Duration) bool) error
	// Origins returns Progress of every origin that applied a batch.
	Origins(ctx context.Context) (map[Origin]uint64, error)
}
