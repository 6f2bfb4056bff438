package boltstore

import (
	"math"
	"time"

	"graphctl/graph"
)

// Windows up to these lengths are read in buckets of the fine level, and of the
// fine and the medium one.
const (
	fineWindow   = 10 * time.Minute
	mediumWindow = 6 * time.Hour
)

// A part of a window is read at one level. Its ends are ends of buckets.
type part struct {
	level
	from, to graph.Instant
}

// window returns the bounds in force for q and the parts to read. What is kept
// begins at first and ends at last.
func (k kept) window(q graph.Query, first, last graph.Instant) (from, to graph.Instant, parts []part) {
	switch {
	case q.From == 0 && q.To == 0 && q.At == 0:
		from, to = first.Floor(graph.Coarse), last
		return from, to, []part{{coarse, from, to.Ceil(graph.Coarse)}}
	case q.From == 0 && q.To == 0:
		at := inRange(q.At)
		from, to = at, at+1
	default:
		from, to = first, last
		if q.From != 0 {
			from = inRange(q.From)
			to = max(to, from)
		}
		if q.To != 0 {
			to = inRange(q.To)
			from = min(from, to)
		}
	}
	widest := coarse
	switch length := uint64(to) - uint64(from); { // may exceed what an Instant holds
	case length <= uint64(fineWindow):
		widest = fine
	case length <= uint64(mediumWindow):
		widest = medium
	}
	from, to = from.Floor(k.finest(from).width), to.Ceil(k.finest(to-1).width)
	begin, end := max(from, first.Floor(graph.Coarse)), min(to, last.Ceil(graph.Coarse))
	return from, to, k.parts(begin, end, widest)
}

// parts cuts [from, to), whose ends are ends of the finest buckets kept there,
// into the widest buckets that fit, none wider than the level given unless
// nothing finer is kept.
func (k kept) parts(from, to graph.Instant, widest level) []part {
	var list []part
	for at := from; at < to; {
		finest := k.finest(at)
		use := finest
		for _, l := range []level{medium, coarse} {
			if l.width > finest.width && l.width <= widest.width && at == at.Floor(l.width) && at+graph.Instant(l.width) <= to {
				use = l
			}
		}
		next := at + graph.Instant(use.width)
		if n := len(list); n > 0 && list[n-1].width == use.width {
			list[n-1].to = next
		} else {
			list = append(list, part{use, at, next})
		}
		at = next
	}
	return list
}

// finest is the finest level kept at a time.
func (k kept) finest(t graph.Instant) level {
	switch {
	case t >= k.fine:
		return fine
	case t >= k.medium:
		return medium
	}
	return coarse
}

// inRange moves t away from the ends of time, so that it can be widened.
func inRange(t graph.Instant) graph.Instant {
	const margin = 2 * graph.Instant(graph.Coarse)
	return min(max(t, math.MinInt64+margin), math.MaxInt64-margin)
}
