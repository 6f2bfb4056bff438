package boltstore

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// A page is a block of a delta, as the backlog knows it.
type page struct {
	bucket graph.Instant
	commit uint64
	coarse bool // in hourPagesBucket
	rows   int32
}

// ended reports whether the page may be folded: its bucket has ended, or its
// subjects belong to one level only, so that there is no finer sum to wait for.
func (p page) ended(now graph.Instant) bool {
	return p.coarse || p.bucket+graph.Instant(graph.Fine) <= now
}

// A backlog is all pages in the file, by shard. It is as large as their keys.
type backlog struct {
	shards map[shard]*shardBacklog
}

type shardBacklog struct {
	pages []page
	since time.Time // of the last fold, or of the first page
}

// load lists the pages in the file. Their rows are an estimate that nothing
// depends on but when they are folded.
func (b *backlog) load(tx *bbolt.Tx, now time.Time) error {
	b.shards = map[shard]*shardBacklog{}
	for _, bucket := range [][]byte{pagesBucket, hourPagesBucket} {
		c := tx.Bucket(bucket).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			p, err := readPlace(k)
			if err != nil {
				return err
			}
			if p.part != counters {
				continue
			}
			rows, _ := binary.Uvarint(v)
			b.add(shard{p.class, p.shard}, page{p.bucket, p.commit, &bucket[0] == &hourPagesBucket[0], int32(min(rows, shardRows))}, now)
		}
	}
	return nil
}

func (b *backlog) add(sh shard, p page, now time.Time) {
	s := b.shards[sh]
	if s == nil {
		s = &shardBacklog{since: now}
		b.shards[sh] = s
	}
	s.pages = append(s.pages, p)
}

// len returns the number of pages.
func (b *backlog) len() (n int) {
	for _, s := range b.shards {
		n += len(s.pages)
	}
	return n
}

// What a fold costs, in rows added. To fold a shard at all means to read and
// write its rows in the open minute and hour; each bucket of 10 s that has pages
// is read and written too.
const (
	visitCost  = 4 * shardRows
	bucketCost = shardRows
)

// foldBudget is how much a commit that writes so many rows may fold. It is twice
// what it writes, so that folding keeps up and a commit stays in proportion; at
// least as much as makes a second of folding some 50 ms.
func foldBudget(rows int) int { return max(2*rows, 32*shardRows) }

// A visit folds pages of one shard, ascending by hour; within one, those of
// buckets of 10 s come before coarse ones.
type visit struct {
	shard shard
	pages []page
}

// due returns what to fold now: shards that have waited for every, those first
// that waited longest, within a budget that is spent on one at least.
func (b *backlog) due(now time.Time, every time.Duration, budget int) []visit {
	var waiting []shard
	for sh, s := range b.shards {
		if now.Sub(s.since) >= every || now.Before(s.since) {
			waiting = append(waiting, sh)
		}
	}
	slices.SortFunc(waiting, func(x, y shard) int {
		return cmp.Or(b.shards[x].since.Compare(b.shards[y].since), cmp.Compare(x.class, y.class), cmp.Compare(x.number, y.number))
	})
	var visits []visit
	for _, sh := range waiting {
		v := visit{shard: sh}
		for _, p := range b.shards[sh].pages {
			if p.ended(graph.InstantOf(now)) {
				v.pages = append(v.pages, p)
			}
		}
		if len(v.pages) == 0 {
			continue
		}
		if budget -= v.cut(budget); budget < 0 && len(visits) > 0 {
			break
		}
		visits = append(visits, v)
	}
	return visits
}

// cut brings the pages into order, leaves out those of later buckets beyond the
// budget, and returns what is left costs.
func (v *visit) cut(budget int) (cost int) {
	slices.SortFunc(v.pages, comparePages)
	cost = visitCost
	at := graph.Instant(math.MinInt64)
	for i, p := range v.pages {
		if p.bucket != at {
			if cost > budget && i > 0 {
				v.pages = v.pages[:i]
				return cost
			}
			at = p.bucket
			cost += bucketCost
		}
		cost += int(p.rows)
	}
	return cost
}

func comparePages(x, y page) int {
	coarse := func(p page) int {
		if p.coarse {
			return 1
		}
		return 0
	}
	return cmp.Or(
		cmp.Compare(x.bucket.Floor(graph.Coarse), y.bucket.Floor(graph.Coarse)),
		cmp.Compare(coarse(x), coarse(y)),
		cmp.Compare(x.bucket, y.bucket),
		cmp.Compare(x.commit, y.commit))
}

// done takes what was folded out.
func (b *backlog) done(v visit, now time.Time) {
	s := b.shards[v.shard]
	s.since = now
	folded := make(map[page]struct{}, len(v.pages))
	for _, p := range v.pages {
		folded[p] = struct{}{}
	}
	s.pages = slices.DeleteFunc(s.pages, func(p page) bool { _, is := folded[p]; return is })
	if len(s.pages) == 0 {
		delete(b.shards, v.shard)
	}
}

// file returns the bucket of the file that holds the page.
func (p page) file() []byte {
	if p.coarse {
		return hourPagesBucket
	}
	return pagesBucket
}
