package live

import (
	"time"

	"graphctl/graph"
)

const (
	// Span is how much of the graph a window holds, widened outward to whole
	// minutes.
	Span = time.Hour
	// RateSpan is what rates and quantiles are taken over.
	RateSpan = time.Minute
	// Period is the longest time between two publications of Run; Patience is
	// the shortest, and what a batch waits at most.
	Period   = time.Second + Patience
	Patience = 250 * time.Millisecond
	// History is how many publications a follower may be behind and still get
	// an update: two minutes at one a second.
	History = 120
	// MaxSubjects is the default bound of Options.MaxSubjects: the 200,000
	// edges that intake lets through, and some on their way out.
	MaxSubjects = 250_000
	// ahead is how far in the future a bucket may lie. Intake replaces starts
	// more than a minute ahead of their arrival.
	ahead = 2 * time.Minute
	// minorDelay is after which time a value that moved too little to be told
	// at once is told all the same.
	minorDelay = 10 * time.Second
	// maxID is the largest number of a service or call: 32 bits on the wire.
	maxID = 1<<32 - 1
)

// Options of a window. The zero value works.
type Options struct {
	// Epoch names the numbering; random if empty. At most 48 bytes of printable
	// ASCII.
	Epoch string
	// MaxSubjects bounds the edges, the services with spans, and the addresses
	// with evidence, each. What comes beyond is left out and counted. Default
	// MaxSubjects.
	MaxSubjects int
}

// Stats are counters of a window since it was made.
type Stats struct {
	Seq             uint64        // of the newest publication
	Time            graph.Instant // of the newest publication
	Services, Calls int           // in the newest snapshot
	Subjects        int           // kept: edges, services with spans, addresses
	DroppedSubjects int64         // counters left out because MaxSubjects was reached
	DroppedAhead    int64         // counters left out because their bucket lies too far in the future
	Rebuilds        int64         // how often all names were decided again
}
