package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"graphctl/collector"
	"graphctl/graph"
	"graphctl/graph/stream"
)

// markFor is how long people are told of a loss after it happened.
const markFor = 5 * time.Minute

// A watch is a counter whose rise people should know of.
type watch struct {
	reason, text string
	count        func(*server, *collector.Counts) uint64
}

// watches are all counters of what is refused, folded, repaired, evicted or
// late.
var watches = []watch{
	{"throttled", "Senders were told to come back later: more spans arrive than can be taken.",
		func(_ *server, c *collector.Counts) uint64 {
			return sumOf(c.Throttled[:]) + sumOf(c.ThrottledRequests[:])
		}},
	{"refused", "Requests were refused: malformed, too large, or of an unknown type.",
		func(_ *server, c *collector.Counts) uint64 { return sumOf(c.RefusedRequests[:]) }},
	{"rejected", "Spans with invalid ids were rejected.",
		func(_ *server, c *collector.Counts) uint64 { return sumOf(c.Rejected[:]) }},
	{"repaired", "Spans with impossible times or names were put right.",
		func(s *server, c *collector.Counts) uint64 { return sumOf(c.Repaired[:]) + s.lane.Counters().Repaired }},
	{"folded", "There are more names than can be kept: new ones count as \"other\".",
		func(s *server, _ *collector.Counts) uint64 { return s.lane.Counters().Folded }},
	{"evicted", "Traces were forgotten before the horizon for want of memory; late spans of them count on their own.",
		func(s *server, _ *collector.Counts) uint64 {
			c := s.lane.Counters()
			return c.Evicted + c.Refused + c.LinksDropped
		}},
	{"late", "Spans came later than the horizon and could not join their trace.",
		func(s *server, _ *collector.Counts) uint64 { return s.lane.Counters().Late }},
	{"disk", "The disk of the span log has no room or fails: spans are refused until it works again.",
		func(s *server, c *collector.Counts) uint64 {
			l := s.lane.Stats()
			return c.Throttled[collector.ThrottleDisk] + l.SaveErrors + l.Log.AppendErrors
		}},
	{"archive", "Traces left the archive before the horizon for want of room, or could not be read: late spans of them count on their own.",
		func(s *server, _ *collector.Counts) uint64 {
			l := s.lane.Stats()
			return l.Forgotten + l.KeepErrors + l.RecallErrors
		}},
	{"horizon", "The horizon is shorter than asked for: more spans come in than the disk may hold.",
		func(s *server, _ *collector.Counts) uint64 {
			return uint64(s.o.horizon - s.lane.Stats().Horizon)
		}},
	{"store", "The graph could not be written to disk; it is kept in memory and tried again.",
		func(s *server, _ *collector.Counts) uint64 { return s.keeper.Stats().Errors }},
	{"window", "The page shows a part of the graph: there is more of it than it can hold.",
		func(s *server, _ *collector.Counts) uint64 { return uint64(s.window.Stats().DroppedSubjects) }},
}

func sumOf(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// marks watches the counters.
type marks struct {
	s *server

	mu    sync.Mutex
	last  []uint64
	moved []time.Time // last time
	since []time.Time // begin of the episode
}

func newMarks(s *server) *marks {
	m := &marks{s: s, last: make([]uint64, len(watches)), moved: make([]time.Time, len(watches)), since: make([]time.Time, len(watches))}
	counts := s.tally.Snapshot()
	for i, w := range watches {
		m.last[i] = w.count(s, &counts) // carried over from the run before: no news
	}
	return m
}

// run looks once a second until ctx is done.
func (m *marks) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			m.look(now)
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *marks) look(now time.Time) {
	counts := m.s.tally.Snapshot()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, w := range watches {
		n := w.count(m.s, &counts)
		if n == m.last[i] {
			continue
		}
		m.last[i] = n
		if now.Sub(m.moved[i]) > markFor {
			m.since[i] = now
		}
		m.moved[i] = now
	}
}

// list returns the marks that stand.
func (m *marks) list() []stream.Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []stream.Mark
	for i, w := range watches {
		if !m.moved[i].IsZero() && time.Since(m.moved[i]) <= markFor {
			list = append(list, stream.Mark{Reason: w.reason, Text: w.text, Since: graph.InstantOf(m.since[i])})
		}
	}
	return slices.Clip(list)
}
