package boltstore

import (
	"encoding/binary"
	"fmt"
	"unique"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// A name is what a row counts: the part of a key without its bucket.
type name struct {
	subject unique.Handle[graph.Subject]
	facets  unique.Handle[graph.Facets]
}

// A dictionary numbers names. It only grows; numbers are positions in names. A
// name is known in memory before it is stored, so that who reads a transaction
// knows all names in it, and stays if its transaction fails, to be stored by the
// next.
type dictionary struct {
	names  []name
	ids    map[name]uint32
	stored int // so many names are in the file
}

// load reads all names.
func (d *dictionary) load(b *bbolt.Bucket) error {
	d.ids = make(map[name]uint32)
	err := b.ForEach(func(k, v []byte) error {
		body, err := checked(namesBucket, k, v)
		if err != nil {
			return err
		}
		if len(k) != 4 || binary.BigEndian.Uint32(k) != uint32(len(d.names)) {
			return fmt.Errorf("%w: numbers of names have gaps", ErrDamaged)
		}
		n, err := readName(body)
		if err != nil {
			return err
		}
		d.ids[n] = uint32(len(d.names))
		d.names = append(d.names, n)
		return nil
	})
	d.stored = len(d.names)
	return err
}

// id returns the number of n, a new one if it has none. Only Apply calls it.
func (s *Store) id(n name) uint32 {
	if id, ok := s.dict.ids[n]; ok {
		return id
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := uint32(len(s.dict.names))
	s.dict.ids[n] = id
	s.dict.names = append(s.dict.names, n)
	return id
}

// names returns the names as of now; the slice is not changed.
func (s *Store) names() []name {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.dict.names
}

// write stores the names that are not in the file.
func (d *dictionary) write(b *bbolt.Bucket) error {
	for id := d.stored; id < len(d.names); id++ {
		k := binary.BigEndian.AppendUint32(nil, uint32(id))
		if err := b.Put(k, sealed(namesBucket, k, appendName(nil, d.names[id]))); err != nil {
			return err
		}
	}
	return nil
}

// appendName encodes n: four bytes for the kinds of the subject, the edge and
// both nodes, then eleven strings with their lengths.
func appendName(b []byte, n name) []byte {
	s, f := n.subject.Value(), n.facets.Value()
	b = append(b, byte(s.Of), byte(s.Kind), byte(s.From.Kind), byte(s.To.Kind))
	for _, text := range []string{
		s.From.Namespace, s.From.Name, s.To.Namespace, s.To.Name, s.Detail,
		f.From.Environments, f.From.Version, f.From.Team,
		f.To.Environments, f.To.Version, f.To.Team,
	} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	return b
}

func readName(b []byte) (name, error) {
	var s graph.Subject
	var f graph.Facets
	if len(b) < 4 {
		return name{}, fmt.Errorf("%w: name", ErrDamaged)
	}
	s.Of, s.Kind = graph.SubjectKind(b[0]), graph.EdgeKind(b[1])
	s.From.Kind, s.To.Kind = graph.NodeKind(b[2]), graph.NodeKind(b[3])
	b = b[4:]
	for _, text := range []*string{
		&s.From.Namespace, &s.From.Name, &s.To.Namespace, &s.To.Name, &s.Detail,
		&f.From.Environments, &f.From.Version, &f.From.Team,
		&f.To.Environments, &f.To.Version, &f.To.Team,
	} {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return name{}, fmt.Errorf("%w: name", ErrDamaged)
		}
		*text = string(b[w : w+int(n)])
		b = b[w+int(n):]
	}
	return name{unique.Make(s), unique.Make(f)}, nil
}
