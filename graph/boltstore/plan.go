package boltstore

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// A span is a range of time, to exclusive.
type span struct{ from, to graph.Instant }

func (s span) holds(t graph.Instant) bool { return s.from <= t && t < s.to }

// A term is a stored sum that is added to that of a window, or taken from it.
type term struct {
	level
	at   graph.Instant
	sign int
}

// A sighting is a bucket of time that tells whether a name was seen.
type sighting struct {
	level
	at graph.Instant
}

// A plan is what to read for the graph of a window. Shards are read one by one;
// what each needs is the same. A plan is not changed once it is made.
type plan struct {
	from, to   graph.Instant
	resolution time.Duration
	names      []name
	groups     []groupSet
	terms      []term // add up, with runs and the pages inside the window, to its sum
	runs       []run
	cache      *runCache
	seen       []sighting      // cut the window, ascending
	hours      span            // whole hours that the window touches
	evidence   []graph.Instant // those that have bases
	pages      map[shard][]page

	mu   sync.Mutex // guards next, and the builder
	next int        // shard to read next
}

// see adds the buckets of a part to those that tell when a name was seen.
func (p *plan) see(tx *bbolt.Tx, part part) error {
	list, err := starts(tx, part.base, part.from, part.to)
	if err != nil {
		return err
	}
	pages, err := starts(tx, pagesBucket, part.from, part.to)
	if err != nil {
		return err
	}
	for _, t := range pages {
		list = append(list, t.Floor(part.width))
	}
	slices.Sort(list)
	for _, t := range slices.Compact(list) {
		p.seen = append(p.seen, sighting{part.level, t})
	}
	return nil
}

// maxWorkers is how many shards are read at once: what two cores give, and no
// more memory than four shards take, some 3 MB each.
const maxWorkers = 4

// parallel runs first in a read transaction, then work in it and in others that
// see the same. Each transaction ends when its own work does: one that waited
// for another could wait for ever, since a new one waits for a writer that wants
// to map a larger file, and that waits for those that are open.
func (s *Store) parallel(doing string, first, work func(*bbolt.Tx) error) error {
	errs := make([]error, max(1, min(maxWorkers, runtime.GOMAXPROCS(0))))
	var others sync.WaitGroup
	errs[0] = s.view(doing, func(tx *bbolt.Tx) error {
		if err := first(tx); err != nil {
			return err
		}
		id := tx.ID()
		for i := range errs[1:] {
			others.Go(func() {
				errs[i+1] = s.view(doing, func(t *bbolt.Tx) error {
					if t.ID() != id {
						return nil // a commit came between; the first does all
					}
					return work(t)
				})
			})
		}
		return work(tx)
	})
	others.Wait()
	return errors.Join(errs...)
}

// work reads shards until none is left and hands what they hold to b.
func (p *plan) work(ctx context.Context, tx *bbolt.Tx, b *graph.Builder) error {
	list := shards(p.groups, func(g groupSet) bool { return g.has(groupEdges) || g.has(groupEvidence) })
	r := scratch.Get().(*shardReader)
	defer scratch.Put(r)
	r.plan, r.reader.tx = p, tx
	for {
		p.mu.Lock()
		n := p.next
		p.next++
		p.mu.Unlock()
		if n >= len(list) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.read(list[n]); err != nil {
			return err
		}
		p.mu.Lock()
		r.tell(b)
		p.mu.Unlock()
	}
}

// scratch holds readers, for the memory of their sketches.
var scratch = sync.Pool{New: func() any { return new(shardReader) }}

// A shardReader sums the rows of one shard over a window, and notes when each
// was first and last seen.
type shardReader struct {
	plan   *plan
	reader blockReader
	shard  shard
	sum    tally                               // without sketches
	times  wire.Dense                          // the sketches of sum
	run    tally                               // a run that is being summed
	amends map[graph.Instant]*[shardRows]int64 // calls in pages, by the sighting that holds them
	first  [shardRows]graph.Instant
	last   [shardRows]graph.Instant // end of the bucket
	calls  [shardRows]int64         // evidence
}

func (r *shardReader) read(sh shard) error {
	r.shard = sh
	r.sum.reset()
	r.times.Clear()
	r.amends = map[graph.Instant]*[shardRows]int64{}
	clear(r.calls[:])
	if err := r.readPages(); err != nil {
		return err
	}
	for i := range r.first {
		r.first[i], r.last[i] = math.MaxInt64, math.MinInt64
	}
	for _, t := range r.plan.terms {
		if err := r.readTerm(t); err != nil {
			return err
		}
	}
	for _, run := range r.plan.runs {
		if err := r.readRun(r.plan.cache, run); err != nil {
			return err
		}
	}
	if err := r.readSightings(); err != nil {
		return err
	}
	if sh.class == others {
		return r.readEvidence()
	}
	for i, st := range r.sum.rows {
		r.times.Take(i, st)
	}
	return nil
}

func (r *shardReader) readTerm(t term) error {
	found, err := r.reader.readInto(t.base, r.shard.of(t.at, 0), &r.times, t.sign)
	if !found || err != nil {
		return err
	}
	return r.sum.add(r.shard, &r.reader.rows, t.sign)
}

