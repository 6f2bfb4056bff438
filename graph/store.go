package graph

import "context"

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
