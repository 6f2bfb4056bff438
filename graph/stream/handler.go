package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"graphctl/graph/live"
)

// A Handler serves the stream of one window. Make it with NewHandler.
type Handler struct {
	window   *live.Window
	o        Options
	frames   frames
	upgrader websocket.Upgrader

	mu      sync.Mutex // guards what follows
	conns   map[*websocket.Conn]struct{}
	opening int           // handshakes under way
	closing bool          // no more clients
	stop    chan struct{} // closed when closing
	empty   chan struct{} // closed when closing and no client is left
	stats   Stats
}

// NewHandler returns a handler of w's publications.
func NewHandler(w *live.Window, o Options) *Handler {
	if o.MaxClients <= 0 {
		o.MaxClients = maxClients
	}
	if o.Status == nil {
		o.Status = func() Status { return Status{} }
	}
	return &Handler{
		window: w,
		o:      o,
		frames: frames{status: o.Status},
		upgrader: websocket.Upgrader{
			HandshakeTimeout:  handshakeTimeout,
			EnableCompression: true,
			CheckOrigin:       sameOrigin,
		},
		conns: make(map[*websocket.Conn]struct{}),
		stop:  make(chan struct{}),
		empty: make(chan struct{}),
	}
}

// ServeHTTP answers one client until it leaves. It needs a ResponseWriter that
// can be hijacked.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	form, bad := h.check(r)
	if bad != nil {
		bad.write(w)
		return
	}
	if bad := h.enter(); bad != nil {
		bad.write(w)
		return
	}
	upgrader := h.upgrader
	if form == binaryForm {
		upgrader.Subprotocols = []string{subprotocol}
	}
	upgrader.Error = func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
		refusal{status, "handshake", strings.TrimPrefix(reason.Error(), "websocket: ")}.write(w)
	}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		h.leave(nil, Left)
		return // Upgrade answered
	}
	if !h.add(conn) {
		conn.Close()
		h.leave(nil, Shutdown)
		return
	}
	h.leave(conn, h.serve(conn, form))
}

// check returns the form of messages that r asks for.
func (h *Handler) check(r *http.Request) (form, *refusal) {
	switch {
	case r.Method != http.MethodGet:
		return 0, &refusal{http.StatusMethodNotAllowed, "method", "the stream is opened with GET"}
	case !sameOrigin(r):
		return 0, &refusal{http.StatusForbidden, "origin", "pages of another origin may not read the stream"}
	case !websocket.IsWebSocketUpgrade(r):
		return 0, &refusal{http.StatusUpgradeRequired, "upgrade", "the stream is a WebSocket"}
	}
	switch want := r.URL.Query().Get("format"); want {
	case "json":
		return jsonForm, nil
	case "", "binary":
		for _, p := range websocket.Subprotocols(r) {
			if p == subprotocol {
				return binaryForm, nil
			}
		}
		return 0, &refusal{http.StatusBadRequest, "subprotocol", "offer the subprotocol " + subprotocol + ", or ask for ?format=json"}
	default:
		return 0, &refusal{http.StatusBadRequest, "format", "the formats are json and binary"}
	}
}

// sameOrigin reports whether r comes from a page of this host, or from no page.
func sameOrigin(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	if err != nil || len(origins) > 1 || u.Host == "" {
		return false // "null" has no host
	}
	port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	return port != "" && strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(r.Host, port))
}

// refusal is an answer to a client that gets no stream.
type refusal struct {
	status        int
	code, message string
}

func (e refusal) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	switch e.status {
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "5")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		h.Set("Upgrade", "websocket")
		h.Set("Connection", "Upgrade")
	}
	w.WriteHeader(e.status)
	body := map[string]map[string]string{"error": {"code": e.code, "message": e.message}}
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// enter reserves a place for a client.
func (h *Handler) enter() *refusal {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closing:
		return &refusal{http.StatusServiceUnavailable, "shutdown", "graphctl is stopping"}
	case len(h.conns)+h.opening >= h.o.MaxClients:
		h.stats.Refused++
		return &refusal{http.StatusServiceUnavailable, "busy", fmt.Sprintf("%d clients are connected, which is the limit", h.o.MaxClients)}
	}
	h.opening++
	return nil
}

// add turns a reserved place into a client, unless the handler is closing.
func (h *Handler) add(conn *websocket.Conn) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return false
	}
	h.opening--
	h.conns[conn] = struct{}{}
	return true
}

// leave gives a place back, a reserved one if conn is nil.
func (h *Handler) leave(conn *websocket.Conn, why Reason) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if conn == nil {
		h.opening--
	} else {
		delete(h.conns, conn)
		h.stats.Closed[why]++
	}
	if h.closing && len(h.conns)+h.opening == 0 {
		close(h.empty)
	}
}

// Run waits until ctx is done, then says bye to all clients, lets no more in,
// and returns when they have left or after a bounded time.
func (h *Handler) Run(ctx context.Context) error {
	<-ctx.Done()
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		return errors.New("stream: stopped twice")
	}
	h.closing = true
	close(h.stop)
	if len(h.conns)+h.opening == 0 {
		close(h.empty)
	}
	h.mu.Unlock()
	select {
	case <-h.empty:
		return nil
	case <-time.After(stopTimeout):
	}
	h.mu.Lock()
	for conn := range h.conns {
		conn.NetConn().Close() // unblocks its goroutines
	}
	h.mu.Unlock()
	<-h.empty
	return nil
}

// Stats returns the counters.
func (h *Handler) Stats() Stats {
	encoded := h.frames.count()
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stats
	s.Clients, s.Encoded = len(h.conns), encoded
	return s
}

func (h *Handler) countFrame() {
	h.mu.Lock()
	h.stats.Frames++
	h.mu.Unlock()
}

func (h *Handler) countResync() {
	h.mu.Lock()
	h.stats.Resyncs++
	h.mu.Unlock()
}

// timedOut reports whether err is a passed deadline.
func timedOut(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}
