package stream

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"graphctl/graph"
	"graphctl/graph/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A pipeListener connects clients and server in memory, without buffers: what
// one side does not read the other cannot write.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.closed) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 4319} }

func (l *pipeListener) dial(context.Context, string, string) (net.Conn, error) {
	server, client := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// A bench is a handler on a window under fake time.
type bench struct {
	t        *testing.T
	w        *live.Window
	h        *Handler
	listener *pipeListener
	seq      uint64
}

// run calls f with a bench in a bubble of fake time.
func run(t *testing.T, o Options, f func(t *testing.T, b *bench)) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, listener: &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}}
		b.w = live.NewWindow(graph.InstantOf(time.Now()), live.Options{Epoch: "e"})
		b.h = NewHandler(b.w, o)
		server := &http.Server{Handler: b.h}
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = b.h.Run(ctx) })
		wg.Go(func() { _ = server.Serve(b.listener) })
		defer wg.Wait()
		defer server.Close()
		defer cancel()
		f(t, b)
	})
}

// publish makes a publication that holds n more calls of web → cart.
func (b *bench) publish(n int64) { b.publishEdge("cart", n) }

func (b *bench) publishEdge(to string, n int64) {
	now := graph.InstantOf(time.Now())
	d := new(graph.Delta)
	s := d.At(graph.Key{
		Bucket: now.Floor(graph.Fine),
		Subject: graph.Subject{
			Of: graph.OfEdge, Kind: graph.RPC,
			From: graph.NodeRef{Kind: graph.Service, Namespace: "shop", Name: "web"},
			To:   graph.NodeRef{Kind: graph.Service, Namespace: "shop", Name: to},
		}.ID(),
		Facets: graph.Facets{}.ID(),
	})
	s.Calls = n
	s.Client.Add(time.Millisecond, n)
	b.seq++
	b.w.Apply([]graph.Batch{{Seq: b.seq, Delta: d}})
	b.w.Advance(now)
}

// dial opens the stream; query is "" for the binary form.
func (b *bench) dial(query string) *websocket.Conn {
	b.t.Helper()
	conn, resp, err := b.open(query, nil)
	if err != nil {
		b.t.Fatalf("dial %q: %v (%+v)", query, err, resp)
	}
	return conn
}

func (b *bench) open(query string, header http.Header) (*websocket.Conn, *http.Response, error) {
	d := websocket.Dialer{NetDialContext: b.listener.dial}
	if query == "" {
		d.Subprotocols = []string{subprotocol}
	}
	return d.Dial("ws://127.0.0.1:4319/api/v1/stream"+query, header)
}

// incoming is what tests look at in any message of the JSON form.
type incoming struct {
	Type, Reason, Epoch string
	Seq, Base           uint64
	Services, Calls     []map[string]any
	RemovedCalls        []uint32 `json:"removed_calls"`
	RetryMS             int64    `json:"retry_ms"`
	TimeMS              float64  `json:"time_ms"`
	ServerTimeMS        int64    `json:"server_time_ms"`
	Status              *struct {
		Marks []struct{ Reason string }
	}
}

// receive reads one message and checks its type.
func receive(t *testing.T, conn *websocket.Conn, want string) incoming {
	t.Helper()
	typ, text, err := conn.ReadMessage()
	if err != nil {
		t.Fatalf("read, waiting for %s: %v", want, err)
	}
	if typ != websocket.TextMessage {
		t.Fatalf("binary frame, want the text of %s", want)
	}
	var m incoming
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if m.Type != want {
		t.Fatalf("got %s, want %s", text, want)
	}
	return m
}

