package collector

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// A Sym stands for an interned string, Resource or Far. Numbers depend on the
// order of arrival: they mean nothing outside the process and must not decide
// anything that has to be reproducible.
type Sym uint32

// Sym values with a fixed meaning.
const (
	None  Sym = 0 // "", the zero Resource and the zero Far
	Other Sym = 1 // what a new value becomes when its table is full: "other", the service other, and the zero Far
)

// Bounds of the symbol table. What is new beyond them becomes Other.
const (
	MaxNames     = 1_000_000 // names, resources and fars together: some 300 MB of the longest would be possible, so bytes are bounded too
	MaxNameBytes = 64 << 20  // of their text and of the table's own records
	MaxServices  = 20_000    // different (namespace, name) of resources: what one screen, one disk and one memory are sized for
)

// A SymbolLimits bounds a symbol table; zero fields mean the Max constants.
type SymbolLimits struct {
	Names, Bytes, Services int
}

// Symbols interns what spans carry by number. Methods may be called in
// parallel; those that find a value that is already known take no lock.
// Numbers of strings, resources and fars are three separate series.
type Symbols struct {
	texts     symtable[struct{}]
	resources symtable[Resource]
	fars      symtable[Far]

	mu       sync.Mutex // held by whoever adds
	limits   SymbolLimits
	names    int // added values, of limits.Names
	bytes    int // of limits.Bytes
	services map[serviceName]struct{}
	encoded  map[string]*encodedResources // by team attribute; their number is that of the options in use

	folded [numFolds]atomic.Uint64
}

type serviceName struct{ namespace, name string }

// A Fold says what kind of new name became Other.
type Fold uint8

// The kinds of folds.
const (
	FoldService   Fold = iota // a resource: too many services or too many names
	FoldOperation             // a span name
	FoldPeer                  // a far side
	numFolds
)

// Folds lists the kinds of folds.
var Folds = [...]Fold{FoldService, FoldOperation, FoldPeer}

func (f Fold) String() string { return [...]string{"service", "operation", "peer"}[f] }

// NewSymbols returns a table that holds the fixed symbols and has the default
// bounds.
func NewSymbols() *Symbols { return NewLimitedSymbols(SymbolLimits{}) }

// NewLimitedSymbols returns a table that holds the fixed symbols, which do not
// count against l.
func NewLimitedSymbols(l SymbolLimits) *Symbols {
	if l.Names == 0 {
		l.Names = MaxNames
	}
	if l.Bytes == 0 {
		l.Bytes = MaxNameBytes
	}
	if l.Services == 0 {
		l.Services = MaxServices
	}
	s := &Symbols{limits: l, services: map[serviceName]struct{}{}, encoded: map[string]*encodedResources{}}
	s.texts.init()
	s.texts.add("", struct{}{})
	s.texts.add("other", struct{}{})
	s.resources.init()
	other := Resource{Name: "other"}
	s.resources.add(string(appendResourceKey(nil, &Resource{})), Resource{})
	s.resources.add(string(appendResourceKey(nil, &other)), other)
	s.fars.init()
	s.fars.add(string(appendFarKey(nil, &Far{})), Far{})
	s.fars.addUnnamed("", Far{})
	return s
}

// Folded returns how many times a new value of kind f became Other.
func (s *Symbols) Folded(f Fold) uint64 { return s.folded[f].Load() }

// Len returns how many values were added and how many bytes they hold.
func (s *Symbols) Len() (names, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.names, s.bytes
}

// Lookup returns the number of a name if it is known. It does not allocate.
func (s *Symbols) Lookup(name []byte) (Sym, bool) { return s.texts.find(name) }

// Intern returns the number of a name.
func (s *Symbols) Intern(name []byte) Sym {
	if y, ok := s.texts.find(name); ok {
		return y
	}
	y, _ := s.addText(name)
	return y
}

// InternResource returns the number of r.
func (s *Symbols) InternResource(r Resource) Sym {
	key := appendResourceKey(make([]byte, 0, 128), &r)
	if y, ok := s.resources.find(key); ok {
		return y
	}
	y, _ := s.addResource(key)
	return y
}

// InternFar returns the number of f.
func (s *Symbols) InternFar(f Far) Sym {
	key := appendFarKey(make([]byte, 0, 128), &f)
	if y, ok := s.fars.find(key); ok {
		return y
	}
	y, _ := s.addFar(key)
	return y
}

