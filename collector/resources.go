package collector

import (
	"sync"
	"sync/atomic"
)

// Bounds of a memory of encoded resources: those of the largest fleet that
// MaxServices allows, a few hundred bytes each.
const (
	maxEncoded      = 20_000
	maxEncodedBytes = 12 << 20
)

// An encodedResources remembers which resource the bytes of one mean: a sender
// says the same few hundred bytes with every request, and reading them costs
// more than a span. Readers take no lock. When it is full it starts anew.
type encodedResources struct {
	table atomic.Pointer[symtable[encodedResource]]

	mu    sync.Mutex
	bytes int
}

type encodedResource struct {
	sym      Sym
	nameless bool
}

func newEncodedResources() *encodedResources {
	e := new(encodedResources)
	e.clear()
	return e
}

func (e *encodedResources) clear() {
	t := new(symtable[encodedResource])
	t.init()
	e.table.Store(t)
	e.bytes = 0
}

func (e *encodedResources) find(encoded []byte) (encodedResource, bool) {
	t := e.table.Load()
	if y, ok := t.find(encoded); ok {
		return t.value(y), true
	}
	return encodedResource{}, false
}

func (e *encodedResources) add(encoded []byte, r encodedResource) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t := e.table.Load()
	if _, ok := t.find(encoded); ok {
		return
	}
	if t.n >= maxEncoded || e.bytes+len(encoded) > maxEncodedBytes {
		e.clear()
		t = e.table.Load()
	}
	if len(encoded) <= maxEncodedBytes {
		t.add(string(encoded), r)
		e.bytes += len(encoded)
	}
}

// encodedFor returns the memory that reducers with one team attribute share.
func (s *Symbols) encodedFor(team string) *encodedResources {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.encoded[team]
	if e == nil {
		e = newEncodedResources()
		s.encoded[team] = e
	}
	return e
}

// KnownResource returns the number of a resource that EndEncodedResource was
// told of, as EndResource would.
func (r *Reducer) KnownResource(encoded []byte) (Sym, bool) {
	e, ok := r.encoded.find(encoded)
	if ok {
		r.nameless = e.nameless
	}
	return e.sym, ok
}

// EndEncodedResource is EndResource for a resource whose attributes are all and
// only those that encoded holds, in an encoding that its callers share.
func (r *Reducer) EndEncodedResource(encoded []byte) Sym {
	repaired, folded := r.Repaired, r.Folded
	y := r.EndResource()
	if r.Repaired == repaired && r.Folded == folded { // or it would not be counted again
		r.encoded.add(encoded, encodedResource{y, r.nameless})
	}
	return y
}
