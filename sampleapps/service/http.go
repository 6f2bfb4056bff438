package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	maxBody       = 64 << 10 // bytes of a request or response body
	headerTimeout = 5 * time.Second
	idleTimeout   = 30 * time.Second
	maxIdleConns  = 32 // kept open to each service that is called
)

// HandleHTTP makes the service answer HTTP requests at its name. Every request
// becomes a server span, named after the route that mux chose. It is called at
// most once.
func (s *Service) HandleHTTP(mux *http.ServeMux) error {
	l, err := s.Network.Listen(httpName(s.name))
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: otelhttp.NewHandler(mux, s.name,
			otelhttp.WithTracerProvider(s.Tracing.Provider),
			otelhttp.WithPropagators(s.Tracing.Propagator)),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
	}
	s.OnClose(func() error { return ignoreClosed(l.Close()) })
	s.Task(func(ctx context.Context) error { return ServeHTTP(ctx, server, l) })
	return nil
}

// ServeHTTP serves on l until ctx is done, then waits stopGrace for requests
// under way and closes the connections of those that remain. It closes l.
func ServeHTTP(ctx context.Context, server *http.Server, l net.Listener) error {
	g, done := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("service: serve http: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-done.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(done), stopGrace)
		defer cancel()
		if server.Shutdown(grace) != nil {
			return server.Close()
		}
		return nil
	})
	return g.Wait()
}

// HTTPClient makes a client whose requests become client spans and carry the
// trace context.
func (s *Service) HTTPClient() *Client {
	base := &http.Transport{
		DialContext:         s.Network.DialContext,
		MaxIdleConnsPerHost: maxIdleConns,
		IdleConnTimeout:     idleTimeout,
	}
	s.OnClose(func() error { base.CloseIdleConnections(); return nil })
	return NewClient(otelhttp.NewTransport(base,
		otelhttp.WithTracerProvider(s.Tracing.Provider),
		otelhttp.WithPropagators(s.Tracing.Propagator)))
}

// NewClient makes a client of a transport, which the caller owns. It is for
// those outside the company, who have no tracing.
func NewClient(transport http.RoundTripper) *Client {
	return &Client{http: http.Client{Transport: transport}}
}

// A Client exchanges JSON. It may be used in parallel.
type Client struct {
	http http.Client
}

// A Request is one exchange of a Client.
type Request struct {
	Method, URL string
	// Token is sent as Authorization: Bearer, if it is not empty.
	Token string
	// In is sent as JSON, if it is not nil.
	In any
	// Out is a pointer that the answer is decoded into, if it is not nil.
	Out any
}

// Call makes one request. A status other than 2xx is a *StatusError.
func (c *Client) Call(ctx context.Context, r Request) error {
	request, err := encode(ctx, r)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return fmt.Errorf("service: read answer: %w", err)
	}
	if response.StatusCode/100 != 2 {
		return &StatusError{Code: response.StatusCode, Message: strings.TrimSpace(string(answer))}
	}
	if r.Out == nil {
		return nil
	}
	if err := json.Unmarshal(answer, r.Out); err != nil {
		return fmt.Errorf("service: decode answer: %w", err)
	}
	return nil
}

func encode(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	if r.In != nil {
		b, err := json.Marshal(r.In)
		if err != nil {
			return nil, fmt.Errorf("service: encode request: %w", err)
		}
		body = bytes.NewReader(b)
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		return nil, err
	}
	if r.Token != "" {
		request.Header.Set("Authorization", "Bearer "+r.Token)
	}
	return request, nil
}

// Token is the bearer token of a request, or empty.
func Token(r *http.Request) string {
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return token
}

// A StatusError is an HTTP answer that is not a success: what Call returns for
// one, and what a Handler returns to send one.
type StatusError struct {
	// Code is the HTTP status.
	Code int
	// Message is the body.
	Message string
}

func (e *StatusError) Error() string { return fmt.Sprintf("status %d: %s", e.Code, e.Message) }

// A Handler answers a request with a value that is sent as JSON, or with an
// error. A *StatusError is sent as it is; a gRPC status becomes the HTTP status
// nearest to it; any other error is a 500.
type Handler func(r *http.Request) (any, error)

// ServeHTTP implements http.Handler.
func (h Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	answer, err := h(r)
	if err != nil {
		http.Error(w, err.Error(), statusOf(err))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// An error here means that the caller has gone; the span shows the status.
	_ = json.NewEncoder(w).Encode(answer)
}

// ReadJSON decodes the body of a request. A body that does not parse is a
// StatusError with status 400.
func ReadJSON(r *http.Request, into any) error {
	if err := json.NewDecoder(r.Body).Decode(into); err != nil {
		return &StatusError{Code: http.StatusBadRequest, Message: err.Error()}
	}
	return nil
}

func statusOf(err error) int {
	var e *StatusError
	if errors.As(err, &e) {
		return e.Code
	}
	switch status.Code(err) {
	case codes.InvalidArgument:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.ResourceExhausted:
		return http.StatusConflict
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
