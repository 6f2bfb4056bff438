package infer

// A Disposition says what became of an accepted span: each is in exactly one.
type Disposition uint8

// The dispositions. Their names are the details of graph.OfSpans subjects.
const (
	Pending    Disposition = iota // not evaluated yet
	Paired                        // half of a call with both sides known, or crossed under a known outgoing span
	Boundary                      // crossed from another service without a recorded outgoing half (rule P5)
	Unanswered                    // an outgoing span that counts as a call to what it names (rule U1)
	Nested                        // an outgoing span for which another of its nest speaks (rule U2)
	Unresolved                    // an outgoing span that nobody answered and that names nothing
	Root                          // a root: called by the user, or by nobody (rule R1)
	ByPeer                        // called by the peer that it names (rule R2)
	Orphan                        // the parent has not arrived (rule R3)
	Repeated                      // a second record of the same request (rule C3)
	Internal                      // work inside a service
	Publisher                     // sends messages
	Creator                       // makes a message's context
	Consumer                      // consumes messages that are counted here
	Fetched                       // consumes, but its messages are counted elsewhere or there are none (rules M4, M5)
	Settler                       // acknowledges messages
	dispositions
)

var dispositionNames = [dispositions]string{
	"pending", "paired", "boundary", "unanswered", "nested", "unresolved", "root", "peer", "orphan",
	"repeated", "local", "publisher", "creator", "consumer", "fetched", "settler",
}

func (d Disposition) String() string {
	if d < dispositions {
		return dispositionNames[d]
	}
	return "unknown"
}

// Counters of an engine since New; LoadState carries them on.
//
// Every observed span is counted once: Observed = Accepted + Duplicates +
// Refused, and Accepted is the sum of Spans.
type Counters struct {
	Observed     uint64 // spans given to Observe
	Accepted     uint64 // spans that are part of the graph
	Duplicates   uint64 // repeated deliveries (rule I3)
	Refused      uint64 // spans above the bound of one trace: not in the graph
	Evicted      uint64 // accepted spans forgotten before the horizon for want of room; they stay in the graph
	Late         uint64 // accepted spans of a trace that was forgotten before: not joined with what came earlier
	LinksDropped uint64 // links above the bounds
	Repaired     uint64 // accepted spans whose start was replaced by the arrival time (rule W1)
	Folded       uint64 // edges, operations or addresses counted as "other" above a bound
	Packed       uint64 // traces given to the archive
	PackedSpans  uint64 // spans of them
	Recalled     uint64 // traces that were brought back from it

	Spans [dispositions]uint64 // accepted spans by Disposition, those of packed and forgotten traces included

	// Gauges, of what is in memory.
	LiveTraces int
	LiveSpans  int
	Hidden     int // guesses not shown yet
	Waiting    int // operations and rules with counts that are not emitted yet
}

// Counters returns a copy of the counters.
func (e *Engine) Counters() Counters { return e.c }
