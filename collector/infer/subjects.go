package infer

import (
	"graphctl/collector"
	"graphctl/graph"
)

// A subject is the number of a graph.Subject with facets.
type subject uint32

// subjectKey tells subjects apart. Fields that a kind does not use are zero.
type subjectKey struct {
	from, to side
	detail   uint32 // a Sym of a name for OfOperation, a node for OfAlias, a Disposition for OfSpans
	of       graph.SubjectKind
	kind     graph.EdgeKind
	rule     Rule
}

// subjectRecord is a subject and where its counters of this flush are.
type subjectRecord struct {
	subjectKey
	made   bool            // main and byRule are set
	mapped bool            // cell is in cellOf
	waits  bool            // hourCalls do, in hourly
	main   cellKey         // for an edge that of the edge, whatever proved it
	byRule graph.SubjectID // of an edge only
	flush  uint32          // number of the flush in which cell was used last
	bucket int32
	cell   uint32

	hour      int32 // of hourCalls
	hourCalls int64
}

type cellKey struct {
	subject graph.SubjectID
	facets  graph.FacetsID
}

// A subjectTable numbers subjects from 1. It only grows.
type subjectTable struct {
	subjects   []subjectRecord
	slots      []subject // by hash of the key, to be searched onward; half of them free
	edges      int       // subjects of each bounded kind
	operations int
}

func newSubjectTable() subjectTable {
	return subjectTable{subjects: make([]subjectRecord, 1), slots: make([]subject, 1<<8)}
}

func (k *subjectKey) hash() uint64 {
	h := (uint64(k.from)<<32 | uint64(k.to)) * 0x9e3779b97f4a7c15
	h ^= uint64(k.detail)<<24 | uint64(k.of)<<16 | uint64(k.kind)<<8 | uint64(k.rule)
	h *= 0xbf58476d1ce4e5b9
	return h ^ h>>32
}

// find returns the number of k, or 0 and the slot for it.
func (t *subjectTable) find(k *subjectKey) (subject, uint64) {
	mask := uint64(len(t.slots) - 1)
	slot := k.hash() & mask
	for ; t.slots[slot] != 0; slot = (slot + 1) & mask {
		if i := t.slots[slot]; t.subjects[i].subjectKey == *k {
			return i, slot
		}
	}
	return 0, slot
}

// take numbers a new key, whose slot find returned.
func (t *subjectTable) take(k *subjectKey, slot uint64) subject {
	i := subject(len(t.subjects))
	t.subjects = append(t.subjects, subjectRecord{subjectKey: *k})
	t.slots[slot] = i
	if 2*len(t.subjects) > len(t.slots) {
		t.index(2 * len(t.slots))
	}
	return i
}

// index makes the slots anew.
func (t *subjectTable) index(slots int) {
	t.slots = make([]subject, slots)
	for i := range t.subjects[1:] {
		_, slot := t.find(&t.subjects[i+1].subjectKey)
		t.slots[slot] = subject(i + 1)
	}
}

// subject returns the number of a subject, made if new; 0 if a bound drops it.
func (e *Engine) subject(k subjectKey) subject {
	i, slot := e.find(&k)
	if i != 0 {
		return i
	}
	switch {
	case k.of == graph.OfEdge && k.from != e.otherSide && e.edges >= maxEdges:
		e.c.Folded++
		k.from, k.to = e.otherSide, e.otherSide
		return e.subject(k)
	case k.of == graph.OfEdge:
		e.edges++
	case k.of == graph.OfSpans:
	case e.operations >= maxOperations:
		e.c.Folded++
		return 0
	default:
		e.operations++
	}
	return e.take(&k, slot)
}

// describe makes the keys under which a subject is emitted.
func (e *Engine) describe(i subject) {
	r := &e.subjects[i]
	if r.made {
		return
	}
	r.made = true
	from, to := e.sides[r.from], e.sides[r.to]
	s := graph.Subject{Of: r.of, Kind: r.kind, From: e.nodes[from.node], To: e.nodes[to.node]}
	facets := graph.Facets{From: e.facets[from.facet], To: e.facets[to.facet]}.ID()
	switch r.of {
	case graph.OfSpans:
		s.Detail = Disposition(r.detail).String()
	case graph.OfOperation:
		s.Detail = e.syms.Text(collector.Sym(r.detail))
	case graph.OfAlias:
		s.Detail = e.nodes[r.detail].Name
	case graph.OfEdge:
		rule := s
		rule.Of, rule.Detail = graph.OfRule, r.rule.String()
		r.byRule = rule.ID()
	}
	r.main = cellKey{s.ID(), facets}
}
