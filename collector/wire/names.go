package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"graphctl/collector"
)

// fixed is how many symbols of each series mean the same in every process.
const fixed = 2

// A Counts says how many names of each series are defined: the numbers below.
// The zero Counts defines the fixed symbols.
type Counts struct {
	Texts, Resources, Fars uint32
}

// CountsOf returns the counts of all names of syms.
func CountsOf(syms *collector.Symbols) (c Counts) {
	c.Texts, c.Resources, c.Fars = syms.Counts()
	return c
}

// orFixed returns c with the fixed symbols counted.
func (c Counts) orFixed() Counts {
	return Counts{max(c.Texts, fixed), max(c.Resources, fixed), max(c.Fars, fixed)}
}

// Covers reports whether all names of b are defined.
func (c Counts) Covers(b *collector.Batch) bool {
	var text, resource, far collector.Sym
	for i := range b.Spans {
		s := &b.Spans[i]
		text = max(text, s.Name)
		resource = max(resource, s.Resource)
		far = max(far, s.Far)
	}
	c = c.orFixed()
	return uint32(text) < c.Texts && uint32(resource) < c.Resources && uint32(far) < c.Fars
}

// Next returns counts that are at most n names a series further than c on the
// way to to.
func (c Counts) Next(to Counts, n uint32) Counts {
	c = c.orFixed()
	return Counts{
		min(c.Texts+n, max(to.Texts, c.Texts)),
		min(c.Resources+n, max(to.Resources, c.Resources)),
		min(c.Fars+n, max(to.Fars, c.Fars)),
	}
}

// AppendNames appends the definitions of the names that to counts and from does
// not.
func AppendNames(dst []byte, syms *collector.Symbols, from, to Counts) []byte {
	from = from.orFixed()
	dst = appendSeries(dst, from.Texts, to.Texts, syms.Text)
	dst = appendSeries(dst, from.Resources, to.Resources, syms.ResourceKey)
	return appendSeries(dst, from.Fars, to.Fars, syms.FarKey)
}

func appendSeries(dst []byte, from, to uint32, key func(collector.Sym) string) []byte {
	to = max(from, to)
	dst = binary.AppendUvarint(dst, uint64(from))
	dst = binary.AppendUvarint(dst, uint64(to-from))
	for y := from; y < to; y++ {
		k := key(collector.Sym(y))
		dst = binary.AppendUvarint(dst, uint64(len(k)))
		dst = append(dst, k...)
	}
	return dst
}

// ErrMalformed reports bytes that AppendNames or AppendSpans did not write.
var ErrMalformed = errors.New("wire: malformed")

func malformed(what string) error { return fmt.Errorf("%w %s", ErrMalformed, what) }

// Names maps the numbers of a file to those of this process. The zero value
// knows the fixed symbols.
type Names struct {
	texts, resources, fars series
}

// A series maps numbers from fixed on.
type series []collector.Sym

// Reset forgets all names but the fixed ones, for the next file.
func (n *Names) Reset() {
	n.texts, n.resources, n.fars = n.texts[:0], n.resources[:0], n.fars[:0]
}

// Read takes in definitions, which must follow those read before, and interns
// their names in syms. There is no use for n after an error.
func (n *Names) Read(src []byte, syms *collector.Symbols) error {
	text := func(key []byte) (collector.Sym, bool) { return syms.Intern(key), true }
	for _, s := range []struct {
		of     *series
		intern func([]byte) (collector.Sym, bool)
	}{{&n.texts, text}, {&n.resources, syms.InternResourceKey}, {&n.fars, syms.InternFarKey}} {
		var err error
		if src, err = s.of.read(src, s.intern); err != nil {
			return err
		}
	}
	if len(src) > 0 {
		return malformed("names: bytes left over")
	}
	return nil
}

func (s *series) read(p []byte, intern func([]byte) (collector.Sym, bool)) ([]byte, error) {
	from, p := takeUvarint(p)
	count, p := takeUvarint(p)
	switch {
	case p == nil:
		return nil, malformed("names: cut short")
	case from != uint64(len(*s))+fixed:
		return nil, malformed(fmt.Sprintf("names: number %d follows %d", from, len(*s)+fixed-1))
	}
	for range count {
		var size uint64
		var key []byte
		size, p = takeUvarint(p)
		if key, p = takeBytes(p, size); p == nil {
			return nil, malformed("names: cut short")
		}
		y, ok := intern(key)
		if !ok {
			return nil, malformed("names: not a key")
		}
		*s = append(*s, y)
	}
	return p, nil
}
