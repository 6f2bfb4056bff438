package main

import (
	"graphctl/graph/api"
	"graphctl/graph/live"
)

// totals are the counters of the service graph that /metrics exports.
func (s *server) totals() api.Totals {
	counted := s.window.Totals()
	t := api.Totals{Bounds: live.Bounds[:], Calls: make([]api.Total, len(counted))}
	for i := range counted {
		c := &counted[i]
		t.Calls[i] = api.Total{
			From:   endOf(c.From),
			To:     endOf(c.To),
			Kind:   c.Kind,
			Calls:  c.Calls,
			Errors: c.Errors,
			Client: api.Durations{Sum: c.ClientSum, Counts: c.Client[:]},
			Server: api.Durations{Sum: c.ServerSum, Counts: c.Server[:]},
		}
	}
	return t
}

func endOf(e live.End) api.End {
	return api.End{ID: e.Name, Namespace: e.Namespace, Name: e.Label, Kind: e.Kind}
}
