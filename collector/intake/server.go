package intake

import (
	"context"
	"errors"
	"log/slog"
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
	writeTimeout      = 30 * time.Second
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
	if s.MaxConnections == 0 {
		s.MaxConnections = MaxConnections
	}
	server := &http.Server{
		Handler:           s.guard(s.Handler),
		Protocols:         s.Protocols,
		HTTP2:             s.HTTP2,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
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
		h.ServeHTTP(w, r)
	})
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
		c.Close()
		if l.s.Refused != nil {
			l.s.Refused()
		}
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
