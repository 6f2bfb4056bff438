package collector

import (
	"context"
	"errors"
	"time"
)

// ErrBusy reports that a sink has no room now. The caller may offer the same
// spans again later.
var ErrBusy = errors.New("collector: busy")

// A BusyError is ErrBusy with its reason and a time to wait.
type BusyError struct {
	Why   Throttle
	After time.Duration // when to offer again; 0 means a second
}

func (e *BusyError) Error() string { return "collector: busy: " + e.Why.String() }

// Is reports whether target is ErrBusy.
func (e *BusyError) Is(target error) bool { return target == ErrBusy }

// A Sink takes spans.
type Sink interface {
	// Consume takes all spans of b or returns an error: ErrBusy (perhaps as a
	// BusyError) if it has no room. b is borrowed for the call. Offering a span twice is harmless, so a
	// caller that got ErrBusy offers the whole batch again. Consume may be
	// called in parallel.
	Consume(ctx context.Context, b *Batch) error
}

// A Receiver accepts spans from outside.
type Receiver interface {
	// Run serves until ctx is done, then lets requests in hand finish for a
	// bounded time and returns. An error means that it could not serve.
	Run(ctx context.Context, next Sink) error
}
