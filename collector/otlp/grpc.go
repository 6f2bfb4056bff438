package otlp

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/durationpb"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// Bounds of gRPC beside those of intake.
const (
	maxStreams = 100 // a connection
	// Flow-control windows: a request of some hundred kB arrives without
	// waiting for the reader.
	streamWindow     = 1 << 20
	connectionWindow = 4 << 20
	maxFrame         = 256 << 10
	pingInterval     = time.Minute // after silence
	pingTimeout      = 15 * time.Second
	idleConnection   = 5 * time.Minute
	maxAge           = time.Hour
	maxHeaderList    = 16 << 10
)

// The methods that are served: the paths of gRPC's unary calls.
const (
	exportTraces  = "/" + "opentelemetry.proto.collector.trace.v1.TraceService/Export"
	exportMetrics = "/" + "opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
	exportLogs    = "/" + "opentelemetry.proto.collector.logs.v1.LogsService/Export"
)

// GRPC receives OTLP over gRPC. It speaks gRPC's protocol itself, on the
// standard library's HTTP/2: docs/adr/0003-grpc-receiver.md says why.
type GRPC struct {
	*exporter
	listener net.Listener
}

// NewGRPC returns a receiver that serves l, which it closes.
func NewGRPC(l net.Listener, o Options) *GRPC { return &GRPC{newExporter(o), l} }

// Run implements collector.Receiver.
func (g *GRPC) Run(ctx context.Context, next collector.Sink) error {
	g.next = next
	return g.server(g).Run(ctx)
}

// server returns a server of HTTP/2 with gRPC's bounds that calls h.
func (g *GRPC) server(h http.Handler) *intake.Server {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &intake.Server{
		Listener:  g.listener,
		Handler:   h,
		Protocols: protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams:          maxStreams,
			MaxReceiveBufferPerStream:     streamWindow,
			MaxReceiveBufferPerConnection: connectionWindow,
			MaxReadFrameSize:              maxFrame,
			SendPingTimeout:               pingInterval,
			PingTimeout:                   pingTimeout,
		},
		IdleTimeout:    idleConnection,
		MaxHeaderBytes: maxHeaderList,
		MaxAge:         maxAge,
		MaxConnections: g.o.MaxConnections,
		Refused:        func() { g.o.Tally.ThrottledRequest(collector.ThrottleConnections) },
		Panicked:       g.o.Tally.Panicked,
		Log:            g.o.Log,
	}
}

// ServeHTTP implements http.Handler: one unary call.
func (g *GRPC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.Method != http.MethodPost || media != "application/grpc" && !strings.HasPrefix(media, "application/grpc+") {
		w.Header().Set("Accept-Post", "application/grpc")
		http.Error(w, "this port speaks gRPC", http.StatusUnsupportedMediaType)
		return
	}
	ctx, cancel := deadline(r)
	defer cancel()
	m, st := g.call(ctx, r)
	g.o.Tally.Answered(collector.OTLPGRPC, int(st.GetCode()))
	reply(w, m, st)
}

// deadline applies the caller's grpc-timeout.
func deadline(r *http.Request) (context.Context, context.CancelFunc) {
	if d, ok := timeout(r.Header.Get("Grpc-Timeout")); ok {
		return context.WithTimeout(r.Context(), d)
	}
	return context.WithCancel(r.Context())
}

// timeoutUnits are the units of a grpc-timeout.
var timeoutUnits = map[byte]time.Duration{
	'H': time.Hour, 'M': time.Minute, 'S': time.Second,
	'm': time.Millisecond, 'u': time.Microsecond, 'n': time.Nanosecond,
}

// timeout reads a grpc-timeout: at most eight digits and a unit. What is longer
// than a day counts as one.
func timeout(s string) (time.Duration, bool) {
	if len(s) < 2 || len(s) > 9 {
		return 0, false
	}
	digits := s[:len(s)-1]
	unit, ok := timeoutUnits[s[len(digits)]]
	if !ok {
		return 0, false
	}
	var n time.Duration
	for _, c := range []byte(digits) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + time.Duration(c-'0')
	}
	const day = 24 * time.Hour
	return min(n, day/unit) * unit, true
}

