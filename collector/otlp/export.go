package otlp

import (
	"cmp"
	"context"
	"errors"
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

// An exporter is what both receivers share: decoding a body and handing its
// spans on.
type exporter struct {
	o        Options
	decoders sync.Pool
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
	x := &exporter{o: o}
	x.decoders.New = func() any { return NewDecoder(o.Symbols, o.Decode) }
	return x
}

// export decodes body and hands its spans on. Whatever happens is tallied.
func (x *exporter) export(ctx context.Context, body []byte, sent int64, by collector.Transport) (Result, error) {
	d := x.decoders.Get().(*Decoder)
	defer x.decoders.Put(d)
	decode := d.Proto
	if by == collector.OTLPHTTPJSON {
		decode = d.JSON
	}
	res, err := decode(body, func(b *collector.Batch) error { return x.next.Consume(ctx, b) })
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
	}
	return res, err
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
