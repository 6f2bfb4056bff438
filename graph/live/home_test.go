package live

import (
	"testing"
	"time"

	"graphctl/graph"
)

// A home stays while spans tell it, however many others do; another takes its
// place a minute after it was told last. Spans without a home change nothing.
func TestHome(t *testing.T) {
	at := func(d time.Duration) graph.Instant { return graph.Instant(time.Hour + d) }
	blue := graph.Facet{Team: "blue", Environments: "prod\x00staging"}
	green := graph.Facet{Team: "green", Environments: "prod", Version: "7"}
	var h home
	for _, step := range []struct {
		after time.Duration
		facet graph.Facet
		moved bool
		team  string
	}{
		{0, graph.Facet{Version: "3"}, false, ""},
		{0, blue, true, "blue"},
		{0, green, false, "blue"},
		{50 * time.Second, blue, false, "blue"},
		{70 * time.Second, green, false, "blue"},
		{110 * time.Second, green, false, "blue"},
		{120 * time.Second, green, true, "green"},
		{60 * time.Second, blue, false, "green"}, // a late span
	} {
		if moved := h.take(step.facet, at(step.after)); moved != step.moved || h.team != step.team {
			t.Fatalf("after %v with %v: moved %v to %q, want %v to %q", step.after, step.facet, moved, h.team, step.moved, step.team)
		}
		if step.team == "blue" && h.environment != "prod, staging" {
			t.Fatalf("environment %q, want both in order", h.environment)
		}
	}
}