// call reads the message and does what it asks for. A nil message comes with a
// status that is not OK.
func (g *GRPC) call(ctx context.Context, r *http.Request) (proto.Message, *status.Status) {
	switch r.URL.Path {
	case exportTraces, exportMetrics, exportLogs:
	default:
		return nil, state(codes.Unimplemented, "no such method; this port takes OTLP")
	}
	switch r.URL.Path {
	case exportMetrics:
		if err := g.drop(r.Body, collector.Metrics); err != nil {
			return nil, grpcFailure(err)
		}
		return new(collectormetrics.ExportMetricsServiceResponse), nil
	case exportLogs:
		if err := g.drop(r.Body, collector.Logs); err != nil {
			return nil, grpcFailure(err)
		}
		return new(collectorlogs.ExportLogsServiceResponse), nil
	}
	body, err := g.message(r)
	if err != nil {
		g.refused(err, body.Sent)
		return nil, grpcFailure(err)
	}
	defer body.Release()
	res, err := g.export(ctx, body.Bytes, body.Sent, collector.OTLPGRPC)
	if err != nil {
		return nil, grpcFailure(err)
	}
	return response(&res), nil
}

// What a message may be wrong in, beside intake's errors.
var (
	errFraming     = errors.New("not one gRPC message")
	errCompression = errors.New("grpc-encoding must be gzip or identity")
)

// message reads the one message of a unary call: a byte that says whether it is
// compressed, four of length, and its bytes.
func (g *GRPC) message(r *http.Request) (*intake.Body, error) {
	none := new(intake.Body)
	var prefix [5]byte
	if _, err := io.ReadFull(r.Body, prefix[:]); err != nil {
		return none, fmt.Errorf("%w: %w", errFraming, err)
	}
	length := int64(binary.BigEndian.Uint32(prefix[1:]))
	if prefix[0] > 1 {
		return none, errFraming
	}
	gzipped := prefix[0] == 1
	if gzipped && r.Header.Get("Grpc-Encoding") != "gzip" {
		return none, errCompression
	}
	body, err := intake.Read(io.LimitReader(r.Body, length), length, gzipped, g.o.MaxBody, g.o.Budget)
	if err != nil {
		return body, err
	}
	if body.Sent < length {
		body.Release()
		return body, errFraming
	}
	if n, err := r.Body.Read(prefix[:1]); n != 0 || err != nil && !errors.Is(err, io.EOF) {
		body.Release()
		return body, errFraming
	}
	return body, nil
}

// grpcFailure is the status for a request that could not be read or not taken.
// Only a status with RetryInfo lets OTLP senders try again.
func grpcFailure(err error) *status.Status {
	switch {
	case errors.Is(err, errSink):
		return state(codes.Unavailable, errSink.Error())
	case errors.Is(err, intake.ErrTooLarge), errors.Is(err, collector.ErrTooManySpans):
		return state(codes.ResourceExhausted, err.Error()+"; send smaller requests")
	case errors.Is(err, errCompression):
		return state(codes.Unimplemented, err.Error())
	case errors.Is(err, os.ErrDeadlineExceeded):
		return state(codes.DeadlineExceeded, "the request took too long")
	case isBusy(err):
		s := state(codes.ResourceExhausted, "busy; send again later")
		info, marshalErr := anypb.New(&errdetails.RetryInfo{RetryDelay: durationpb.New(retryAfter(err))})
		if marshalErr != nil {
			panic("otlp: RetryInfo cannot be encoded: " + marshalErr.Error())
		}
		s.Details = append(s.Details, info)
		return s
	}
	return state(codes.InvalidArgument, err.Error())
}

func state(c codes.Code, message string) *status.Status {
	return &status.Status{Code: int32(c), Message: strings.ToValidUTF8(message, "\uFFFD")}
}

// reply writes a message and the trailers of its status.
func reply(w http.ResponseWriter, m proto.Message, st *status.Status) {
	h := w.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Accept-Encoding", "gzip, identity")
	if m != nil {
		b, err := proto.MarshalOptions{}.MarshalAppend(make([]byte, 5), m)
		if err != nil {
			panic("otlp: a response that cannot be encoded: " + err.Error())
		}
		binary.BigEndian.PutUint32(b[1:], uint32(len(b)-5))
		w.Write(b) // who is gone does not read it
	} else {
		w.WriteHeader(http.StatusOK)
	}
	h.Set(http.TrailerPrefix+"Grpc-Status", fmt.Sprint(st.GetCode()))
	if st == nil {
		return
	}
	h.Set(http.TrailerPrefix+"Grpc-Message", percentEncode(st.Message))
	if len(st.Details) > 0 {
		b, err := proto.Marshal(st)
		if err != nil {
			panic("otlp: a status that cannot be encoded: " + err.Error())
		}
		h.Set(http.TrailerPrefix+"Grpc-Status-Details-Bin", base64.RawStdEncoding.EncodeToString(b))
	}
}

// percentEncode writes what gRPC does not allow in a grpc-message as %XX.
func percentEncode(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= ' ' && c <= '~' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// Assert that the responses are those of the services.
var (
	_ proto.Message      = (*collectortrace.ExportTraceServiceResponse)(nil)
	_ collector.Receiver = (*GRPC)(nil)
	_ collector.Receiver = (*HTTP)(nil)
)
