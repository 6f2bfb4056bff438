package boltstore

import (
	"encoding/binary"
	"errors"

	"go.etcd.io/bbolt"
)

// setFormat changes the format version of a closed file.
func setFormat(path string, version uint32) error {
	db, err := bbolt.Open(path, fileMode, nil)
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		return tx.Bucket(metaBucket).Put(formatKey, binary.BigEndian.AppendUint32(nil, version))
	})
	return errors.Join(err, db.Close())
}
