package archive

import (
	"math"
	"slices"
)

const (
	// groupsPerHorizon: fewer groups keep expired traces longer, more ask more
	// filters.
	groupsPerHorizon = 4
	// minFilterTraces: a filter of 96 KiB.
	minFilterTraces = 64 << 10
)

// A group is sealed segments that follow each other and have one filter. A
// filter is full to the last trace before the next is made, so the segment in
// which that happens is in both groups.
type group struct {
	filter   filter
	capacity int // traces
	traces   int // in filter
	segments []*segment
}

// enlist adds a sealed segment; note has to follow for each of its traces.
func (a *Archive) enlist(s *segment) {
	s.hints = newHints(s.traces)
	a.sealed = append(a.sealed, s)
	a.traces += s.traces
	a.newest = max(a.newest, s.last)
}

// forget retires the oldest segments while there are more traces than filters
// may hold. Only sealed segments decide that, so a replay forgets the same ones.
func (a *Archive) forget() {
	for a.traces > a.maxTraces && len(a.sealed) > 1 {
		a.stats.forgotten.Add(uint64(a.sealed[0].traces))
		a.retire(a.sealed[0])
	}
}

// note puts a trace of s into the newest filter.
func (a *Archive) note(s *segment, low uint64) {
	var g *group
	if n := len(a.groups); n > 0 {
		g = a.groups[n-1]
	}
	if g == nil || g.traces == g.capacity {
		g = a.addGroup(g)
	}
	if n := len(g.segments); n == 0 || g.segments[n-1] != s {
		g.segments = append(g.segments, s)
	}
	h := a.seed.hash(low)
	p := filterPattern(h)
	g.filter.add(h, p)
	g.traces++
	s.hints.add(h, p)
}

// addGroup begins a group after last, which is full; nil if there is none.
func (a *Archive) addGroup(last *group) *group {
	if last != nil {
		a.planned = a.plan(last)
	}
	n := min(max(a.planned, minFilterTraces), a.maxTraces/groupsPerHorizon)
	g := &group{filter: newFilter(n), capacity: n}
	a.groups = append(a.groups, g)
	return g
}

// plan returns for how many traces the filter after last is made: as many as
// come in its share of the horizon if they keep coming as in last, but at most
// twice as many as last has, for a burst is no trend.
func (a *Archive) plan(last *group) int {
	most := 2 * last.capacity
	if a.oldest == math.MinInt64 {
		return most // the horizon is not known
	}
	first, end := int64(math.MaxInt64), int64(math.MinInt64)
	for _, s := range last.segments {
		first, end = min(first, s.first), max(end, s.last)
	}
	share := (float64(a.newest) - float64(a.oldest)) / groupsPerHorizon
	traces := float64(last.traces) * share / max(float64(end)-float64(first), 1)
	return int(min(traces, float64(most)))
}

// retire takes a segment out of use. Its file stays until Release.
func (a *Archive) retire(s *segment) {
	a.drop(s)
	s.file.Close() // read only since it was sealed, or abandoned
	a.retired = append(a.retired, s)
}

// drop takes a segment out of the lists, and filters that no segment has.
func (a *Archive) drop(s *segment) {
	is := func(x *segment) bool { return x == s }
	a.sealed = slices.DeleteFunc(a.sealed, is)
	a.traces -= s.traces
	for _, g := range a.groups {
		g.segments = slices.DeleteFunc(g.segments, is)
	}
	a.groups = slices.DeleteFunc(a.groups, func(g *group) bool { return len(g.segments) == 0 })
}
