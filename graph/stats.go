package graph

import "graphctl/graph/sketch"

// WeightOne is the weight of an unsampled call in Stats.Estimated.
const WeightOne = 1 << 16

// Stats is a vector of signed counters: a sum, or a change of one. The zero
// value is "nothing known".
type Stats struct {
	Calls, Errors              int64         // calls seen (messages on messaging edges), and failed ones by rule E2
	ClientErrors, ServerErrors int64         // failures as each side saw them
	ClientSum, ServerSum       int64         // durations as each side saw them, ns (rule L1)
	NetworkSum, NetworkCount   int64         // client minus server, ns, one-to-one pairs only (rule L2)
	Estimated                  int64         // calls by sampling weight, in 1/WeightOne (rule W1)
	Client, Server             sketch.Sketch // the same durations as counts; totals are the client and server counts
}

// Add adds o to s.
func (s *Stats) Add(o *Stats) { s.combine(o, 1) }

// Sub takes o from s; it is the inverse of Add.
func (s *Stats) Sub(o *Stats) { s.combine(o, -1) }

func (s *Stats) combine(o *Stats, sign int64) {
	s.Calls += sign * o.Calls
	s.Errors += sign * o.Errors
	s.ClientErrors += sign * o.ClientErrors
	s.ServerErrors += sign * o.ServerErrors
	s.ClientSum += sign * o.ClientSum
	s.ServerSum += sign * o.ServerSum
	s.NetworkSum += sign * o.NetworkSum
	s.NetworkCount += sign * o.NetworkCount
	s.Estimated += sign * o.Estimated
	if sign > 0 {
		s.Client.Merge(&o.Client)
		s.Server.Merge(&o.Server)
	} else {
		s.Client.Sub(&o.Client)
		s.Server.Sub(&o.Server)
	}
}

// IsZero reports whether every counter is zero.
func (s *Stats) IsZero() bool {
	return s.Calls == 0 && s.Errors == 0 && s.ClientErrors == 0 && s.ServerErrors == 0 &&
		s.ClientSum == 0 && s.ServerSum == 0 && s.NetworkSum == 0 && s.NetworkCount == 0 &&
		s.Estimated == 0 && s.Client.IsZero() && s.Server.IsZero()
}

// Clone returns a copy that shares no memory with s.
func (s *Stats) Clone() Stats {
	c := *s
	c.Client, c.Server = s.Client.Clone(), s.Server.Clone()
	return c
}

// Equal reports whether s and o hold the same counters.
func (s *Stats) Equal(o *Stats) bool {
	d := s.Clone()
	d.Sub(o)
	return d.IsZero()
}