// receiveBinary reads one binary frame.
func receiveBinary(t *testing.T, conn *websocket.Conn) *decoded {
	t.Helper()
	typ, b, err := conn.ReadMessage()
	if err != nil || typ != websocket.BinaryMessage {
		t.Fatalf("got frame type %d, error %v (%.80s), want a binary frame", typ, err, b)
	}
	d, err := decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

// A client that says nothing gets hello at once, the snapshot after 250 ms, and
// then what changes.
func TestSnapshotUnasked(t *testing.T) {
	run(t, Options{Version: "graphctl test"}, func(t *testing.T, b *bench) {
		b.publish(3)
		conn := b.dial("?format=json")
		defer conn.Close()
		start := time.Now()
		if m := receive(t, conn, "hello"); m.Epoch != "e" || m.Seq != 1 || m.ServerTimeMS == 0 {
			t.Errorf("hello %+v", m)
		}
		m := receive(t, conn, "snapshot")
		if d := time.Since(start); d != patience {
			t.Errorf("snapshot after %v, want %v", d, patience)
		}
		if m.Epoch != "e" || m.Seq != 1 || len(m.Services) != 2 || len(m.Calls) != 1 {
			t.Fatalf("snapshot %+v, want 2 services and 1 call of sequence 1", m)
		}
		b.publishEdge("pay", 1)
		m = receive(t, conn, "delta")
		if m.Base != 1 || m.Seq != 2 || len(m.Services) != 1 || len(m.Calls) != 1 {
			t.Fatalf("delta %+v, want 1 new service and 1 new call", m)
		}
		if m.Services[0]["name"] != "shop/pay" || m.Calls[0]["to"] != m.Services[0]["id"] || m.Calls[0]["calls"] != 1.0 {
			t.Errorf("new rows %v %v", m.Services, m.Calls)
		}
	})
}

// A client that asks does not wait.
func TestSubscribe(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		b.publish(3)
		conn := b.dial("")
		defer conn.Close()
		if p := conn.Subprotocol(); p != subprotocol {
			t.Errorf("subprotocol %q, want %q", p, subprotocol)
		}
		receive(t, conn, "hello")
		start := time.Now()
		say(t, conn, `{"type":"subscribe","later":{"fields":[1]}}`)
		d := receiveBinary(t, conn)
		if time.Since(start) != 0 || d.message != binarySnapshot || d.seq != 1 || d.epoch != "e" {
			t.Errorf("after %v: %+v, want the snapshot at once", time.Since(start), d)
		}
	})
}

// A client that was away goes on where it was, or gets a snapshot if the server
// cannot do that.
func TestResume(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		for range 5 {
			b.publish(1)
		}
		for _, c := range []struct {
			resume, want string
			base         uint64
		}{
			{`{"type":"resume","epoch":"e","seq":2}`, "delta", 2},
			{`{"type":"resume","epoch":"e","seq":6}`, "snapshot", 0},
			{`{"type":"resume","epoch":"other","seq":2}`, "snapshot", 0},
			{`{"type":"resume","epoch":"e","seq":"2"}`, "snapshot", 0},
			{`{"type":"resume"}`, "snapshot", 0},
		} {
			conn := b.dial("?format=json")
			receive(t, conn, "hello")
			say(t, conn, c.resume)
			if m := receive(t, conn, c.want); m.Base != c.base || m.Seq != 5 {
				t.Errorf("%s: got base %d, sequence %d, want %d, 5", c.resume, m.Base, m.Seq, c.base)
			}
			conn.Close()
		}
	})
}

// Pause stops deltas, resume brings what was missed in one.
func TestPause(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		b.publish(1)
		conn := b.dial("")
		defer conn.Close()
		receive(t, conn, "hello")
		receiveBinary(t, conn)
		say(t, conn, `{"type":"pause"}`)
		say(t, conn, `{"type":"ping","time_ms":12.5}`)
		if m := receive(t, conn, "pong"); m.TimeMS != 12.5 || m.ServerTimeMS == 0 {
			t.Errorf("pong %+v", m)
		}
		for range 15 { // longer than the patience with acks
			time.Sleep(time.Second)
			b.publish(1)
		}
		say(t, conn, `{"type":"resume","epoch":"e","seq":1}`)
		if d := receiveBinary(t, conn); d.base != 1 || d.seq != 16 || len(d.calls) != 1 {
			t.Errorf("after the pause: %+v, want one delta from 1 to 16", d)
		}
	})
}

