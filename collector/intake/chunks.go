package intake

import (
	"context"
	"errors"
	"time"

	"graphctl/collector"
)

// Chunks hands the batches of one request on. Once a request has begun to be
// taken, its other batches wait for room until the context of the call is done:
// were it refused then, it would come again whole, and one that is larger than a
// lane's queue would never end.
type Chunks struct {
	To    collector.Sink
	begun bool
}

// lookAgain is how often a batch that waits looks for room: a lane at full speed
// works off some ten in that time.
const lookAgain = 5 * time.Millisecond

// Consume implements collector.Sink.
func (c *Chunks) Consume(ctx context.Context, b *collector.Batch) error {
	begun := c.begun
	c.begun = true
	for {
		err := c.To.Consume(ctx, b)
		if !begun || !errors.Is(err, collector.ErrBusy) || collector.WhyThrottled(err) != collector.ThrottleLane {
			return err
		}
		select {
		case <-time.After(lookAgain):
		case <-ctx.Done():
			return err
		}
	}
}
