package graph

import "graphctl/graph/intern"

// A SubjectID is the number of a Subject in this process: two are equal if and
// only if their subjects are. The zero SubjectID is that of the zero Subject.
// Numbers are never given back, and mean nothing to another process.
type SubjectID uint32

// A FacetsID is the number of Facets, as SubjectID is that of a Subject.
type FacetsID uint32

// subjectRecord is a Subject with the numbers of its nodes.
type subjectRecord struct {
	of       SubjectKind
	kind     EdgeKind
	from, to uint32
	detail   string
}

var (
	nodes    = intern.New[NodeRef]()
	subjects = intern.New[subjectRecord]()
	facets   = intern.New[Facets]()
)

// ID returns the number of s. It may be called in parallel, as all methods here.
func (s Subject) ID() SubjectID {
	return SubjectID(subjects.Number(subjectRecord{s.Of, s.Kind, nodes.Number(s.From), nodes.Number(s.To), s.Detail}))
}

// Value returns the subject of a number that ID returned.
func (i SubjectID) Value() Subject {
	r := subjects.At(uint32(i))
	return Subject{r.of, r.kind, *nodes.At(r.from), *nodes.At(r.to), r.detail}
}

// Of returns the kind of the subject.
func (i SubjectID) Of() SubjectKind { return subjects.At(uint32(i)).of }

// ID returns the number of f.
func (f Facets) ID() FacetsID { return FacetsID(facets.Number(f)) }

// Value returns the facets of a number that ID returned.
func (i FacetsID) Value() Facets { return *facets.At(uint32(i)) }