// A client that does not ack for 10 s is told to start afresh, and gets a
// snapshot once it says something.
func TestResyncWithoutAck(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		b.publish(1)
		conn := b.dial("")
		defer conn.Close()
		receive(t, conn, "hello")
		receiveBinary(t, conn)
		start := time.Now()
		time.Sleep(5 * time.Second)
		b.publish(1)
		receiveBinary(t, conn)
		if m := receive(t, conn, "resync"); m.Reason != "slow" || time.Since(start) != ackTimeout {
			t.Errorf("resync because of %q after %v, want slow after %v", m.Reason, time.Since(start), ackTimeout)
		}
		b.publish(1)
		synctest.Wait()
		say(t, conn, `{"type":"ack","seq":2}`)
		if d := receiveBinary(t, conn); d.message != binarySnapshot || d.seq != 3 {
			t.Errorf("after resync: %+v, want the snapshot of 3", d)
		}
		for range 15 { // one that acks is left alone
			time.Sleep(time.Second)
			b.publish(1)
			d := receiveBinary(t, conn)
			say(t, conn, `{"type":"ack","seq":`+string(must(json.Marshal(d.seq)))+`}`)
		}
		if n := b.h.Stats().Resyncs; n != 1 {
			t.Errorf("%d resyncs, want 1", n)
		}
	})
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// In the JSON form acks are owed only by clients that ever sent one.
func TestJSONNeedsNoAcks(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		conn := b.dial("?format=json")
		defer conn.Close()
		receive(t, conn, "hello")
		receive(t, conn, "snapshot")
		for range 15 {
			time.Sleep(time.Second)
			b.publish(1)
			receive(t, conn, "delta")
		}
	})
}

// While a client's socket is busy the server keeps nothing but its place; then
// it sends one merged delta.
func TestSlowClientGetsMergedDelta(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		b.publish(1)
		conn := b.dial("?format=json")
		defer conn.Close()
		receive(t, conn, "hello")
		receive(t, conn, "snapshot")
		b.publish(1)
		synctest.Wait() // the server is writing delta 2 to a pipe that nobody reads
		for range 8 {
			time.Sleep(time.Second)
			b.publish(1)
		}
		if m := receive(t, conn, "delta"); m.Base != 1 || m.Seq != 2 {
			t.Errorf("first delta %d to %d, want 1 to 2", m.Base, m.Seq)
		}
		if m := receive(t, conn, "delta"); m.Base != 2 || m.Seq != 10 || len(m.Calls) != 1 {
			t.Errorf("second delta %+v, want 2 to 10 with one call", m)
		}
	})
}

// A client that takes nothing for 10 s is dropped.
func TestStalledClientIsDropped(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		b.publish(1)
		conn := b.dial("?format=json")
		defer conn.Close()
		time.Sleep(writeTimeout + time.Second)
		synctest.Wait()
		if s := b.h.Stats(); s.Clients != 0 || s.Closed[Slow] != 1 {
			t.Errorf("stats %+v, want no client, one closed as slow", s)
		}
	})
}

// A client that does not answer pings is dropped after 45 s, one that does is
// not.
func TestPong(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		silent, good := b.dial("?format=json"), b.dial("?format=json")
		silent.SetPingHandler(func(string) error { return nil })
		var wg sync.WaitGroup
		for _, conn := range []*websocket.Conn{silent, good} {
			wg.Go(func() {
				for {
					if _, _, err := conn.ReadMessage(); err != nil {
						return
					}
				}
			})
		}
		time.Sleep(pongTimeout + time.Second)
		synctest.Wait()
		if s := b.h.Stats(); s.Clients != 1 || s.Closed[Silent] != 1 {
			t.Errorf("stats %+v, want one client, one closed as silent", s)
		}
		silent.Close()
		good.Close()
		wg.Wait()
	})
}

