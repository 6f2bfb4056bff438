package collector

import "sync"

// A Sym stands for an interned string, Resource or Far. Numbers depend on the
// order of arrival: they mean nothing outside the process and must not decide
// anything that has to be reproducible.
type Sym uint32

// Sym values with a fixed meaning.
const (
	None  Sym = 0 // "", the zero Resource and the zero Far
	Other Sym = 1 // what a new value becomes when its table is full: "other", the service other, and the zero Far
)

// Symbols interns what spans carry by number. Methods may be called in
// parallel. Numbers of strings, resources and fars are three separate series.
type Symbols struct {
	mu        sync.RWMutex
	texts     table[string]
	resources table[Resource]
	fars      table[Far]
}

type table[T comparable] struct {
	values []T
	index  map[T]Sym
}

// NewSymbols returns a table that holds the fixed symbols.
func NewSymbols() *Symbols {
	return &Symbols{
		texts:     newTable("", "other"),
		resources: newTable(Resource{}, Resource{Name: "other"}),
		fars:      newTable(Far{}, Far{}),
	}
}

func newTable[T comparable](none, other T) table[T] {
	t := table[T]{values: []T{none, other}, index: map[T]Sym{}}
	t.index[other] = Other
	t.index[none] = None
	return t
}

func (t *table[T]) intern(v T) Sym {
	y, ok := t.index[v]
	if !ok {
		y = Sym(len(t.values))
		t.values = append(t.values, v)
		t.index[v] = y
	}
	return y
}

// Intern returns the number of a name.
func (s *Symbols) Intern(name []byte) Sym {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.texts.intern(string(name))
}

// InternResource returns the number of r.
func (s *Symbols) InternResource(r Resource) Sym {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resources.intern(r)
}

// InternFar returns the number of f.
func (s *Symbols) InternFar(f Far) Sym {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fars.intern(f)
}

// Text returns the name with number y.
func (s *Symbols) Text(y Sym) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.texts.values[y]
}

// Resource returns the resource with number y.
func (s *Symbols) Resource(y Sym) Resource {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.resources.values[y]
}

// Far returns the far side with number y.
func (s *Symbols) Far(y Sym) Far {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.fars.values[y]
}
