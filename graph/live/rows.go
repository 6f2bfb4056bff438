package live

import (
	"math"

	"graphctl/graph"
)

// A Service is a node of the graph as followers see it.
type Service struct {
	ID        uint32
	Name      string // the node's id in a graph: unique
	Namespace string // as sent
	Label     string // the name as sent
	Kind      graph.NodeKind
	// Team and Environment are what its own spans told last, or empty; several
	// environments are separated by ", ".
	Team, Environment string

	Rate      float32 // calls into it a second, over RateSpan
	ErrorRate float32 // failed share of those, 0 to 1; 0 if there are none
	P50, P99  float32 // of those, ms, as the callee timed them, else the callers; NaN if none was timed

	life
}

// A Call is an edge of the graph as followers see it.
type Call struct {
	ID            uint32
	From, To      uint32 // numbers of services
	Kind          graph.EdgeKind
	Rate          float32 // calls a second, over RateSpan
	ErrorRate     float32 // failed share of those, 0 to 1; 0 if there are none
	P50, P95, P99 float32 // ms, as the caller timed them, else the callee, of RateSpan or else of the newest bucket with calls; NaN if none was timed
	Calls, Errors int64   // in the window
	// First and Last are the start of the first and the end of the last bucket
	// that holds calls.
	First, Last graph.Instant

	life
}

// life is the history of a number, in sequence numbers.
type life struct {
	born uint64 // when it was first published
	full uint64 // when it was last published with all its fields
}

// A movement says how far a row is from what followers know.
type movement uint8

const (
	still movement = iota
	minor          // told within minorDelay
	due            // told now
)

// Values that moved by less are told with delay.
const (
	dueRelative  = 0.02
	dueErrorRate = 0.002
)

func (s *Service) movedFrom(o *Service) movement {
	return max(
		relative(o.Rate, s.Rate),
		ofErrorRate(o.ErrorRate, s.ErrorRate),
		relative(o.P50, s.P50),
		relative(o.P99, s.P99))
}

func (c *Call) movedFrom(o *Call) movement {
	m := max(
		relative(o.Rate, c.Rate),
		ofErrorRate(o.ErrorRate, c.ErrorRate),
		relative(o.P50, c.P50),
		relative(o.P95, c.P95),
		relative(o.P99, c.P99),
		relative(float32(o.Calls), float32(c.Calls)),
		relative(float32(o.Errors), float32(c.Errors)))
	if m == still && (c.Calls != o.Calls || c.Errors != o.Errors || c.First != o.First || c.Last != o.Last) {
		return minor
	}
	return m
}

// relative judges a change from a to b of which NaN means absent.
func relative(a, b float32) movement {
	aAbsent, bAbsent := a != a, b != b
	switch {
	case aAbsent && bAbsent, a == b:
		return still
	case aAbsent || bAbsent, a == 0 || b == 0, math.Abs(float64(b-a)) > dueRelative*math.Abs(float64(a)):
		return due
	}
	return minor
}

func ofErrorRate(a, b float32) movement {
	switch {
	case a == b:
		return still
	case a == 0 || b == 0, math.Abs(float64(b-a)) > dueErrorRate:
		return due
	}
	return minor
}
