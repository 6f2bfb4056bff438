package live

import (
	"slices"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// rateWindow is the Fine buckets that rates are taken over: first lies RateSpan
// before last, the one that is being filled. Of first the part counts that is
// younger than RateSpan, so that an even stream has an even rate.
type rateWindow struct {
	first, last graph.Instant
	share       float64 // of first's calls that count
}

func rateWindowAt(now graph.Instant) rateWindow {
	last := now.Floor(graph.Fine)
	return rateWindow{
		first: last - graph.Instant(RateSpan),
		last:  last,
		share: 1 - float64(now-last)/float64(graph.Fine),
	}
}

func (w rateWindow) holds(bucket graph.Instant) bool { return w.first <= bucket && bucket <= w.last }

// timed counts calls with their durations as each side saw them.
type timed struct {
	calls, errors  int64
	client, server sketch.Sketch
}

func (t *timed) add(calls, errors int64, client, server *sketch.Sketch) {
	t.calls += calls
	t.errors += errors
	t.client.Merge(client)
	t.server.Merge(server)
}

func (t *timed) sub(o *timed) {
	t.calls -= o.calls
	t.errors -= o.errors
	t.client.Sub(&o.client)
	t.server.Sub(&o.server)
}

// cell counts one Fine bucket of an edge.
type cell struct {
	bucket graph.Instant
	timed
}

// recent counts an edge over the rate window: the sum of those of its cells
// that lie inside. Beside them it keeps cells that are still to come and, of an
// edge that fell silent, the newest one that holds calls.
type recent struct {
	cells []cell // ascending
	sum   timed
}

// maxCells is when add drops cells that are of no use any more.
const maxCells = 2 * int(RateSpan/graph.Fine+1)

// add counts s in the bucket and reports whether the bucket now holds calls.
func (r *recent) add(bucket graph.Instant, s *graph.Stats, w rateWindow) bool {
	i, ok := slices.BinarySearchFunc(r.cells, bucket, func(c cell, t graph.Instant) int { return compare(c.bucket, t) })
	if !ok {
		r.cells = slices.Insert(r.cells, i, cell{bucket: bucket})
	}
	c := &r.cells[i]
	c.add(s.Calls, s.Errors, &s.Client, &s.Server)
	if w.holds(bucket) {
		r.sum.add(s.Calls, s.Errors, &s.Client, &s.Server)
	}
	holds := c.calls > 0
	if len(r.cells) > maxCells {
		r.prune(w)
	}
	return holds
}

// roll moves from one rate window to a later one.
func (r *recent) roll(from, to rateWindow) {
	for i := range r.cells {
		c := &r.cells[i]
		was, is := from.holds(c.bucket), to.holds(c.bucket)
		switch {
		case was && !is:
			r.sum.sub(&c.timed)
		case is && !was:
			r.sum.add(c.calls, c.errors, &c.client, &c.server)
		}
	}
	r.prune(to)
}

// prune drops the cells behind the window, but keeps the newest that holds
// calls if the window holds none.
func (r *recent) prune(w rateWindow) {
	keep := -1
	if r.sum.calls <= 0 {
		for i := range r.cells {
			if r.cells[i].bucket < w.first && r.cells[i].calls > 0 {
				keep = i
			}
		}
	}
	i := -1
	r.cells = slices.DeleteFunc(r.cells, func(c cell) bool {
		i++
		return c.bucket < w.first && i != keep
	})
}

// at returns the cell of the bucket, nil if there is none.
func (r *recent) at(bucket graph.Instant) *cell {
	for i := range r.cells {
		if r.cells[i].bucket == bucket {
			return &r.cells[i]
		}
	}
	return nil
}

// newest returns the cell that was kept because the window holds no calls, nil
// if there is none.
func (r *recent) newest(w rateWindow) *cell {
	if len(r.cells) > 0 && r.cells[0].bucket < w.first {
		return &r.cells[0]
	}
	return nil
}
