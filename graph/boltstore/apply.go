package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"graphctl/graph"
	"graphctl/graph/wire"
)

// Apply implements graph.Store. Beside the batches it does a bounded share of
// the work that is due: folds, and deletes what is not kept.
func (s *Store) Apply(ctx context.Context, batches []graph.Batch) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("boltstore: apply: %w", err)
	}
	for tries := 0; ; tries++ {
		err := s.update(s.begin(), batches)
		if errors.Is(err, ErrFull) && tries < maxShrinks {
			if did, serr := s.shrinkOnce(); did && serr == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("boltstore: apply: %w", err)
		}
		return nil
	}
}

// maxShrinks is how often one Apply makes room and tries again. The next one
// goes on; the time of a commit stays bounded.
const maxShrinks = 4

// pageOf is where a cell is filed.
type pageOf struct {
	bucket graph.Instant
	coarse bool
	class  class
}

// A pageList is cells to be filed in one bucket of time and class.
type pageList struct {
	order  []uint64 // number of the name in the high half, what is counted in the low
	stats  []*graph.Stats
	counts []int64
}

// isCount tells, in the low half of an order, an index of counts from one of
// stats.
const isCount = 1 << 31

func (l *pageList) add(id uint32, st *graph.Stats) {
	l.order = append(l.order, uint64(id)<<32|uint64(len(l.stats)))
	l.stats = append(l.stats, st)
}

func (l *pageList) count(id uint32, n int64) {
	l.order = append(l.order, uint64(id)<<32|isCount|uint64(len(l.counts)))
	l.counts = append(l.counts, n)
}

// at returns the number of the name and the counters of the cell that is i-th
// in order.
func (l *pageList) at(i int) (id uint32, st graph.Stats) {
	id, at := uint32(l.order[i]>>32), uint32(l.order[i])
	if at&isCount != 0 {
		return id, graph.Stats{Calls: l.counts[at&^isCount]}
	}
	return id, *l.stats[at]
}

// applyBatches writes what is new of the batches as pages.
func (w *write) applyBatches(tx *bbolt.Tx, batches []graph.Batch) error {
	lists := map[pageOf]*pageList{}
	for i := range batches {
		b := &batches[i]
		at, err := progressOf(tx, b.Origin)
		if err != nil {
			return err
		}
		if b.Seq <= at {
			continue
		}
		if err := put(tx, progressBucket, originKey(b.Origin), binary.BigEndian.AppendUint64(nil, b.Seq)); err != nil {
			return err
		}
		if err := w.file(lists, b.Delta); err != nil {
			return err
		}
	}
	if len(lists) == 0 {
		return nil
	}
	commit, err := tx.Bucket(pagesBucket).NextSequence()
	if err != nil {
		return err
	}
	for p, list := range lists {
		if err := w.writePages(tx, p, commit, list); err != nil {
			return err
		}
	}
	return nil
}

// file sorts the cells of d into lists.
func (w *write) file(lists map[pageOf]*pageList, d *graph.Delta) error {
	for k, st := range d.Vectors() {
		if st.IsZero() {
			continue
		}
		list, id, err := w.place(lists, k)
		if err != nil {
			return err
		}
		list.add(id, st)
	}
	for k, n := range d.Counts() {
		if n == 0 {
			continue
		}
		list, id, err := w.place(lists, k)
		if err != nil {
			return err
		}
		list.count(id, n)
	}
	return nil
}

// place returns the list in which k is filed and the number of its name.
func (w *write) place(lists map[pageOf]*pageList, k graph.Key) (*pageList, uint32, error) {
	if !k.Aligned() {
		return nil, 0, ErrUnaligned
	}
	of := k.Subject.Of()
	p := pageOf{k.Bucket, of.Coarse(), classOf(of)}
	list := lists[p]
	if list == nil {
		list = new(pageList)
		lists[p] = list
	}
	id, err := w.s.id(name{k.Subject, k.Facets})
	return list, id, err
}

// writePages writes a list, shard by shard.
func (w *write) writePages(tx *bbolt.Tx, p pageOf, commit uint64, list *pageList) error {
	bucket := pagesBucket
	if p.coarse {
		bucket = hourPagesBucket
	}
	slices.Sort(list.order)
	var rows wire.Rows
	for i := 0; i < len(list.order); {
		sh := shard{p.class, uint16(list.order[i] >> 32 / shardRows)}
		rows.IDs, rows.Stats = rows.IDs[:0], rows.Stats[:0]
		for ; i < len(list.order) && uint16(list.order[i]>>32/shardRows) == sh.number; i++ {
			id, st := list.at(i)
			appendRow(&rows, id, st)
		}
		dropLastZero(&rows)
		if len(rows.IDs) == 0 {
			continue
		}
		if err := writeBlock(tx, bucket, sh.of(p.bucket, commit), &rows); err != nil {
			return err
		}
		w.filed = append(w.filed, filedPage{sh, page{p.bucket, commit, p.coarse, int32(len(rows.IDs))}})
		w.rows += len(rows.IDs)
	}
	return nil
}

// appendRow adds a row whose number is not below that of the last one. Rows with
// one number are added up; a row of its own shares its sketches with st.
func appendRow(rows *wire.Rows, id uint32, st graph.Stats) {
	if n := len(rows.IDs); n > 0 && rows.IDs[n-1] == id {
		sum := rows.Stats[n-1].Clone()
		sum.Add(&st)
		rows.Stats[n-1] = sum
		return
	}
	dropLastZero(rows)
	rows.IDs = append(rows.IDs, id)
	rows.Stats = append(rows.Stats, st)
}

func dropLastZero(rows *wire.Rows) {
	if n := len(rows.IDs) - 1; n >= 0 && rows.Stats[n].IsZero() {
		rows.IDs, rows.Stats = rows.IDs[:n], rows.Stats[:n]
	}
}
