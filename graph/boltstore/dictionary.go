package boltstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// A name is what a row counts: the part of a key without its bucket.
type name struct {
	subject graph.SubjectID
	facets  graph.FacetsID
}

// A group is names that are read together, and so have shards of their own.
type group byte

const (
	groupEdges    group = iota
	groupEvidence       // spans and aliases: what every read looks at
	groupRest           // operations and rules
	groups
)

func groupOf(s graph.SubjectKind) group {
	switch s {
	case graph.OfEdge:
		return groupEdges
	case graph.OfSpans, graph.OfAlias:
		return groupEvidence
	}
	return groupRest
}

// maxNames is what the number of a shard in a key allows for.
const maxNames = shardRows << 16

var errNames = errors.New("too many names in one file")

// A dictionary numbers names. It only grows; numbers are positions in names,
// and a group takes them shard by shard, so that there are gaps. A name is known
// in memory before it is stored, so that who reads a transaction knows all names
// in it, and stays if its transaction fails, to be stored by the next.
type dictionary struct {
	names  []name // whole shards; the zero name is a gap
	ids    map[name]uint32
	next   [groups]uint32 // next number of a group, unless a shard begins there
	groups []groupSet     // by shard: whose names it holds
	fresh  []uint32       // numbers that are not in the file
}

// A groupSet has a bit for each group.
type groupSet byte

func (s groupSet) has(g group) bool { return s&(1<<g) != 0 }

// load reads all names.
func (d *dictionary) load(b *bbolt.Bucket) error {
	d.ids = make(map[name]uint32)
	var owner group // of the shard that is being read
	return b.ForEach(func(k, v []byte) error {
		body, err := checked(namesBucket, k, v)
		if err != nil {
			return err
		}
		if len(k) != 4 {
			return fmt.Errorf("%w: number of a name", ErrDamaged)
		}
		n, err := readName(body)
		if err != nil {
			return err
		}
		id := binary.BigEndian.Uint32(k)
		if id >= maxNames {
			return fmt.Errorf("%w: number of a name", ErrDamaged)
		}
		if id >= uint32(len(d.names)) {
			owner = groupOf(n.subject.Of())
		}
		d.put(id, n)
		d.next[owner] = id + 1
		return nil
	})
}

// put gives n the number id.
func (d *dictionary) put(id uint32, n name) {
	if shards := int(id/shardRows) + 1; shards > len(d.groups) {
		d.names = append(d.names, make([]name, shards*shardRows-len(d.names))...)
		d.groups = append(d.groups, make([]groupSet, shards-len(d.groups))...)
	}
	d.ids[n] = id
	d.names[id] = n
	d.groups[id/shardRows] |= 1 << groupOf(n.subject.Of())
}

// id returns the number of n, a new one if it has none. Only Apply calls it.
func (s *Store) id(n name) (uint32, error) {
	if id, ok := s.dict.ids[n]; ok {
		return id, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := &s.dict
	g := groupOf(n.subject.Of())
	id := d.next[g]
	if id%shardRows == 0 {
		id = uint32(len(d.names))
	}
	if id >= maxNames {
		return 0, errNames
	}
	d.put(id, n)
	d.next[g] = id + 1
	d.fresh = append(d.fresh, id)
	return id, nil
}

// names returns the names as of now and whose each shard is. Numbers that are
// given later may be filled in behind the reader's back, but no reader looks at
// those.
func (s *Store) names() ([]name, []groupSet) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.dict.names, slices.Clone(s.dict.groups)
}

// write stores the names that are not in the file.
func (d *dictionary) write(b *bbolt.Bucket) error {
	for _, id := range d.fresh {
		k := binary.BigEndian.AppendUint32(nil, id)
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
	return name{s.ID(), f.ID()}, nil
}
