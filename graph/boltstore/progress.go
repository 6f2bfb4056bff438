package boltstore

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// Progress implements graph.Store.
func (s *Store) Progress(ctx context.Context, o graph.Origin) (seq uint64, err error) {
	err = s.view("progress", func(tx *bbolt.Tx) error {
		seq, err = progressOf(tx, o)
		return err
	})
	return seq, errors.Join(err, ctx.Err())
}

// Origins implements graph.CellReader.
func (s *Store) Origins(ctx context.Context) (map[graph.Origin]uint64, error) {
	all := map[graph.Origin]uint64{}
	err := s.view("origins", func(tx *bbolt.Tx) error {
		return tx.Bucket(progressBucket).ForEach(func(k, v []byte) error {
			seq, err := readProgress(k, v)
			if err != nil {
				return err
			}
			if len(k) != 12 {
				return fmt.Errorf("%w: progress", ErrDamaged)
			}
			o := graph.Origin{Lane: binary.BigEndian.Uint32(k), Epoch: binary.BigEndian.Uint64(k[4:])}
			all[o] = seq
			return ctx.Err()
		})
	})
	return all, err
}

func originKey(o graph.Origin) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(nil, o.Lane), o.Epoch)
}

func progressOf(tx *bbolt.Tx, o graph.Origin) (uint64, error) {
	k := originKey(o)
	v := tx.Bucket(progressBucket).Get(k)
	if v == nil {
		return 0, nil
	}
	return readProgress(k, v)
}

func readProgress(k, v []byte) (uint64, error) {
	v, err := checked(progressBucket, k, v)
	if err != nil {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("%w: progress", ErrDamaged)
	}
	return binary.BigEndian.Uint64(v), nil
}