// What is no message ends the connection, with a bye that says why.
func TestBadMessages(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
		for _, c := range []struct {
			typ  int
			text string
			code int
		}{
			{websocket.TextMessage, `[]`, websocket.ClosePolicyViolation},
			{websocket.TextMessage, `null`, websocket.ClosePolicyViolation},
			{websocket.TextMessage, `{}`, websocket.ClosePolicyViolation},
			{websocket.TextMessage, `{"type":1}`, websocket.ClosePolicyViolation},
			{websocket.TextMessage, `{"type":null}`, websocket.ClosePolicyViolation},
			{websocket.TextMessage, `{"type":"ack"} x`, websocket.ClosePolicyViolation},
			{websocket.TextMessage, ``, websocket.ClosePolicyViolation},
			{websocket.TextMessage, deep, websocket.ClosePolicyViolation},
			{websocket.BinaryMessage, `{"type":"ack"}`, websocket.ClosePolicyViolation},
			{websocket.TextMessage, `{"type":"` + strings.Repeat("x", maxMessage) + `"}`, websocket.CloseMessageTooBig},
		} {
			conn := b.dial("?format=json")
			receive(t, conn, "hello")
			if err := conn.WriteMessage(c.typ, []byte(c.text)); err != nil {
				t.Fatal(err)
			}
			receive(t, conn, "bye")
			if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, c.code) {
				t.Errorf("%.40s: got %v, want close %d", c.text, err, c.code)
			}
			conn.Close()
		}
		conn := b.dial("?format=json")
		defer conn.Close()
		receive(t, conn, "hello")
		say(t, conn, `{"type":"from a later version"}`)
		say(t, conn, `{"type":"`+strings.Repeat("x", maxMessage-11)+`"}`)
		receive(t, conn, "snapshot")
	})
}

// When the server stops clients hear bye, new ones are refused.
func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, listener: &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}}
		b.w = live.NewWindow(graph.InstantOf(time.Now()), live.Options{Epoch: "e"})
		b.h = NewHandler(b.w, Options{})
		server := &http.Server{Handler: b.h}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- b.h.Run(ctx) }()
		go func() { _ = server.Serve(b.listener) }()
		defer server.Close()
		good, stalled := b.dial("?format=json"), b.dial("?format=json")
		defer stalled.Close()
		receive(t, good, "hello")
		cancel()
		if m := receive(t, good, "bye"); m.Reason != "shutdown" || m.RetryMS != 500 {
			t.Errorf("bye %+v", m)
		}
		if _, _, err := good.ReadMessage(); !websocket.IsCloseError(err, websocket.CloseGoingAway) {
			t.Errorf("got %v, want close 1001", err)
		}
		good.Close()
		start := time.Now()
		if err := <-stopped; err != nil || time.Since(start) > stopTimeout {
			t.Errorf("Run returned %v after %v", err, time.Since(start))
		}
		if _, resp, err := b.open("?format=json", nil); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("after the end: %v %v, want 503", resp, err)
		}
		if s := b.h.Stats(); s.Closed[Shutdown] == 0 || s.Clients != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

// Who may not have the stream hears why, as JSON.
func TestRefusals(t *testing.T) {
	run(t, Options{MaxClients: 1}, func(t *testing.T, b *bench) {
		refuse := func(name, query string, header http.Header, status int, code string) {
			t.Helper()
			conn, resp, err := b.open(query, header)
			if err == nil {
				conn.Close()
				t.Errorf("%s: accepted", name)
				return
			}
			if resp == nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			var body struct {
				Error struct{ Code, Message string }
			}
			text, _ := io.ReadAll(resp.Body)
			if err := json.Unmarshal(text, &body); err != nil || resp.StatusCode != status || body.Error.Code != code || body.Error.Message == "" {
				t.Errorf("%s: got %d %s, want %d with code %s", name, resp.StatusCode, text, status, code)
			}
		}
		refuse("foreign origin", "", http.Header{"Origin": {"http://evil.example"}}, http.StatusForbidden, "origin")
		refuse("same name, other port", "", http.Header{"Origin": {"http://127.0.0.1:8080"}}, http.StatusForbidden, "origin")
		refuse("null origin", "", http.Header{"Origin": {"null"}}, http.StatusForbidden, "origin")
		refuse("file origin", "", http.Header{"Origin": {"file://"}}, http.StatusForbidden, "origin")
		refuse("empty origin", "", http.Header{"Origin": {""}}, http.StatusForbidden, "origin")
		refuse("two origins", "", http.Header{"Origin": {"http://127.0.0.1:4319", "http://evil.example"}}, http.StatusForbidden, "origin")
		refuse("no subprotocol", "?x=1", nil, http.StatusBadRequest, "subprotocol")
		refuse("unknown format", "?format=xml", nil, http.StatusBadRequest, "format")

		conn, _, err := b.open("", http.Header{"Origin": {"http://127.0.0.1:4319"}})
		if err != nil {
			t.Fatalf("own origin: %v", err)
		}
		refuse("too many", "", nil, http.StatusServiceUnavailable, "busy")
		conn.Close()
		time.Sleep(time.Second)

		for _, c := range []struct {
			method string
			status int
		}{{http.MethodGet, http.StatusUpgradeRequired}, {http.MethodPost, http.StatusMethodNotAllowed}} {
			client := http.Client{Transport: &http.Transport{DialContext: b.listener.dial, DisableKeepAlives: true}}
			req, _ := http.NewRequestWithContext(t.Context(), c.method, "http://127.0.0.1:4319/api/v1/stream?format=json", nil)
			resp, err := client.Do(req)
			if err != nil || resp.StatusCode != c.status {
				t.Fatalf("%s without upgrade: %v %v, want %d", c.method, resp, err, c.status)
			}
			resp.Body.Close()
		}
	})
}