// readPages adds the pages inside the window; of names that are no edges it adds
// the calls of all pages in the hours around, as evidence.
func (r *shardReader) readPages() error {
	window := span{r.plan.from, r.plan.to}
	for _, p := range r.plan.pages[r.shard] {
		inside := !p.coarse && window.holds(p.bucket)
		if !inside && r.shard.class == edges {
			continue
		}
		at := r.shard.of(p.bucket, p.commit)
		found, err := r.reader.readInto(p.file(), at, &r.times, 1)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if r.shard.class == others {
			r.countEvidence()
		}
		if !inside {
			continue
		}
		if err := r.sum.add(r.shard, &r.reader.rows, 1); err != nil {
			return err
		}
		r.amend(p.bucket)
	}
	return nil
}

// amend notes the calls that a page adds to the sighting around its bucket.
func (r *shardReader) amend(bucket graph.Instant) {
	at, ok := r.plan.sighting(bucket)
	if !ok {
		return
	}
	calls := r.amends[at]
	if calls == nil {
		calls = new([shardRows]int64)
		r.amends[at] = calls
	}
	for i, id := range r.reader.rows.IDs {
		calls[id%shardRows] += r.reader.rows.Stats[i].Calls
	}
}

// sighting returns the start of the sighting that holds t.
func (p *plan) sighting(t graph.Instant) (graph.Instant, bool) {
	i, ok := slices.BinarySearchFunc(p.seen, t, func(s sighting, t graph.Instant) int {
		switch {
		case s.at+graph.Instant(s.width) <= t:
			return -1
		case s.at > t:
			return 1
		}
		return 0
	})
	if !ok {
		return 0, false
	}
	return p.seen[i].at, true
}

// readSightings finds the first and the last sighting in which each name that
// the window shows has calls: from both ends, until all are found.
func (r *shardReader) readSightings() error {
	missing := 0
	for _, st := range r.sum.rows {
		if st.Calls != 0 {
			missing++
		}
	}
	seen := r.plan.seen
	for left, i := missing, 0; left > 0 && i < len(seen); i++ {
		found, err := r.sight(seen[i], func(at uint32) bool {
			if r.first[at] != math.MaxInt64 {
				return false
			}
			r.first[at] = seen[i].at
			return true
		})
		if err != nil {
			return err
		}
		left -= found
	}
	for left, i := missing, len(seen)-1; left > 0 && i >= 0; i-- {
		found, err := r.sight(seen[i], func(at uint32) bool {
			if r.last[at] != math.MinInt64 {
				return false
			}
			r.last[at] = min(seen[i].at+graph.Instant(seen[i].width), r.plan.to)
			return true
		})
		if err != nil {
			return err
		}
		left -= found
	}
	return nil
}

// sight calls note for the names that have calls in a sighting and are shown,
// and returns how often note was true.
func (r *shardReader) sight(s sighting, note func(at uint32) bool) (found int, err error) {
	amends := r.amends[s.at]
	has, err := r.reader.readCounters(s.base, r.shard.of(s.at, 0))
	if err != nil {
		return 0, err
	}
	if has {
		for i, id := range r.reader.rows.IDs {
			at, calls := id%shardRows, r.reader.rows.Stats[i].Calls
			if amends != nil {
				calls += amends[at]
			}
			if calls != 0 && r.shown(at) && note(at) {
				found++
			}
		}
	}
	if amends == nil {
		return found, nil
	}
	// What the base holds was looked at; an amendment of it that comes to zero
	// with it must not count.
	inBase := map[uint32]bool{}
	if has {
		for _, id := range r.reader.rows.IDs {
			inBase[id%shardRows] = true
		}
	}
	for at, calls := range amends {
		if calls != 0 && !inBase[uint32(at)] && r.shown(uint32(at)) && note(uint32(at)) {
			found++
		}
	}
	return found, nil
}

// shown reports whether row at of the sum has calls.
func (r *shardReader) shown(at uint32) bool {
	return r.sum.used[at/64]&(1<<(at%64)) != 0 && r.sum.stats[at].Calls != 0
}

// readEvidence counts the calls of names that are no edges in whole hours.
func (r *shardReader) readEvidence() error {
	for _, t := range r.plan.evidence {
		found, err := r.reader.readCounters(coarse.base, r.shard.of(t, 0))
		if err != nil {
			return err
		}
		if found {
			r.countEvidence()
		}
	}
	return nil
}

func (r *shardReader) countEvidence() {
	for i, id := range r.reader.rows.IDs {
		r.calls[id%shardRows] += r.reader.rows.Stats[i].Calls
	}
}

// tell hands what was read to b.
func (r *shardReader) tell(b *graph.Builder) {
	names := r.plan.names[r.shard.first():]
	for i, st := range r.sum.rows {
		if st.Calls == 0 || r.first[i] == math.MaxInt64 {
			continue
		}
		n := names[i]
		b.Cell(graph.Key{Bucket: r.first[i], Subject: n.subject, Facets: n.facets}, st, time.Duration(r.last[i]-r.first[i]))
	}
	if r.shard.class == edges {
		return
	}
	for i, n := range r.calls {
		if n != 0 {
			b.Evidence(names[i].subject.Value(), n)
		}
	}
}
