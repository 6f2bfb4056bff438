package otlp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"sync"
	"time"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// Options of the receivers. Symbols and Tally are needed; of the rest the zero
// value selects the defaults.
type Options struct {
	Symbols *collector.Symbols
	Tally   *collector.Tally
	// Budget bounds the bytes of bodies held at once; share one between all
	// receivers. nil: one of intake.MaxHeld.
	Budget *intake.Budget
	Decode DecodeOptions
	// MaxBody bounds one body, as sent and unpacked; 0: intake.MaxBody.
	MaxBody int64
	// MaxConnections of this receiver; 0: intake.MaxConnections.
	MaxConnections int
	// Log gets what an operator should know; nil: nothing.
	Log *slog.Logger
}

const (
	// maxDecoding is how many requests a receiver decodes and hands on at one
	// time; others wait. A decoder holds up to 2.4 MB of spans and links, which
	// bodies of the shortest spans would multiply.
	maxDecoding = 64
	// patience is how long a request may take once its body is read. The client
	// may send again what it gets no answer for.
	patience = 20 * time.Second
)

// An exporter is what both receivers share: decoding a body and handing its
// spans on.
type exporter struct {
	o        Options
	decoders sync.Pool
	decoding chan struct{}  // holds one element for each request being decoded
	next     collector.Sink // set by Run
}

func newExporter(o Options) *exporter {
	if o.Budget == nil {
		o.Budget = intake.NewBudget(intake.MaxHeld)
	}
	o.MaxBody = cmp.Or(o.MaxBody, intake.MaxBody)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	x := &exporter{o: o, decoding: make(chan struct{}, maxDecoding)}
	x.decoders.New = func() any { return NewDecoder(o.Symbols, o.Decode) }
	return x
}

// errSink: the sink failed for a reason other than want of room or time. What
// it did not take may be sent again.
var errSink = errors.New("the spans could not be kept")

// export decodes body and hands its spans on. Whatever happens is tallied.
func (x *exporter) export(ctx context.Context, body []byte, sent int64, by collector.Transport) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case x.decoding <- struct{}{}:
		defer func() { <-x.decoding }()
	case <-ctx.Done():
		x.o.Tally.ThrottledRequest(collector.ThrottleLane)
		return Result{}, ctx.Err()
	}
	d := x.decoders.Get().(*Decoder)
	defer x.decoders.Put(d)
	decode := d.Proto
	if by == collector.OTLPHTTPJSON {
		decode = d.JSON
	}
	chunks := intake.Chunks{To: x.next}
	res, err := decode(body, func(b *collector.Batch) error { return chunks.Consume(ctx, b) })
	switch {
	case errors.Is(err, collector.ErrMalformed):
		x.o.Tally.Refused(collector.RefuseMalformed, sent)
	case errors.Is(err, collector.ErrTooManySpans):
		x.o.Tally.Refused(collector.RefuseTooLarge, sent)
	default:
		x.o.Tally.Spans(by, &res)
		if err != nil {
			x.o.Tally.ThrottledRequest(collector.WhyThrottled(err))
		}
		if err != nil && !isBusy(err) {
			x.o.Log.Error("spans were refused", "error", err)
			err = fmt.Errorf("%w: %w", errSink, err)
		}
	}
	return res, err
}

// drop reads a body of a signal that is accepted and dropped.
func (x *exporter) drop(r io.Reader, signal collector.Signal) error {
	n, err := intake.Discard(r, x.o.MaxBody)
	if err != nil {
		x.refused(err, n)
		return err
	}
	x.o.Tally.Dropped(signal)
	return nil
}

// refused tallies a request whose body could not be read.
func (x *exporter) refused(err error, sent int64) {
	var busy *collector.BusyError
	switch {
	case errors.As(err, &busy):
		x.o.Tally.ThrottledRequest(busy.Why)
	case errors.Is(err, intake.ErrTooLarge):
		x.o.Tally.Refused(collector.RefuseTooLarge, sent)
	default:
		x.o.Tally.Refused(collector.RefuseMalformed, sent)
	}
}

// isBusy reports that there was no room, or none in time.
func isBusy(err error) bool {
	return errors.Is(err, collector.ErrBusy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// retryAfter returns when a refused sender should come back.
func retryAfter(err error) time.Duration {
	var busy *collector.BusyError
	if errors.As(err, &busy) && busy.After > 0 {
		return busy.After
	}
	return time.Second
}

// seconds rounds up to what a Retry-After header can say.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
