package otlp

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"graphctl/collector"
)

// A narrow is a sink that takes a batch each ms at most, until it is shut.
type narrow struct {
	why       collector.Throttle
	last      time.Time
	shutAfter int // batches; 0: never
	spans     int
	batches   int
}

func (n *narrow) Consume(_ context.Context, b *collector.Batch) error {
	if n.shutAfter > 0 && n.batches == n.shutAfter || time.Since(n.last) < time.Millisecond {
		return &collector.BusyError{Why: n.why, After: time.Second}
	}
	n.last = time.Now()
	n.batches++
	n.spans += len(b.Spans)
	return nil
}

// A request that was taken in part is taken whole, however narrow the sink is,
// and each span once; one for which there is no room at first is refused at
// once, and so is one whose rest finds none in time or a full disk.
func TestTakenInPart(t *testing.T) {
	const spans = 20 * collector.ChunkSpans
	body := marshal(t, manySpans(spans))
	for _, c := range []struct {
		name      string
		sink      narrow
		shutBegin bool
		taken     int
		took      time.Duration // at most
	}{
		{"narrow", narrow{why: collector.ThrottleLane}, false, spans, time.Second},
		{"no room at first", narrow{why: collector.ThrottleLane}, true, 0, 0},
		{"no room any more", narrow{why: collector.ThrottleLane, shutAfter: 3}, false, 3 * collector.ChunkSpans, patience},
		{"disk full", narrow{why: collector.ThrottleDisk, shutAfter: 1}, false, collector.ChunkSpans, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newExporter(Options{Symbols: collector.NewSymbols(), Tally: new(collector.Tally)})
				x.next = &c.sink
				if c.shutBegin {
					c.sink.last = time.Now()
				}
				began := time.Now()
				res, err := x.export(t.Context(), body, int64(len(body)), collector.OTLPGRPC)
				if took := time.Since(began); took > c.took {
					t.Errorf("took %v, want %v at most", took, c.took)
				}
				if c.sink.spans != c.taken || res.Accepted != c.taken || (err == nil) != (c.taken == spans) || err != nil && !errors.Is(err, collector.ErrBusy) {
					t.Errorf("the sink took %d spans, accepted %d, error %v, want %d", c.sink.spans, res.Accepted, err, c.taken)
				}
			})
		})
	}
}
