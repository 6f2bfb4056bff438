package boltstore

import (
	"fmt"
	"math/bits"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// shardRows is how many numbers of names share a block: those of shard n lie in
// [n*shardRows, (n+1)*shardRows). The rows of a shard are therefore summed, and
// folded, without looking at any other.
const shardRows = wire.MaxRows

// A shard is rows of one class.
type shard struct {
	class  class
	number uint16
}

// first is the lowest number of a name in the shard.
func (s shard) first() uint32 { return uint32(s.number) * shardRows }

// A tally sums the rows of one shard. Reset keeps the memory of its sketches.
type tally struct {
	used  [shardRows / 64]uint64 // a bit for each row of stats that counts
	stats [shardRows]graph.Stats
}

// at returns the counters of row i, zero if it is new.
func (t *tally) at(i uint32) *graph.Stats {
	st := &t.stats[i]
	if t.used[i/64]&(1<<(i%64)) == 0 {
		t.used[i/64] |= 1 << (i % 64)
		client, server := st.Client, st.Server
		client.Reset()
		server.Reset()
		*st = graph.Stats{Client: client, Server: server}
	}
	return st
}

func (t *tally) reset() { clear(t.used[:]) }

// len returns the number of rows.
func (t *tally) len() (n int) {
	for _, w := range t.used {
		n += bits.OnesCount64(w)
	}
	return n
}

// add adds sign times the rows of a block of s.
func (t *tally) add(s shard, rows *wire.Rows, sign int) error {
	first := s.first()
	for i, id := range rows.IDs {
		if id < first || id-first >= shardRows {
			return fmt.Errorf("%w: a row outside its block", ErrDamaged)
		}
		st := t.at(id - first)
		if sign > 0 {
			st.Add(&rows.Stats[i])
		} else {
			st.Sub(&rows.Stats[i])
		}
	}
	return nil
}

// merge adds o.
func (t *tally) merge(o *tally) {
	for i, st := range o.rows {
		t.at(i).Add(st)
	}
}

// rows yields the rows, ascending.
func (t *tally) rows(yield func(uint32, *graph.Stats) bool) {
	for w, word := range t.used {
		for ; word != 0; word &= word - 1 {
			i := uint32(w*64 + bits.TrailingZeros64(word))
			if !yield(i, &t.stats[i]) {
				return
			}
		}
	}
}

// block makes out the rows of t that are not zero. They share their sketches
// with t.
func (t *tally) block(s shard, out *wire.Rows) {
	out.IDs, out.Stats = out.IDs[:0], out.Stats[:0]
	for i, st := range t.rows {
		if !st.IsZero() {
			out.IDs = append(out.IDs, s.first()+i)
			out.Stats = append(out.Stats, *st)
		}
	}
}

// shards lists the shards whose groups are wanted, by class. Shards that hold
// edges and others have both.
func shards(groups []groupSet, want func(groupSet) bool) []shard {
	var list []shard
	for n, g := range groups {
		if g.has(groupEdges) && want(1<<groupEdges) {
			list = append(list, shard{edges, uint16(n)})
		}
		if rest := g &^ (1 << groupEdges); rest != 0 && want(rest) {
			list = append(list, shard{others, uint16(n)})
		}
	}
	return list
}
