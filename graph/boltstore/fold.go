package boltstore

import (
	"go.etcd.io/bbolt"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// A folder adds pages to bases and deletes them. It reads each page once: what
// it finds for a bucket goes to that bucket's base and is gathered for the
// bucket of the next level around it. What it does in one transaction leaves
// every sum as it was.
type folder struct {
	tx     *bbolt.Tx
	shard  shard
	levels [3]gathered
	reader blockReader
	out    wire.Rows // what is being written

	late int // rows that no level keeps
}

// gathered is what is to be added to a base.
type gathered struct {
	level
	edge graph.Instant // buckets before it are not kept
	open bool
	at   graph.Instant // start of the bucket that is gathered
	sum  tally
}

// begin readies f, which keeps its memory, for a transaction.
func (f *folder) begin(tx *bbolt.Tx, k kept) {
	f.tx, f.reader.tx, f.late = tx, tx, 0
	for i, l := range levels() {
		g := &f.levels[i]
		g.level, g.edge, g.open = l, k.since(l), false
	}
}

// fold folds pages of a shard, which are in the order of a visit.
func (f *folder) fold(sh shard, pages []page) error {
	f.shard = sh
	for _, p := range pages {
		bucket, first := pagesBucket, 0
		if p.coarse {
			bucket, first = hourPagesBucket, len(f.levels)-1
		}
		if err := f.closeOthers(p.bucket); err != nil {
			return err
		}
		at := sh.of(p.bucket, p.commit)
		found, err := f.reader.read(bucket, at)
		if err != nil {
			return err
		}
		if !found {
			continue // folded by a transaction that was believed to have failed
		}
		g := &f.levels[first]
		g.begin(p.bucket)
		if err := g.sum.add(sh, &f.reader.rows, 1); err != nil {
			return err
		}
		if err := deleteBlock(f.tx, bucket, at); err != nil {
			return err
		}
	}
	for i := range f.levels {
		if err := f.close(i); err != nil {
			return err
		}
	}
	return nil
}

// begin makes the bucket that holds t the one that is gathered.
func (g *gathered) begin(t graph.Instant) {
	if !g.open {
		g.open, g.at = true, t.Floor(g.width)
		g.sum.reset()
	}
}

// closeOthers closes the buckets that do not hold t.
func (f *folder) closeOthers(t graph.Instant) error {
	for i := range f.levels {
		if g := &f.levels[i]; g.open && g.at != t.Floor(g.width) {
			if err := f.close(i); err != nil {
				return err
			}
		}
	}
	return nil
}

// close adds what was gathered at level i to its base, and hands it to the level
// above.
func (f *folder) close(i int) error {
	g := &f.levels[i]
	if !g.open {
		return nil
	}
	g.open = false
	if i+1 < len(f.levels) {
		above := &f.levels[i+1]
		above.begin(g.at)
		above.sum.merge(&g.sum)
	} else if g.at < g.edge {
		f.late += g.sum.len()
	}
	if g.at < g.edge {
		return nil
	}
	at := f.shard.of(g.at, 0)
	found, err := f.reader.read(g.base, at)
	if err != nil {
		return err
	}
	if found {
		if err := g.sum.add(f.shard, &f.reader.rows, 1); err != nil {
			return err
		}
	}
	g.sum.block(f.shard, &f.out)
	return writeBlock(f.tx, g.base, at, &f.out)
}