// Clients in step share one encoded frame; marks are told when they change.
func TestSharedFramesAndStatus(t *testing.T) {
	var marks []Mark
	run(t, Options{Status: func() Status { return Status{Lag: 120 * time.Millisecond, Marks: marks} }}, func(t *testing.T, b *bench) {
		var conns []*websocket.Conn
		for range 5 {
			conn := b.dial("?format=json")
			defer conn.Close()
			receive(t, conn, "hello")
			if m := receive(t, conn, "snapshot"); m.Status == nil || len(m.Status.Marks) != 0 {
				t.Errorf("snapshot's status %+v, want one without marks", m.Status)
			}
			conns = append(conns, conn)
		}
		synctest.Wait()
		before := b.h.Stats()
		for i := range 10 {
			if i == 5 {
				marks = []Mark{{"late", "some spans came late", 0}}
			}
			b.publish(1)
			for _, conn := range conns {
				m := receive(t, conn, "delta")
				if told := m.Status != nil && len(m.Status.Marks) == 1; told != (i == 5) {
					t.Errorf("publication %d: status %+v", i, m.Status)
				}
			}
			synctest.Wait()
		}
		s := b.h.Stats()
		if got := s.Encoded - before.Encoded; got != 10 {
			t.Errorf("encoded %d frames, want 10", got)
		}
		if got := s.Frames - before.Frames; got != 50 {
			t.Errorf("sent %d frames, want 50", got)
		}
	})
}

// A client that was left behind by the history is told and gets a snapshot.
func TestHistoryLost(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		b.publish(1)
		conn := b.dial("?format=json")
		defer conn.Close()
		receive(t, conn, "hello")
		receive(t, conn, "snapshot")
		b.publish(1)
		synctest.Wait()
		for range live.History + 1 {
			b.publish(1)
		}
		receive(t, conn, "delta")
		if m := receive(t, conn, "resync"); m.Reason != "history" {
			t.Errorf("resync because of %q, want history", m.Reason)
		}
		receive(t, conn, "snapshot")
	})
}

// A client that leaves takes nothing with it that the next one needs.
func TestLeave(t *testing.T) {
	run(t, Options{}, func(t *testing.T, b *bench) {
		for range 3 {
			conn := b.dial("")
			receive(t, conn, "hello")
			err := conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			var ce *websocket.CloseError
			for !errors.As(err, &ce) {
				_, _, err = conn.ReadMessage()
			}
			if ce.Code != websocket.CloseNormalClosure {
				t.Errorf("close answered with %v", ce)
			}
			conn.Close()
		}
		synctest.Wait()
		if s := b.h.Stats(); s.Clients != 0 || s.Closed[Left] != 3 {
			t.Errorf("stats %+v, want 3 clients that left", s)
		}
	})
}
