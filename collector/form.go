package collector

import "encoding/binary"

// AppendForm appends the reduced form of a span without its identity, start,
// end and failure: with names as strings, so that it is the same in every
// process. Of two copies of a span that end together the one with the smaller
// form, byte by byte, is kept (rule I3).
func (s *Symbols) AppendForm(dst []byte, sp *Span, links []Link) []byte {
	dst = append(dst, sp.Parent[:]...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(sp.Weight))
	dst = binary.BigEndian.AppendUint32(dst, uint32(sp.Messages))
	dst = append(dst, byte(sp.Role), byte(sp.Flags&^Failed))
	r := s.Resource(sp.Resource)
	dst = appendResourceKey(dst, &r)
	f := s.Far(sp.Far)
	dst = appendFarKey(dst, &f)
	dst = appendField(dst, s.Text(sp.Name))
	for _, l := range links {
		dst = append(append(dst, l.Trace[:]...), l.ID[:]...)
	}
	return dst
}
