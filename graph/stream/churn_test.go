package stream

import (
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"graphctl/graph"
	"graphctl/graph/live"
)

// descriptors returns how many files the process has open, -1 where that cannot
// be read.
func descriptors() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// A thousand clients that come and go, politely or not, leave no goroutine and
// no descriptor behind.
func TestChurnLeavesNothing(t *testing.T) {
	w := live.NewWindow(graph.InstantOf(time.Now()), live.Options{})
	h := NewHandler(w, Options{})
	server := httptest.NewServer(h)
	defer server.Close()
	url := "ws" + strings.TrimPrefix(server.URL, "http") + "?format=json"
	goroutines, files := 0, 0
	for i := range 1000 {
		conn, resp, err := websocket.DefaultDialer.Dial(url, nil)
		if err != nil {
			t.Fatalf("client %d: %v (%+v)", i, err, resp)
		}
		if _, _, err := conn.ReadMessage(); err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		if i%2 == 0 {
			_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
		}
		conn.Close()
		if i == 0 {
			settle(t, h)
			goroutines, files = runtime.NumGoroutine(), descriptors()
		}
		if i%100 == 99 { // the limit of clients holds for those on their way out too
			settle(t, h)
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > goroutines || descriptors() > files {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d descriptors, before %d and %d", runtime.NumGoroutine(), descriptors(), goroutines, files)
		}
		runtime.Gosched()
	}
}

// settle waits until no client is connected.
func settle(t *testing.T, h *Handler) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for h.Stats().Clients > 0 {
		if time.Now().After(deadline) {
			t.Fatalf("%d clients have not left", h.Stats().Clients)
		}
		runtime.Gosched()
	}
}
