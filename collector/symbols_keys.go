package collector

import "encoding/binary"

// Counts returns how many names, resources and fars have a number, the fixed
// ones included: all numbers below are in use.
func (s *Symbols) Counts() (texts, resources, fars uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return uint32(s.texts.n), uint32(s.resources.n), uint32(s.fars.n)
}

// ResourceKey returns resource y as bytes that mean the same in every process.
func (s *Symbols) ResourceKey(y Sym) string { return s.resources.key(y) }

// FarKey returns far side y as bytes that mean the same in every process. It is
// "" for Other.
func (s *Symbols) FarKey(y Sym) string { return s.fars.key(y) }

// InternResourceKey returns the number of the resource with a key, and false if
// key is not one.
func (s *Symbols) InternResourceKey(key []byte) (Sym, bool) {
	if y, ok := s.resources.find(key); ok {
		return y, true
	}
	rest := key
	for range resourceTexts {
		_, n := cutField(rest)
		if n == 0 {
			return None, false
		}
		rest = rest[n:]
	}
	if len(rest) > 0 {
		return None, false
	}
	y, _ := s.addResource(key)
	return y, true
}

// InternFarKey returns the number of the far side with a key, and false if key
// is not one.
func (s *Symbols) InternFarKey(key []byte) (Sym, bool) {
	if y, ok := s.fars.find(key); ok {
		return y, true
	}
	if len(key) < 2 {
		return None, false
	}
	for rest, last := key[2:], -1; len(rest) > 0; {
		field := int(rest[0])
		size, n := cutField(rest[1:])
		if field <= last || field >= farTexts || n == 0 || size == 0 {
			return None, false
		}
		rest, last = rest[1+n:], field
	}
	y, _ := s.addFar(key)
	return y, true
}

// resourceTexts is how many fields the key of a resource has.
const resourceTexts = 5

// cutField returns the length of the text of the field that b begins with and
// of the whole field, which is 0 if b does not begin with one as appendField
// writes it: two keys of one value must not differ.
func cutField(b []byte) (text, whole int) {
	size, n := binary.Uvarint(b)
	if n <= 0 || n > 1 && b[n-1] == 0 || size > uint64(len(b)-n) {
		return 0, 0
	}
	return int(size), n + int(size)
}
