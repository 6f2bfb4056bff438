package otlp

import (
	"context"
	"errors"
	"mime"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"graphctl/collector"
	"graphctl/collector/intake"
)

// Media types of OTLP/HTTP.
const (
	mediaProto = "application/x-protobuf"
	mediaJSON  = "application/json"
)

// HTTP receives OTLP over HTTP: protobuf and JSON, gzip or not. Traces are read,
// metrics and logs accepted and dropped.
type HTTP struct {
	*exporter
	listener net.Listener
}

// NewHTTP returns a receiver that serves l, which it closes.
func NewHTTP(l net.Listener, o Options) *HTTP { return &HTTP{newExporter(o), l} }

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

// An answer is a status with a message, or a success with one.
type answer struct {
	status  int
	message string
	retry   int // seconds, with 429 and 503
	result  Result
}

// ServeHTTP implements http.Handler.
func (h *HTTP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	by := collector.OTLPHTTPProto
	media, mediaErr := mediaType(r)
	if media == mediaJSON {
		by = collector.OTLPHTTPJSON
	}
	a := h.answer(w, r, by, mediaErr)
	h.o.Tally.Answered(by, a.status)
	if a.retry > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(a.retry))
	}
	write(w, &a, by == collector.OTLPHTTPJSON)
}

// mediaType returns the media type in lower case without parameters.
func mediaType(r *http.Request) (string, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != mediaProto && media != mediaJSON {
		return media, errors.New("Content-Type must be " + mediaProto + " or " + mediaJSON)
	}
	return media, nil
}

// answer does what the request asks for.
func (h *HTTP) answer(w http.ResponseWriter, r *http.Request, by collector.Transport, mediaErr error) answer {
	switch r.URL.Path {
	case "/v1/traces", "/v1/metrics", "/v1/logs":
	default:
		return answer{status: http.StatusNotFound, message: "no such path; spans go to /v1/traces"}
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return answer{status: http.StatusMethodNotAllowed, message: "use POST"}
	}
	if mediaErr != nil {
		h.o.Tally.Refused(collector.RefuseMediaType, 0)
		return answer{status: http.StatusUnsupportedMediaType, message: mediaErr.Error()}
	}
	gzipped, ok := gzipEncoding(r)
	if !ok {
		h.o.Tally.Refused(collector.RefuseMediaType, 0)
		w.Header().Set("Accept-Encoding", "gzip, identity")
		return answer{status: http.StatusUnsupportedMediaType, message: "Content-Encoding must be gzip or identity"}
	}
	switch r.URL.Path {
	case "/v1/metrics":
		return dropped(h.drop(r.Body, collector.Metrics))
	case "/v1/logs":
		return dropped(h.drop(r.Body, collector.Logs))
	}
	body, err := intake.Read(r.Body, r.ContentLength, gzipped, h.o.MaxBody, h.o.Budget)
	if err != nil {
		h.refused(err, body.Sent)
		return failure(err)
	}
	defer body.Release()
	res, err := h.export(r.Context(), body.Bytes, body.Sent, by)
	if err != nil {
		return failure(err)
	}
	return answer{status: http.StatusOK, result: res}
}

// dropped is the answer to a signal that is dropped.
func dropped(err error) answer {
	if err != nil {
		return failure(err)
	}
	return answer{status: http.StatusOK}
}

// gzipEncoding reports whether the body is gzipped, and whether its encoding is
// known.
func gzipEncoding(r *http.Request) (gzipped, ok bool) {
	switch strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))) {
	case "", "identity":
		return false, true
	case "gzip":
		return true, true
	}
	return false, false
}

// failure is the answer to a request that could not be read or not be taken.
func failure(err error) answer {
	switch {
	case errors.Is(err, errSink):
		return answer{status: http.StatusServiceUnavailable, message: errSink.Error() + "; send again later", retry: 1}
	case errors.Is(err, intake.ErrTooLarge), errors.Is(err, collector.ErrTooManySpans):
		return answer{status: http.StatusRequestEntityTooLarge, message: err.Error() + "; send smaller requests"}
	case errors.Is(err, collector.ErrMalformed), errors.Is(err, intake.ErrCompression), errors.Is(err, intake.ErrShort):
		return answer{status: http.StatusBadRequest, message: err.Error()}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return answer{status: http.StatusRequestTimeout, message: "the body took too long"}
	case isBusy(err):
		return answer{status: http.StatusTooManyRequests, message: "busy; send again later", retry: seconds(retryAfter(err))}
	}
	return answer{status: http.StatusBadRequest, message: "the body could not be read"}
}

// write writes a in protobuf or JSON.
func write(w http.ResponseWriter, a *answer, json bool) {
	var m proto.Message
	if a.status == http.StatusOK {
		m = response(&a.result)
	} else {
		m = &status.Status{Code: int32(grpcCode(a.status)), Message: strings.ToValidUTF8(a.message, "\uFFFD")}
	}
	marshal, media := proto.Marshal, mediaProto
	if json {
		marshal, media = protojson.Marshal, mediaJSON
	}
	b, err := marshal(m)
	if err != nil {
		panic("otlp: a response that cannot be encoded: " + err.Error())
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.status)
	w.Write(b) // who is gone does not read it
}

// response tells the sender what was rejected, or warns it.
func response(res *Result) *collectortrace.ExportTraceServiceResponse {
	m := new(collectortrace.ExportTraceServiceResponse)
	if res.Rejected > 0 || res.Message != "" {
		m.PartialSuccess = &collectortrace.ExportTracePartialSuccess{
			RejectedSpans: int64(res.Rejected),
			ErrorMessage:  strings.ToValidUTF8(res.Message, "\uFFFD"),
		}
	}
	return m
}

func grpcCode(status int) codes.Code {
	switch status {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return codes.Unimplemented
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge:
		return codes.ResourceExhausted
	case http.StatusRequestTimeout:
		return codes.DeadlineExceeded
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.InvalidArgument
}
