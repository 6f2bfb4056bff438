package collector

import "sync/atomic"

// A Transport is a way by which spans come in.
type Transport uint8

// The transports.
const (
	OTLPGRPC Transport = iota
	OTLPHTTPProto
	OTLPHTTPJSON
	ZipkinJSON
	numTransports
)

// Transports lists the transports.
var Transports = [...]Transport{OTLPGRPC, OTLPHTTPProto, OTLPHTTPJSON, ZipkinJSON}

func (t Transport) String() string {
	return [...]string{"otlp_grpc", "otlp_http_protobuf", "otlp_http_json", "zipkin_json"}[t]
}

// A Rejection is why a span is refused for good.
type Rejection uint8

// The reasons to reject a span.
const (
	RejectTraceID Rejection = iota
	RejectSpanID
	RejectParentID
	numRejections
)

// Rejections lists the reasons to reject a span.
var Rejections = [...]Rejection{RejectTraceID, RejectSpanID, RejectParentID}

func (r Rejection) String() string { return [...]string{"trace_id", "span_id", "parent_id"}[r] }

// A Refusal is why a whole request is refused for good.
type Refusal uint8

// The reasons to refuse a request.
const (
	RefuseMalformed Refusal = iota
	RefuseTooLarge
	RefuseMediaType
	RefuseAuth
	numRefusals
)

// Refusals lists the reasons to refuse a request.
var Refusals = [...]Refusal{RefuseMalformed, RefuseTooLarge, RefuseMediaType, RefuseAuth}

func (r Refusal) String() string {
	return [...]string{"malformed", "too_large", "media_type", "auth"}[r]
}

// A Throttle is why something may be offered again later.
type Throttle uint8

// The reasons to throttle.
const (
	ThrottleLane        Throttle = iota // a lane has no room, or took too long
	ThrottleMemory                      // too many bytes of bodies held
	ThrottleDisk                        // the span log cannot take more
	ThrottleConnections                 // too many connections
	numThrottles
)

// Throttles lists the reasons to throttle.
var Throttles = [...]Throttle{ThrottleLane, ThrottleMemory, ThrottleDisk, ThrottleConnections}

func (t Throttle) String() string { return [...]string{"lane", "memory", "disk", "connections"}[t] }

// A Signal is a kind of telemetry that is accepted and dropped.
type Signal uint8

// The signals that are dropped.
const (
	Metrics Signal = iota
	Logs
	numSignals
)

// Signals lists the signals that are dropped.
var Signals = [...]Signal{Metrics, Logs}

func (s Signal) String() string { return [...]string{"metrics", "logs"}[s] }

// An Outcome is what became of one request's spans:
// Accepted + Rejected + Throttled = Spans.
type Outcome struct {
	Spans     int // read from the request
	Accepted  int // taken by the sink
	Rejected  int // invalid ids
	Throttled int // not taken by the sink, to be offered again

	RejectedFor    [numRejections]int
	ThrottledFor   Throttle // reason of Throttled
	Repaired       RepairCounts
	Folded         int    // names that became Other
	FirstRejection string // of the first rejected span: what is wrong and where
	Message        string // for the sender; "" if nothing is worth saying
}

// A Tally counts what receivers do. Its methods may be called in parallel. The
// zero value is ready.
type Tally struct {
	requests  [numTransports][len(codes) + 1]atomic.Uint64
	spans     [numTransports]atomic.Uint64
	accepted  atomic.Uint64
	rejected  [numRejections]atomic.Uint64
	throttled [numThrottles]atomic.Uint64
	repaired  [numRepairs]atomic.Uint64

	refused           [numRefusals]atomic.Uint64
	refusedBytes      atomic.Uint64
	throttledRequests [numThrottles]atomic.Uint64
	dropped           [numSignals]atomic.Uint64
	panics            atomic.Uint64
}

// codes are the answers that are counted apart: HTTP status codes, and gRPC's
// 0 to 16.
var codes = [...]int{
	200, 202, 400, 401, 404, 405, 408, 413, 415, 429, 431, 499, 500, 503,
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
}

func codeIndex(code int) int {
	for i, c := range codes {
		if c == code {
			return i
		}
	}
	return len(codes)
}

// Answered counts a request by its answer: an HTTP status, or for OTLPGRPC a
// gRPC status.
func (t *Tally) Answered(by Transport, code int) { t.requests[by][codeIndex(code)].Add(1) }

// Spans counts what became of the spans of a request whose framing was read.
func (t *Tally) Spans(by Transport, o *Outcome) {
	t.spans[by].Add(uint64(o.Spans))
	t.accepted.Add(uint64(o.Accepted))
	if o.Throttled > 0 {
		t.throttled[o.ThrottledFor].Add(uint64(o.Throttled))
	}
	if o.Rejected > 0 {
		for i, n := range o.RejectedFor {
			t.rejected[i].Add(uint64(n))
		}
	}
	for i, n := range o.Repaired {
		if n > 0 {
			t.repaired[i].Add(uint64(n))
		}
	}
}

// Refused counts a request that was refused whole before its spans were
// counted, and the bytes of it that were read.
func (t *Tally) Refused(why Refusal, bytes int64) {
	t.refused[why].Add(1)
	t.refusedBytes.Add(uint64(bytes))
}

// ThrottledRequest counts a request, or for ThrottleConnections a connection,
// that may come again.
func (t *Tally) ThrottledRequest(why Throttle) { t.throttledRequests[why].Add(1) }

// Dropped counts a request of a signal that is accepted and dropped.
func (t *Tally) Dropped(s Signal) { t.dropped[s].Add(1) }

// Panicked counts a request whose handler panicked.
func (t *Tally) Panicked() { t.panics.Add(1) }

// Requests is how often one transport gave one answer.
type Requests struct {
	Transport Transport
	Code      int // HTTP or gRPC status, -1 for all others
	Count     uint64
}

// Counts is a snapshot of a Tally. While requests are being counted its figures
// may be some spans apart from one another.
type Counts struct {
	Requests  []Requests // those that are not 0
	Spans     [numTransports]uint64
	Received  uint64 // the sum of Spans
	Accepted  uint64
	Rejected  [numRejections]uint64
	Throttled [numThrottles]uint64 // spans
	Repaired  [numRepairs]uint64

	RefusedRequests   [numRefusals]uint64
	RefusedBytes      uint64
	ThrottledRequests [numThrottles]uint64 // for ThrottleConnections connections
	DroppedRequests   [numSignals]uint64
	Panics            uint64
}

// Snapshot returns the counts so far.
func (t *Tally) Snapshot() Counts {
	var c Counts
	for by := range t.requests {
		for i := range t.requests[by] {
			n := t.requests[by][i].Load()
			if n == 0 {
				continue
			}
			code := -1
			if i < len(codes) {
				code = codes[i]
			}
			c.Requests = append(c.Requests, Requests{Transport(by), code, n})
		}
	}
	c.Accepted = t.accepted.Load()
	load(c.Rejected[:], t.rejected[:])
	load(c.Throttled[:], t.throttled[:])
	load(c.Repaired[:], t.repaired[:])
	load(c.Spans[:], t.spans[:])
	for _, n := range c.Spans {
		c.Received += n
	}
	load(c.RefusedRequests[:], t.refused[:])
	c.RefusedBytes = t.refusedBytes.Load()
	load(c.ThrottledRequests[:], t.throttledRequests[:])
	load(c.DroppedRequests[:], t.dropped[:])
	c.Panics = t.panics.Load()
	return c
}

func load(to []uint64, from []atomic.Uint64) {
	for i := range from {
		to[i] = from[i].Load()
	}
}
