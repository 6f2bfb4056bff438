package company

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc/status"
)

const (
	// spread is the width of busy's durations, in powers of e: 95 % of them
	// are between 0.5 and 2.2 times what is typical.
	spread = 0.4
	// longest is the bound of a duration, in multiples of what is typical.
	longest = 8
)

// busy stands for work: it takes about as long as is typical, and now and then
// much longer, as real work does (a log-normal distribution). When ctx ends
// first it returns the gRPC status for that.
func busy(ctx context.Context, typical time.Duration) error {
	factor := min(math.Exp(spread*rand.NormFloat64()), longest)
	timer := time.NewTimer(time.Duration(factor * float64(typical)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	}
}
