package live

import (
	"strings"
	"time"

	"graphctl/graph"
)

// home says whose a service is and where it runs, as its own spans tell.
type home struct {
	team        string
	environment string        // several in order, separated by ", "
	told        graph.Instant // newest bucket whose spans told it; 0: none has
}

// homePatience is how long the home that was told last stays when spans tell
// another: a service of two environments does not move to and fro.
const homePatience = graph.Instant(time.Minute)

// take learns from spans in a bucket and reports whether the home changed.
func (h *home) take(f graph.Facet, bucket graph.Instant) bool {
	environment := strings.ReplaceAll(f.Environments, "\x00", ", ")
	if f.Team == "" && environment == "" {
		return false
	}
	if f.Team == h.team && environment == h.environment {
		h.told = max(h.told, bucket)
		return false
	}
	if h.told != 0 && bucket <= h.told+homePatience {
		return false
	}
	*h = home{f.Team, environment, bucket}
	return true
}

// settleHome gives a service the home that its spans told.
func (s *service) settleHome(h home) {
	if s.row.Team == h.team && s.row.Environment == h.environment {
		return
	}
	s.row.Team, s.row.Environment, s.renamed = h.team, h.environment, true
}
