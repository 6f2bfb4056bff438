package stream

import (
	"time"

	"graphctl/graph"
)

// Limits of a connection. The proposals of docs/protocol.md that clients rely
// on stand there too.
const (
	maxMessage       = 4 << 10                // bytes of a client's message; the largest one known takes 100
	handshakeTimeout = 5 * time.Second        // to answer the upgrade
	writeTimeout     = 10 * time.Second       // for a frame to be taken by the socket
	pingPeriod       = 20 * time.Second       // between pings
	pongTimeout      = 45 * time.Second       // since the last pong: two may be lost
	ackTimeout       = 10 * time.Second       // since the oldest frame that is not acknowledged
	patience         = 250 * time.Millisecond // for the first message, before the snapshot is sent unasked
	closeTimeout     = time.Second            // for the client to answer a close
	stopTimeout      = 3 * time.Second        // for all clients to leave when the handler stops
	retryAfter       = 500 * time.Millisecond // least wait before coming back
	maxClients       = 256                    // default of Options.MaxClients
)

const subprotocol = "graphctl.v1"

// Options of a handler. The zero value works.
type Options struct {
	// Version names the server in hello, for people.
	Version string
	// MaxClients bounds the connections; beyond it 503. Default 256.
	MaxClients int
	// Status returns what clients are told beside the graph; nil: nothing. It is
	// called at most twice for each publication and once for each connection.
	Status func() Status
}

// Status is what clients are told beside the graph.
type Status struct {
	Lag   time.Duration // age of the newest span in the graph
	Marks []Mark        // in a fixed order; not changed afterwards
}

// A Mark is a fact that people should know.
type Mark struct {
	Reason string        // from a closed list
	Text   string        // a short sentence without markup
	Since  graph.Instant // when it began
}

// A Reason says why a connection ended.
type Reason uint8

// The reasons.
const (
	Left     Reason = iota // the client closed, or its connection broke
	Slow                   // a frame was not taken in time
	Silent                 // no pong in time
	Protocol               // a message that is not one
	Size                   // a message over the limit
	Shutdown               // the handler stopped
	reasons
)

var reasonNames = [reasons]string{"left", "slow", "silent", "protocol", "message_size", "shutdown"}

func (r Reason) String() string { return reasonNames[r] }

// Reasons lists all reasons.
func Reasons() []Reason { return []Reason{Left, Slow, Silent, Protocol, Size, Shutdown} }

// Stats are counters of a handler.
type Stats struct {
	Clients int            // connected now
	Closed  [reasons]int64 // connections ended, by Reason
	Refused int64          // turned away because MaxClients were connected
	Resyncs int64          // resyncs sent because a client did not keep up
	Frames  int64          // data frames sent
	Encoded int64          // data frames encoded: the rest was shared
}
