package stream

import (
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/gorilla/websocket"

	"graphctl/graph"
	"graphctl/graph/live"
)

// client is one connection, seen from the goroutine that writes.
type client struct {
	h        *Handler
	conn     *websocket.Conn
	form     form
	feed     *live.Feed
	messages chan message  // from the reader
	verdict  chan Reason   // from the reader, once: why to end
	ended    chan struct{} // closed when the reader has ended
	done     chan struct{} // closed when the writer is done

	started bool      // the first data frame is due
	paused  bool      // by the client
	waiting bool      // for any message, after a resync
	acks    bool      // the client owes acks
	owed    time.Time // when the oldest frame without ack was sent; zero: none
}

// errEnd carries why the writer ends a connection.
type errEnd struct {
	why  Reason
	code int // of the close frame; 0: none, the connection is broken
	bye  *byeMessage
}

func (e *errEnd) Error() string { return "stream: connection ends: " + e.why.String() }

type byeMessage struct {
	Type    string `json:"type"`
	Reason  string `json:"reason"`
	Text    string `json:"text"`
	RetryMS int64  `json:"retry_ms"`
}

func bye(why Reason, code int, text string) *errEnd {
	return &errEnd{why, code, &byeMessage{"bye", why.String(), text, retryAfter.Milliseconds()}}
}

// serve talks to a client until one side ends it, and closes the connection.
func (h *Handler) serve(conn *websocket.Conn, form form) Reason {
	c := &client{
		h:        h,
		conn:     conn,
		form:     form,
		feed:     h.window.Follow(),
		messages: make(chan message),
		verdict:  make(chan Reason, 1),
		ended:    make(chan struct{}),
		done:     make(chan struct{}),
		acks:     form == binaryForm,
	}
	go c.read()
	err := c.write()
	var end *errEnd
	if !errors.As(err, &end) {
		end = &errEnd{why: Left}
		if timedOut(err) {
			end.why = Slow
		}
	}
	close(c.done)
	c.part(end)
	conn.Close()
	<-c.ended
	return end.why
}

// part says why, as far as the connection still bears it, and gives the client
// a moment to close its side, so that what was sent is not lost to a reset.
func (c *client) part(end *errEnd) {
	if end.code == 0 {
		return
	}
	deadline := time.Now().Add(closeTimeout)
	if end.bye != nil {
		_ = c.conn.SetWriteDeadline(deadline) // of a connection that ends
		if c.conn.WriteJSON(end.bye) != nil {
			return
		}
	}
	text := websocket.FormatCloseMessage(end.code, end.why.String())
	if c.conn.WriteControl(websocket.CloseMessage, text, deadline) != nil {
		return
	}
	select {
	case <-c.ended:
	case <-time.After(closeTimeout):
	}
}

// read passes on messages until the connection ends or is to end, and says why.
// What comes after that, or after the writer is done, is dropped.
func (c *client) read() {
	defer close(c.ended)
	c.verdict <- c.readAll()
	<-c.done
	_ = c.conn.SetReadDeadline(time.Now().Add(closeTimeout)) // of a connection that ends
	for {
		if _, r, err := c.conn.NextReader(); err != nil {
			return
		} else if _, err := io.Copy(io.Discard, r); err != nil {
			return
		}
	}
}

func (c *client) readAll() Reason {
	alive := func(string) error { return c.conn.SetReadDeadline(time.Now().Add(pongTimeout)) }
	c.conn.SetPongHandler(alive)
	if alive("") != nil {
		return Left
	}
	for {
		typ, r, err := c.conn.NextReader()
		if err != nil {
			return endOf(err)
		}
		text, err := io.ReadAll(io.LimitReader(r, maxMessage+1))
		if err != nil {
			return endOf(err)
		}
		m, why := judge(typ, text)
		if why != Left {
			return why
		}
		select {
		case c.messages <- m:
		case <-c.done:
			return Left
		}
	}
}

// judge returns the message, or why the connection has to end.
func judge(typ int, text []byte) (message, Reason) {
	if len(text) > maxMessage {
		return message{}, Size
	}
	m, err := parseMessage(text)
	if err != nil || typ != websocket.TextMessage {
		return message{}, Protocol
	}
	return m, Left
}

func endOf(err error) Reason {
	if timedOut(err) {
		return Silent
	}
	return Left
}

