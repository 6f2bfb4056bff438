package boltstore

import (
	"sync"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// A run is whole minutes, one after the other in one hour, that are summed with
// one sign.
type run struct {
	span
	sign int
}

func (r run) hour() graph.Instant { return r.from.Floor(graph.Coarse) }

const (
	// minRun is how many minutes a run has for its sum to be worth remembering.
	minRun = 4
	// quietCommits is for how many commits nothing may have been folded into an
	// hour for its runs to be remembered: those of the present change each time.
	quietCommits = 90
	// maxRunBytes bounds what is remembered: two hours' runs at 60,000 edges.
	maxRunBytes = 32 << 20
	// maxFolds bounds how many shards and hours are known to have been folded: a
	// few days at 60,000 edges.
	maxFolds = 1 << 16
)

// runsOf takes the runs out of terms.
func runsOf(terms []term) (rest []term, list []run) {
	minute := graph.Instant(graph.Medium)
	for i := 0; i < len(terms); {
		j := i + 1
		for j < len(terms) && terms[i].width == graph.Medium && terms[j].width == graph.Medium &&
			terms[j].sign == terms[i].sign && terms[j].at == terms[j-1].at+minute &&
			terms[j].at.Floor(graph.Coarse) == terms[i].at.Floor(graph.Coarse) {
			j++
		}
		if terms[i].width == graph.Medium && j-i >= minRun {
			list = append(list, run{span{terms[i].at, terms[j-1].at + minute}, terms[i].sign})
		} else {
			rest = append(rest, terms[i:j]...)
		}
		i = j
	}
	return rest, list
}

// shardHour names a shard in an hour.
type shardHour struct {
	shard
	hour graph.Instant
}

// A runCache remembers sums of runs of past hours, in the form of blocks: the
// window that ends now is asked for again and again, and begins a minute later
// each minute. What it holds is a copy of what the file says, and is used only
// by transactions that see no fold which it does not.
type runCache struct {
	mu    sync.Mutex
	quiet int
	folds map[shardHour]int // the last transaction that folds into it
	since int               // folds that are not in the map came before it
	sums  map[shardHour][]*runSum
	bytes int
	clock uint64 // of uses
}

type runSum struct {
	span
	tx                 int // saw what it sums
	used               uint64
	counters, sketches []byte
}

func (s *runSum) bytes() int { return len(s.counters) + len(s.sketches) }

func newRunCache() *runCache {
	return &runCache{quiet: quietCommits, folds: map[shardHour]int{}, sums: map[shardHour][]*runSum{}}
}

// folding notes that a transaction changes the bases of an hour. It is called
// before that is committed: from then on what is remembered is not used by those
// who may or may not see it.
func (c *runCache) folding(of shardHour, tx int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.folds) >= maxFolds {
		clear(c.folds)
		c.since = tx
	}
	c.folds[of] = tx
	for _, s := range c.sums[of] {
		c.bytes -= s.bytes()
	}
	delete(c.sums, of)
}

// folded returns the last transaction that changed the bases of an hour.
func (c *runCache) folded(of shardHour) int {
	if tx, ok := c.folds[of]; ok {
		return tx
	}
	return c.since
}

// find returns the sum of r as tx sees it, or else the one that is closest to it
// and shares an end; nil if there is none. It reports whether the hour is quiet.
func (c *runCache) find(of shardHour, r span, tx int) (best *runSum, quiet bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := c.folded(of)
	if tx < last {
		return nil, false
	}
	far := r.to - r.from // as much to read as without
	for _, s := range c.sums[of] {
		if s.tx < last || s.from != r.from && s.to != r.to {
			continue
		}
		if d := max(s.from-r.from, r.from-s.from) + max(s.to-r.to, r.to-s.to); d < far {
			best, far = s, d
		}
	}
	if best != nil {
		c.clock++
		best.used = c.clock
	}
	return best, tx-last >= c.quiet
}

// keep remembers s in the place of old, and forgets what was not used longest if
// there is too much.
func (c *runCache) keep(of shardHour, s, old *runSum) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.tx < c.folded(of) || s.bytes() > maxRunBytes {
		return
	}
	c.drop(of, old)
	c.clock++
	s.used = c.clock
	c.sums[of] = append(c.sums[of], s)
	c.bytes += s.bytes()
	for c.bytes > maxRunBytes {
		var oldest *runSum
		var where shardHour
		for of, list := range c.sums {
			for _, s := range list {
				if oldest == nil || s.used < oldest.used {
					oldest, where = s, of
				}
			}
		}
		c.drop(where, oldest)
	}
}

func (c *runCache) drop(of shardHour, s *runSum) {
	list := c.sums[of]
	for i, o := range list {
		if o == s {
			c.sums[of] = append(list[:i:i], list[i+1:]...)
			c.bytes -= s.bytes()
			return
		}
	}
}

// readRun adds the sum of a run, remembered or not.
func (r *shardReader) readRun(runs *runCache, of run) error {
	key := shardHour{r.shard, of.hour()}
	tx := r.reader.tx.ID()
	sum, quiet := runs.find(key, of.span, tx)
	if !quiet {
		return r.readMinutes(of.span, of.sign)
	}
	if near := sum; near == nil || near.span != of.span {
		var err error
		if sum, err = r.sumRun(near, of.span); err != nil {
			return err
		}
		sum.tx = tx
		runs.keep(key, sum, near) // the window moves on
	}
	if err := wire.ReadCounters(sum.counters, &r.reader.rows); err != nil {
		return err
	}
	if r.shard.class == edges {
		if err := r.reader.rows.AddSketches(sum.sketches, &r.times, int64(of.sign)); err != nil {
			return err
		}
	}
	return r.sum.add(r.shard, &r.reader.rows, of.sign)
}

// readMinutes adds minutes one by one.
func (r *shardReader) readMinutes(s span, sign int) error {
	for at := s.from; at < s.to; at += graph.Instant(graph.Medium) {
		if err := r.readTerm(term{medium, at, sign}); err != nil {
			return err
		}
	}
	return nil
}

// sumRun sums a run, from one that is close if there is one.
func (r *shardReader) sumRun(near *runSum, s span) (*runSum, error) {
	t := &r.run
	t.reset()
	add := func(s span, sign int) error {
		for at := s.from; at < s.to; at += graph.Instant(graph.Medium) {
			found, err := r.reader.read(medium.base, r.shard.of(at, 0))
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if err := t.add(r.shard, &r.reader.rows, sign); err != nil {
				return err
			}
		}
		return nil
	}
	steps := []run{{s, 1}}
	if near != nil {
		if err := wire.ReadCounters(near.counters, &r.reader.rows); err != nil {
			return nil, err
		}
		if r.shard.class == edges {
			if err := wire.ReadSketches(near.sketches, &r.reader.rows); err != nil {
				return nil, err
			}
		}
		if err := t.add(r.shard, &r.reader.rows, 1); err != nil {
			return nil, err
		}
		steps = []run{ // what it lacks, and what it has too much; most are empty
			{span{s.from, near.from}, 1}, {span{near.to, s.to}, 1},
			{span{near.from, s.from}, -1}, {span{s.to, near.to}, -1},
		}
	}
	for _, step := range steps {
		if err := add(step.span, step.sign); err != nil {
			return nil, err
		}
	}
	var rows wire.Rows
	t.block(r.shard, &rows)
	sum := &runSum{span: s, counters: wire.AppendCounters(nil, &rows)}
	if r.shard.class == edges {
		sum.sketches = wire.AppendSketches(nil, &rows)
	}
	return sum, nil
}
