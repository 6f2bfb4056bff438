package intake

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of a server.
const (
	// MaxConnections is the default bound of open connections; what comes
	// beyond is closed at once.
	MaxConnections = 10_000

	readHeaderTimeout = 5 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = 30 * time.Second // beside reading: the clock runs from the end of the header
	idleTimeout       = 60 * time.Second
	maxHeaderBytes    = 64 << 10
	// drain is how long requests in hand may take once the server stops.
	drain = 10 * time.Second
)

// A Server serves one listener within the bounds above.
type Server struct {
	Listener net.Listener
	Handler  http.Handler
	// Protocols and HTTP2 are passed on to http.Server.
	Protocols *http.Protocols
	HTTP2     *http.HTTP2Config
	// MaxConnections is 0 for the default.
	MaxConnections int
	// IdleTimeout and MaxHeaderBytes are 0 for the defaults.
	IdleTimeout    time.Duration
	MaxHeaderBytes int
	// MaxAge is how old a connection may become, give or take a tenth: the
	// answer to a later request asks the client to open another. 0: no bound.
	MaxAge time.Duration
	// Refused is called for each connection over the bound; may be nil.
	Refused func()
	// Panicked is called after a handler panicked; may be nil.
	Panicked func()
	// Log gets panics; nil: nothing.
	Log *slog.Logger
}

// Run serves until ctx is done, then lets requests in hand finish for a bounded
// time and returns.
func (s *Server) Run(ctx context.Context) error {
	if s.Log == nil {
		s.Log = slog.New(slog.DiscardHandler)
	}
	s.MaxConnections = cmp.Or(s.MaxConnections, MaxConnections)
	server := &http.Server{
		Handler:           s.guard(s.Handler),
		Protocols:         s.Protocols,
		HTTP2:             s.HTTP2,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + writeTimeout,
		IdleTimeout:       cmp.Or(s.IdleTimeout, idleTimeout),
		MaxHeaderBytes:    cmp.Or(s.MaxHeaderBytes, maxHeaderBytes),
		ConnContext:       s.born,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(&boundedListener{Listener: s.Listener, s: s}) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		server.Close() // who did not finish sees a broken connection and sends again
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// guard logs a panic of h and breaks off that request alone.
func (s *Server) guard(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			p := recover()
			if p == nil {
				return
			}
			if p != http.ErrAbortHandler {
				s.Log.Error("a request's handler panicked", "path", r.URL.Path, "panic", p)
				if s.Panicked != nil {
					s.Panicked()
				}
			}
			panic(http.ErrAbortHandler)
		}()
		if dies, ok := r.Context().Value(connectionDies{}).(time.Time); ok && time.Now().After(dies) {
			w.Header().Set("Connection", "close") // over HTTP/2 this becomes a GOAWAY
		}
		h.ServeHTTP(w, r)
	})
}

// connectionDies is the context key of the time when a connection is too old.
type connectionDies struct{}

func (s *Server) born(ctx context.Context, _ net.Conn) context.Context {
	if s.MaxAge == 0 {
		return ctx
	}
	spread := s.MaxAge / 10 // so that clients that came together do not leave together
	return context.WithValue(ctx, connectionDies{}, time.Now().Add(s.MaxAge-spread+rand.N(2*spread+1)))
}

// boundedListener closes connections over the bound at once.
type boundedListener struct {
	net.Listener
	s *Server

	mu   sync.Mutex
	open int
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.enter() {
			return &boundedConn{Conn: c, l: l}, nil
		}
		if l.s.Refused != nil {
			l.s.Refused()
		}
		c.Close() // after it is counted: whoever sees the end finds it in the tally
	}
}

func (l *boundedListener) enter() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open >= l.s.MaxConnections {
		return false
	}
	l.open++
	return true
}

type boundedConn struct {
	net.Conn
	l    *boundedListener
	once sync.Once
}

func (c *boundedConn) Close() error {
	c.once.Do(func() {
		c.l.mu.Lock()
		c.l.open--
		c.l.mu.Unlock()
	})
	return c.Conn.Close()
}
