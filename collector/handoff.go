package collector

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
)

// What a decoder says of a request that it refuses whole.
var (
	// ErrMalformed: the request does not parse.
	ErrMalformed = errors.New("malformed request")
	// ErrTooManySpans: the request holds more than MaxSpans spans.
	ErrTooManySpans = fmt.Errorf("more than %d spans in one request", MaxSpans)
)

// Bounds of a request.
const (
	// MaxSpans in a request; beyond it senders should split.
	MaxSpans = 500_000
	// ChunkSpans are handed on at once.
	ChunkSpans = 1024
	// heldSpans and heldLinks are kept before anything is handed on, so that a
	// usual request is read once: OpenTelemetry's Collector sends 8,192 spans.
	// What is larger is read twice, to check it and to hand it on. 0.9 and 1.5 MB.
	heldSpans = 8192
	heldLinks = 65536
)

// A Handoff takes a request's spans from a decoder and yields them in batches,
// none before the whole request is known to be good. It is part of a decoder,
// may be used again and again, and not in parallel. The zero value is ready.
type Handoff struct {
	batch Batch // spans not yet handed on
	chunk Batch // part of batch, while it is handed on
	out   Outcome

	yield    func(*Batch) error
	live     bool // full batches are handed on; else the request is being checked
	overflow bool // the batch was full while checking
	yieldErr error
}

// Run calls walk, which reads the whole request into h and reports errors that
// make it worthless, and yields the spans. If the request is too large to be
// held walk is called twice, and must do the same again. When yield returns an
// error no more is yielded, the spans left count as throttled, and Run returns
// that error along with the outcome; for an error of walk the outcome is zero.
func (h *Handoff) Run(r *Reducer, walk func() error, yield func(*Batch) error) (Outcome, error) {
	h.begin(r, yield, false)
	defer func() { h.yield, h.chunk = nil, Batch{} }()
	if err := walk(); err != nil {
		return Outcome{}, err
	}
	if h.overflow {
		h.begin(r, yield, true)
		if err := walk(); err != nil {
			panic("collector: a request that was checked does not parse: " + err.Error())
		}
	}
	h.handOn()
	h.out.Repaired, h.out.Folded = r.Repaired, r.Folded
	h.out.Throttled = h.out.Spans - h.out.Accepted - h.out.Rejected
	h.out.Message = h.out.describe()
	return h.out, h.yieldErr
}

func (h *Handoff) begin(r *Reducer, yield func(*Batch) error, live bool) {
	h.yield, h.live = yield, live
	h.overflow, h.yieldErr = false, nil
	h.out = Outcome{}
	h.batch.Reset()
	r.Repaired, r.Folded = RepairCounts{}, 0
}

// Count counts a span of the request; each is then rejected or gets a place.
func (h *Handoff) Count() error {
	h.out.Spans++
	if h.out.Spans > MaxSpans {
		return ErrTooManySpans
	}
	return nil
}

// Next returns a place for a span, valid until the next call, with ids and all
// else zero and no links.
func (h *Handoff) Next() *Span {
	if len(h.batch.Spans) >= heldSpans || len(h.batch.Links) >= heldLinks {
		if h.live {
			h.handOn()
		} else {
			h.overflow = true
		}
		h.batch.Reset()
	}
	h.batch.Spans = append(h.batch.Spans, Span{FirstLink: uint32(len(h.batch.Links))})
	return &h.batch.Spans[len(h.batch.Spans)-1]
}

// Link adds a link to s, the span that Next returned last. It returns false if
// s has MaxLinks of them.
func (h *Handoff) Link(s *Span, l Link) bool {
	if s.Links == MaxLinks {
		return false
	}
	h.batch.Links = append(h.batch.Links, l)
	s.Links++
	return true
}

// Drop takes back s, the span that Next returned last, and its links.
func (h *Handoff) Drop(s *Span) {
	h.batch.Links = h.batch.Links[:s.FirstLink]
	h.batch.Spans = h.batch.Spans[:len(h.batch.Spans)-1]
}

// Reject counts a span that is refused for its id, of which only the length and
// the first bytes are reported.
func (h *Handoff) Reject(why Rejection, id []byte) {
	h.out.Rejected++
	h.out.RejectedFor[why]++
	if h.out.Rejected > 1 {
		return
	}
	const shown = 32
	digits := hex.EncodeToString(id[:min(len(id), shown)])
	h.out.FirstRejection = fmt.Sprintf("span %d of the request has a bad %s of %d bytes, 0x%s", h.out.Spans, why, len(id), digits)
}

// handOn yields what the batch holds, unless the sink has refused before.
func (h *Handoff) handOn() {
	spans, links := h.batch.Spans, h.batch.Links
	for len(spans) > 0 && h.yieldErr == nil {
		n := min(len(spans), ChunkSpans)
		first := spans[0].FirstLink
		end := uint32(len(links))
		if n < len(spans) {
			end = spans[n].FirstLink
		}
		h.chunk = Batch{Spans: spans[:n:n], Links: links[first:end:end]}
		for i := range h.chunk.Spans {
			h.chunk.Spans[i].FirstLink -= first
		}
		if h.yieldErr = h.yield(&h.chunk); h.yieldErr != nil {
			h.out.ThrottledFor = WhyThrottled(h.yieldErr)
			return
		}
		h.out.Accepted += n
		spans = spans[n:]
	}
}

// WhyThrottled returns the reason in a sink's error: that of a BusyError, a
// lane for a plain ErrBusy and for an end of patience, else the disk, since
// nothing else can fail behind a sink.
func WhyThrottled(err error) Throttle {
	var busy *BusyError
	switch {
	case errors.As(err, &busy):
		return busy.Why
	case errors.Is(err, ErrBusy), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ThrottleLane
	}
	return ThrottleDisk
}

// describe returns what the sender should know, "" if nothing.
func (o *Outcome) describe() string {
	switch {
	case o.Rejected > 0:
		return fmt.Sprintf("%d of %d spans rejected; the first: %s", o.Rejected, o.Spans, o.FirstRejection)
	case o.Folded > 0:
		return fmt.Sprintf("the table of names is full: %d new names count as \"other\"", o.Folded)
	}
	return ""
}
