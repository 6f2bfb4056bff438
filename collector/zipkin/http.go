package zipkin

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"mime"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// Options of the receiver. Symbols and Tally are needed; of the rest the zero
// value selects the defaults.
type Options struct {
	Symbols *collector.Symbols
	Tally   *collector.Tally
	Budget  *intake.Budget // shared by all receivers; nil: one of intake.MaxHeld
	MaxBody int64          // of one body, as sent and unpacked; 0: intake.MaxBody
	// MaxConnections of this receiver; 0: intake.MaxConnections.
	MaxConnections int
	Log            *slog.Logger // gets what an operator should know; nil: nothing
}

const (
	// maxDecoding is how many requests are decoded and handed on at one time;
	// others wait.
	maxDecoding = 16
	// patience is how long a request may take once its body is read.
	patience = 20 * time.Second
)

// HTTP receives Zipkin v2 JSON at /api/v2/spans.
type HTTP struct {
	o        Options
	listener net.Listener
	decoders sync.Pool
	decoding chan struct{}  // holds one element for each request being decoded
	next     collector.Sink // set by Run
}

var _ collector.Receiver = (*HTTP)(nil)

// NewHTTP returns a receiver that serves l, which it closes.
func NewHTTP(l net.Listener, o Options) *HTTP {
	if o.Budget == nil {
		o.Budget = intake.NewBudget(intake.MaxHeld)
	}
	o.MaxBody = cmp.Or(o.MaxBody, intake.MaxBody)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	h := &HTTP{o: o, listener: l, decoding: make(chan struct{}, maxDecoding)}
	h.decoders.New = func() any { return NewDecoder(o.Symbols) }
	return h
}

// Run implements collector.Receiver.
func (h *HTTP) Run(ctx context.Context, next collector.Sink) error {
	h.next = next
	s := intake.Server{
		Listener:       h.listener,
		Handler:        h,
		MaxConnections: h.o.MaxConnections,
		Refused:        func() { h.o.Tally.ThrottledRequest(collector.ThrottleConnections) },
		Panicked:       h.o.Tally.Panicked,
		Log:            h.o.Log,
	}
	return s.Run(ctx)
}

// ServeHTTP implements http.Handler.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, message := h.answer(w, r)
	h.o.Tally.Answered(collector.ZipkinJSON, status)
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if message != "" {
		w.Write([]byte(strings.ToValidUTF8(message, "\uFFFD") + "\n")) // who is gone does not read it
	}
}

func (h *HTTP) answer(w http.ResponseWriter, r *http.Request) (status int, message string) {
	if r.URL.Path != "/api/v2/spans" {
		return http.StatusNotFound, "no such path; spans go to /api/v2/spans"
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return http.StatusMethodNotAllowed, "use POST"
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		h.o.Tally.Refused(collector.RefuseMediaType, 0)
		return http.StatusUnsupportedMediaType, "Content-Type must be application/json"
	}
	gzipped := false
	switch strings.ToLower(r.Header.Get("Content-Encoding")) {
	case "", "identity":
	case "gzip":
		gzipped = true
	default:
		h.o.Tally.Refused(collector.RefuseMediaType, 0)
		w.Header().Set("Accept-Encoding", "gzip, identity")
		return http.StatusUnsupportedMediaType, "Content-Encoding must be gzip or identity"
	}
	body, err := intake.Read(r.Body, r.ContentLength, gzipped, h.o.MaxBody, h.o.Budget)
	if err != nil {
		return h.failure(w, err, body.Sent)
	}
	defer body.Release()
	out, err := h.export(r.Context(), body)
	if err != nil {
		return h.failure(w, err, body.Sent)
	}
	return http.StatusAccepted, out.Message
}

// export decodes a body, hands its spans on and tallies them.
func (h *HTTP) export(ctx context.Context, body *intake.Body) (collector.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	select {
	case h.decoding <- struct{}{}:
		defer func() { <-h.decoding }()
	case <-ctx.Done():
		return collector.Outcome{}, ctx.Err()
	}
	d := h.decoders.Get().(*Decoder)
	defer h.decoders.Put(d)
	chunks := intake.Chunks{To: h.next}
	out, err := d.JSON(body.Bytes, func(b *collector.Batch) error { return chunks.Consume(ctx, b) })
	h.o.Tally.Spans(collector.ZipkinJSON, &out) // nothing if it was malformed
	return out, err
}

// failure tallies and answers a request that could not be read or not be taken.
func (h *HTTP) failure(w http.ResponseWriter, err error, sent int64) (status int, message string) {
	var busy *collector.BusyError
	switch {
	case errors.Is(err, intake.ErrTooLarge), errors.Is(err, collector.ErrTooManySpans):
		h.o.Tally.Refused(collector.RefuseTooLarge, sent)
		return http.StatusRequestEntityTooLarge, err.Error() + "; send smaller requests"
	case errors.Is(err, collector.ErrMalformed), errors.Is(err, intake.ErrCompression), errors.Is(err, intake.ErrShort):
		h.o.Tally.Refused(collector.RefuseMalformed, sent)
		return http.StatusBadRequest, err.Error()
	case errors.Is(err, os.ErrDeadlineExceeded):
		h.o.Tally.Refused(collector.RefuseMalformed, sent)
		return http.StatusRequestTimeout, "the body took too long"
	}
	h.o.Tally.ThrottledRequest(collector.WhyThrottled(err))
	after := time.Second
	if errors.As(err, &busy) {
		after = max(busy.After, after)
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(after.Seconds()))))
	if errors.Is(err, collector.ErrBusy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return http.StatusTooManyRequests, "busy; send again later"
	}
	h.o.Log.Error("spans were refused", "error", err)
	return http.StatusServiceUnavailable, "the spans could not be kept; send again later"
}
