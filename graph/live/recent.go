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

func (t *timed) reset() {
	t.calls, t.errors = 0, 0
	t.client.Reset()
	t.server.Reset()
}

// cell counts one Fine bucket of an edge.
type cell struct {
	bucket graph.Instant
	timed
}

// recent counts an edge over the rate window: the sum of those of its cells
// that lie inside. Beside them it keeps cells that are still to come and, of an
// edge that fell silent, the newest one that holds calls. The newest cell, which
// most calls are in, is ready to be counted in; those before are packed.
type recent struct {
	newest cell
	n      int        // cells
	older  packedList // ascending
	sum    timed
}

// maxCells is when add drops cells that are of no use any more.
const maxCells = 2 * int(RateSpan/graph.Fine+1)

// add counts s in the bucket and reports whether the bucket now holds calls.
func (r *recent) add(bucket graph.Instant, s *graph.Stats, w rateWindow) bool {
	switch {
	case r.n == 0:
		r.newest.bucket, r.n = bucket, 1
	case bucket > r.newest.bucket:
		r.older = append(r.older, r.newest.pack()...)
		r.newest.bucket = bucket
		r.newest.reset()
		r.n++
	}
	if w.holds(bucket) {
		r.sum.add(s.Calls, s.Errors, &s.Client, &s.Server)
	}
	c := &r.newest
	if bucket == c.bucket {
		c.add(s.Calls, s.Errors, &s.Client, &s.Server)
	} else {
		c = r.amend(bucket, s)
	}
	holds := c.calls > 0
	if r.n > maxCells {
		r.prune(w)
	}
	return holds
}

// amend counts s in a bucket before the newest.
func (r *recent) amend(bucket graph.Instant, s *graph.Stats) *cell {
	c := &cell{bucket: bucket}
	from, to := 0, 0 // where the cell is, or belongs
	for from < len(r.older) {
		h := r.older.head(from, r.newest.bucket)
		if h.bucket >= bucket {
			if h.bucket == bucket {
				h.unpack(c)
				to = h.end
			}
			break
		}
		from, to = h.end, h.end
	}
	if from == to {
		r.n++
	}
	c.add(s.Calls, s.Errors, &s.Client, &s.Server)
	r.older = slices.Replace(r.older, from, to, c.pack()...)
	return c
}

// roll moves from one rate window to a later one.
func (r *recent) roll(from, to rateWindow) {
	turn := func(bucket graph.Instant, t func() *timed) {
		was, is := from.holds(bucket), to.holds(bucket)
		switch {
		case was && !is:
			r.sum.sub(t())
		case is && !was:
			t := t()
			r.sum.add(t.calls, t.errors, &t.client, &t.server)
		}
	}
	for h := range r.older.heads(r.newest.bucket) {
		turn(h.bucket, func() *timed {
			var c cell
			h.unpack(&c)
			return &c.timed
		})
	}
	if r.n > 0 {
		turn(r.newest.bucket, func() *timed { return &r.newest.timed })
	}
	r.prune(to)
}

// prune drops the cells behind the window, but keeps the newest that holds
// calls if the window holds none.
func (r *recent) prune(w rateWindow) {
	if r.n == 0 || r.newest.bucket >= w.first && (len(r.older) == 0 || r.older.head(0, r.newest.bucket).bucket >= w.first) {
		return
	}
	kept := make(packedList, 0, len(r.older))
	var last packedHead // of those behind the window that hold calls
	r.n = 0
	for h := range r.older.heads(r.newest.bucket) {
		switch {
		case h.bucket >= w.first:
			kept = append(kept, h.all...)
			r.n++
		case h.calls > 0:
			last = h
		}
	}
	silent := r.sum.calls <= 0
	switch {
	case r.newest.bucket >= w.first:
		r.n++
		if silent && last.all != nil {
			kept = slices.Concat(last.all, kept)
			r.n++
		}
	case silent && r.newest.calls > 0:
		r.n = 1
	case silent && last.all != nil:
		last.unpack(&r.newest)
		r.n = 1
	default:
		r.newest = cell{}
	}
	r.older = kept
}

// at returns what the bucket holds, and whether there is a cell of it.
func (r *recent) at(bucket graph.Instant) (calls, errors int64, ok bool) {
	if r.n > 0 && r.newest.bucket == bucket {
		return r.newest.calls, r.newest.errors, true
	}
	for h := range r.older.heads(r.newest.bucket) {
		if h.bucket >= bucket {
			if h.bucket == bucket {
				return h.calls, h.errors, true
			}
			break
		}
	}
	return 0, 0, false
}

// newestBehind returns the cell that was kept because the window holds no calls,
// nil if there is none. It is borrowed.
func (r *recent) newestBehind(w rateWindow) *cell {
	switch {
	case r.n == 0:
	case r.newest.bucket < w.first:
		return &r.newest
	case len(r.older) > 0:
		if h := r.older.head(0, r.newest.bucket); h.bucket < w.first {
			c := new(cell)
			h.unpack(c)
			return c
		}
	}
	return nil
}
