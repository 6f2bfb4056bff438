package wire

import (
	"encoding/binary"

	"graphctl/graph"
)

// A Series is what is counted through all buckets: a key without its bucket.
type Series struct {
	Subject graph.Subject
	Facets  graph.Facets
}

// strings lists the strings of s in the order in which they are written.
func (s *Series) strings() [11]*string {
	return [...]*string{
		&s.Subject.From.Namespace, &s.Subject.From.Name,
		&s.Subject.To.Namespace, &s.Subject.To.Name,
		&s.Subject.Detail,
		&s.Facets.From.Environments, &s.Facets.From.Version, &s.Facets.From.Team,
		&s.Facets.To.Environments, &s.Facets.To.Version, &s.Facets.To.Team,
	}
}

// AppendSeries appends s, its strings as the numbers that number gives them.
// The empty string is always 0 and number is not asked for it.
func AppendSeries(dst []byte, s *Series, number func(string) uint64) []byte {
	dst = append(dst, byte(s.Subject.Of), byte(s.Subject.Kind), byte(s.Subject.From.Kind), byte(s.Subject.To.Kind))
	for _, p := range s.strings() {
		n := uint64(0)
		if *p != "" {
			n = number(*p)
		}
		dst = binary.AppendUvarint(dst, n)
	}
	return dst
}

// ReadSeries reads what AppendSeries wrote from the front of src and returns
// the rest. text gives the string of a number other than 0.
func ReadSeries(src []byte, s *Series, text func(uint64) (string, bool)) (rest []byte, err error) {
	in := reader{rest: src}
	in.series(s, text)
	return in.rest, in.err
}

func (r *reader) series(s *Series, text func(uint64) (string, bool)) {
	kinds := r.bytes(4, "kinds of a series")
	if r.err != nil {
		return
	}
	*s = Series{}
	s.Subject.Of, s.Subject.Kind = graph.SubjectKind(kinds[0]), graph.EdgeKind(kinds[1])
	s.Subject.From.Kind, s.Subject.To.Kind = graph.NodeKind(kinds[2]), graph.NodeKind(kinds[3])
	for _, p := range s.strings() {
		n := r.uvarint("string of a series")
		if n == 0 || r.err != nil {
			continue
		}
		t, ok := text(n)
		if !ok {
			r.fail("string of a series")
			return
		}
		*p = t
	}
}