// write sends hello, then data as it comes, until the connection is to end. The
// error says why.
func (c *client) write() error {
	if err := c.hello(); err != nil {
		return err
	}
	first := time.NewTimer(patience)
	defer first.Stop()
	pings := time.NewTicker(pingPeriod)
	defer pings.Stop()
	for {
		data, overdue := c.next()
		select {
		case <-data:
			if err := c.send(); err != nil {
				return err
			}
		case <-overdue:
			if err := c.resync("slow"); err != nil {
				return err
			}
		case m := <-c.messages:
			if err := c.take(m); err != nil {
				return err
			}
		case <-first.C:
			c.started = true
		case <-pings.C:
			if err := c.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(writeTimeout)); err != nil {
				return err
			}
		case why := <-c.verdict:
			return over(why)
		case <-c.h.stop:
			return bye(Shutdown, websocket.CloseGoingAway, "graphctl is stopping")
		}
	}
}

// next returns when to send data, and when to give up waiting for an ack; nil
// for never.
func (c *client) next() (data <-chan struct{}, overdue <-chan time.Time) {
	if !c.started || c.paused || c.waiting {
		return nil, nil
	}
	if c.acks && !c.owed.IsZero() {
		overdue = time.After(time.Until(c.owed.Add(ackTimeout)))
	}
	return c.feed.Ready(), overdue
}

// over returns the error for what the reader found.
func over(why Reason) error {
	switch why {
	case Protocol:
		return bye(why, websocket.ClosePolicyViolation, "a message must be a JSON object with a type, in a text frame")
	case Size:
		return bye(why, websocket.CloseMessageTooBig, "a message may have 4,096 bytes")
	}
	return &errEnd{why: why}
}

// take does what a client asks.
func (c *client) take(m message) error {
	c.waiting = false
	switch m.kind {
	case resume:
		c.started, c.paused, c.owed = true, false, time.Time{}
		c.feed.Resume(m.epoch, m.seq)
	case subscribe:
		c.started = true
	case pause:
		c.started, c.paused, c.owed = true, true, time.Time{}
	case ack:
		c.acks = true
		c.owed = time.Time{}
		if m.seq < c.feed.Seq() {
			c.owed = time.Now()
		}
	case ping:
		return c.writeJSON(pongMessage{
			Type:         "pong",
			TimeMS:       m.time,
			ServerTimeMS: milliseconds(graph.InstantOf(time.Now())),
			LagMS:        c.h.o.Status().Lag.Milliseconds(),
		})
	}
	return nil
}

type pongMessage struct {
	Type         string          `json:"type"`
	TimeMS       json.RawMessage `json:"time_ms,omitempty"`
	ServerTimeMS int64           `json:"server_time_ms"`
	LagMS        int64           `json:"lag_ms"`
}

// hello greets the client.
func (c *client) hello() error {
	s := c.h.window.Snapshot()
	return c.writeJSON(helloMessage{
		Type:         "hello",
		Protocol:     1,
		Version:      c.h.o.Version,
		Epoch:        s.Epoch,
		Seq:          s.Seq,
		ResolutionS:  1,
		WindowS:      live.Span.Seconds(),
		RateS:        live.RateSpan.Seconds(),
		ServerTimeMS: milliseconds(graph.InstantOf(time.Now())),
		Capabilities: []string{"resume", "pause"},
		Status:       statusOf(c.h.o.Status()),
	})
}

type resyncMessage struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
}

// resync drops what is pending. The next data frame is a snapshot; after "slow"
// not before the client said something.
func (c *client) resync(reason string) error {
	c.h.countResync()
	c.feed.Restart()
	c.waiting, c.owed = reason == "slow", time.Time{}
	return c.writeJSON(resyncMessage{"resync", reason})
}

// send sends what the feed has.
func (c *client) send() error {
	e, ok := c.feed.Take()
	if !ok {
		return nil
	}
	reason := map[live.Reason]string{live.Behind: "history", live.Renumbered: "renumbered"}[e.Reason]
	if reason != "" {
		if err := c.writeJSON(resyncMessage{"resync", reason}); err != nil {
			return err
		}
		c.h.countResync()
	}
	frame, err := c.h.frames.frame(e, c.form)
	if err != nil {
		return err
	}
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if err := c.conn.WritePreparedMessage(frame); err != nil {
		return err
	}
	c.h.countFrame()
	if c.owed.IsZero() {
		c.owed = time.Now()
	}
	return nil
}

func (c *client) writeJSON(m any) error {
	if err := c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	return c.conn.WriteMessage(websocket.TextMessage, encode(m))
}