// Text returns the name with number y.
func (s *Symbols) Text(y Sym) string { return s.texts.key(y) }

// Resource returns the resource with number y.
func (s *Symbols) Resource(y Sym) Resource { return s.resources.value(y) }

// Far returns the far side with number y.
func (s *Symbols) Far(y Sym) Far { return s.fars.value(y) }

// Bytes that an entry costs beside its text: the entry and its slots.
const (
	textOverhead     = 16 + 32
	resourceOverhead = 96 + 32
	farOverhead      = 168 + 32
)

// room takes a place for one value from the bounds. s.mu must be held.
func (s *Symbols) room(bytes int) bool {
	if s.names >= s.limits.Names || s.bytes+bytes > s.limits.Bytes {
		return false
	}
	s.names++
	s.bytes += bytes
	return true
}

func (s *Symbols) fold(f Fold) (Sym, bool) {
	s.folded[f].Add(1)
	return Other, true
}

// addText interns a name that was not found a moment ago and reports whether it
// was folded.
func (s *Symbols) addText(name []byte) (Sym, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if y, ok := s.texts.find(name); ok {
		return y, false
	}
	if !s.room(len(name) + textOverhead) {
		return s.fold(FoldOperation)
	}
	return s.texts.add(string(name), struct{}{}), false
}

// addResource interns the resource that key encodes, which was not found a
// moment ago, and reports whether it was folded.
func (s *Symbols) addResource(key []byte) (Sym, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if y, ok := s.resources.find(key); ok {
		return y, false
	}
	k := string(key)
	r := resourceOfKey(k)
	id := serviceName{r.Namespace, r.Name}
	_, known := s.services[id]
	if !known && len(s.services) >= s.limits.Services || !s.room(len(k)+resourceOverhead) {
		return s.fold(FoldService)
	}
	if !known {
		s.services[id] = struct{}{}
	}
	return s.resources.add(k, r), false
}

// addFar interns the far side that key encodes, which was not found a moment
// ago, and reports whether it was folded.
func (s *Symbols) addFar(key []byte) (Sym, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if y, ok := s.fars.find(key); ok {
		return y, false
	}
	if !s.room(len(key) + farOverhead) {
		return s.fold(FoldPeer)
	}
	k := string(key)
	return s.fars.add(k, farOfKey(k)), false
}

// The key of a resource is its fields, each preceded by its length; that of a
// far side its port and those of its fields that are not empty, each preceded by
// its number and its length. One allocation holds all strings of an entry.

func appendField[T ~string | ~[]byte](key []byte, s T) []byte {
	return append(binary.AppendUvarint(key, uint64(len(s))), s...)
}

func takeField(key string) (field, rest string) {
	var n, shift uint64
	for i := 0; ; i++ {
		c := key[i]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return key[i+1 : i+1+int(n)], key[i+1+int(n):]
		}
		shift += 7
	}
}

func appendResourceKey(key []byte, r *Resource) []byte {
	key = appendField(key, r.Namespace)
	key = appendField(key, r.Name)
	key = appendField(key, r.Environment)
	key = appendField(key, r.Version)
	return appendField(key, r.Team)
}

func resourceOfKey(k string) (r Resource) {
	r.Namespace, k = takeField(k)
	r.Name, k = takeField(k)
	r.Environment, k = takeField(k)
	r.Version, k = takeField(k)
	r.Team, _ = takeField(k)
	return r
}

// texts returns the strings of f in the order of their numbers.
func (f *Far) texts() [farTexts]*string {
	return [...]*string{&f.Peer, &f.PeerNamespace, &f.Function, &f.Host, &f.RPCService,
		&f.DBSystem, &f.DBNamespace, &f.MsgSystem, &f.Destination}
}

const farTexts = 9

func appendFarKey(key []byte, f *Far) []byte {
	key = binary.LittleEndian.AppendUint16(key, f.Port)
	for i, t := range f.texts() {
		if *t != "" {
			key = appendField(append(key, byte(i)), *t)
		}
	}
	return key
}

func farOfKey(k string) (f Far) {
	f.Port = uint16(k[0]) | uint16(k[1])<<8
	texts := f.texts()
	for k = k[2:]; k != ""; {
		t := texts[k[0]]
		*t, k = takeField(k[1:])
	}
	return f
}
