package collector

import (
	"fmt"
	"sync"
	"testing"
)

// The fixed symbols are what their comments say, and equal values have one
// number.
func TestSymbolsFixed(t *testing.T) {
	s := NewSymbols()
	if got := s.Text(None); got != "" {
		t.Errorf("Text(None) = %q", got)
	}
	if got := s.Text(Other); got != "other" {
		t.Errorf("Text(Other) = %q", got)
	}
	if got := s.Intern([]byte("other")); got != Other {
		t.Errorf(`Intern("other") = %d, want Other`, got)
	}
	if got := s.InternResource(Resource{}); got != None {
		t.Errorf("the zero resource is %d, want None", got)
	}
	if got := s.InternResource(Resource{Name: "other"}); got != Other {
		t.Errorf("the service other is %d, want Other", got)
	}
	if got := s.InternFar(Far{}); got != None {
		t.Errorf("the zero far side is %d, want None", got)
	}
	if got := s.Far(Other); !got.IsZero() {
		t.Errorf("Far(Other) = %+v, want zero", got)
	}
	if a, b := s.Intern([]byte("x")), s.Intern([]byte("x")); a != b || a <= Other || s.Text(a) != "x" {
		t.Errorf("x is %d and %d, reads %q", a, b, s.Text(a))
	}
}

// Records come back as they went in, whatever their strings hold.
func TestSymbolsRecords(t *testing.T) {
	s := NewSymbols()
	long := string(make([]byte, 300))
	for _, r := range []Resource{
		{Name: "a"}, {Namespace: "a"}, {Namespace: "n", Name: "a", Environment: "e", Version: "v", Team: "t"},
		{Name: long}, {Name: "\x00\x01a"}, {Name: "\x01a"},
	} {
		if got := s.Resource(s.InternResource(r)); got != r {
			t.Errorf("got %+v, want %+v", got, r)
		}
	}
	for _, f := range []Far{
		{Port: 65535}, {Peer: "p", PeerNamespace: "n", Function: "f", Host: "h", Port: 258, RPCService: "r",
			DBSystem: "s", DBNamespace: "d", MsgSystem: "m", Destination: long},
		{Peer: "p"}, {PeerNamespace: "p"}, {Destination: "p"},
	} {
		if got := s.Far(s.InternFar(f)); got != f {
			t.Errorf("got %+v, want %+v", got, f)
		}
	}
}

// Readers and writers of many names agree on every number.
func TestSymbolsParallel(t *testing.T) {
	s := NewSymbols()
	const workers, names = 4, 4999 // a prime, so that every step visits all
	var got [workers][names]Sym
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range names {
				n := (i*(2*w+1) + w) % names // another order for each
				text := fmt.Sprintf("name %d", n)
				y := s.Intern([]byte(text))
				got[w][n] = y
				if back := s.Text(y); back != text {
					t.Errorf("%q became %d, which reads %q", text, y, back)
				}
				r := Resource{Name: text}
				if back := s.Resource(s.InternResource(r)); back != r {
					t.Errorf("%+v reads %+v", r, back)
				}
			}
		})
	}
	wg.Wait()
	for w := range workers {
		if got[w] != got[0] {
			t.Errorf("worker %d has other numbers than worker 0", w)
		}
	}
	if n, _ := s.Len(); n != 2*names {
		t.Errorf("%d values, want %d", n, 2*names)
	}
}

// Beyond each bound new values become Other and are counted; known ones keep
// their number.
func TestSymbolsBounds(t *testing.T) {
	t.Run("names", func(t *testing.T) {
		s := NewLimitedSymbols(SymbolLimits{Names: 2})
		a, b := s.Intern([]byte("a")), s.InternFar(Far{Host: "h"})
		if a <= Other || b <= Other {
			t.Fatalf("names within the bound are %d and %d", a, b)
		}
		if got := s.Intern([]byte("c")); got != Other {
			t.Errorf("a name too many is %d, want Other", got)
		}
		if got := s.InternFar(Far{Host: "i"}); got != Other {
			t.Errorf("a far side too many is %d, want Other", got)
		}
		if got := s.InternResource(Resource{Name: "r"}); got != Other {
			t.Errorf("a resource too many is %d, want Other", got)
		}
		if got := s.Intern([]byte("a")); got != a {
			t.Errorf("a known name is %d, want %d", got, a)
		}
		for _, f := range Folds {
			if got := s.Folded(f); got != 1 {
				t.Errorf("%s: %d folded, want 1", f, got)
			}
		}
	})
	t.Run("bytes", func(t *testing.T) {
		s := NewLimitedSymbols(SymbolLimits{Bytes: 1000})
		if got := s.Intern(make([]byte, 1000)); got != Other {
			t.Errorf("a name over the bound of bytes is %d, want Other", got)
		}
		if got := s.Intern(make([]byte, 900)); got <= Other {
			t.Errorf("a name within the bound of bytes is %d", got)
		}
	})
	t.Run("services", func(t *testing.T) {
		s := NewLimitedSymbols(SymbolLimits{Services: 1})
		a := s.InternResource(Resource{Name: "a"})
		if got := s.InternResource(Resource{Name: "a", Version: "2"}); got <= Other || got == a {
			t.Errorf("another version of a known service is %d", got)
		}
		if got := s.InternResource(Resource{Namespace: "n", Name: "a"}); got != Other {
			t.Errorf("a service too many is %d, want Other", got)
		}
	})
}

func TestSymbolsLookupDoesNotAllocate(t *testing.T) {
	s := NewSymbols()
	name := []byte("GET /cart")
	s.Intern(name)
	if n := testing.AllocsPerRun(100, func() { s.Intern(name) }); n != 0 {
		t.Errorf("%v allocations for a known name, want 0", n)
	}
}

func BenchmarkIntern(b *testing.B) {
	s := NewSymbols()
	var names [1024][]byte
	for i := range names {
		names[i] = fmt.Appendf(nil, "operation-%d/with/a/path", i)
		s.Intern(names[i])
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Intern(names[i%len(names)])
	}
}

// Encoded resources are remembered while there is room, then anew, by readers
// and writers at once.
func TestEncodedResources(t *testing.T) {
	e := newEncodedResources()
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := range maxEncoded + 100 {
				encoded := fmt.Appendf(nil, "resource %d", i*(w+1))
				want := encodedResource{Sym(i * (w + 1)), i*(w+1)%2 == 0}
				e.add(encoded, want)
				if got, ok := e.find(encoded); ok && got != want {
					t.Errorf("%s is %+v, want %+v", encoded, got, want)
				}
			}
		})
	}
	wg.Wait()
	if n := e.table.Load().n; n > maxEncoded {
		t.Errorf("%d resources are remembered, want at most %d", n, maxEncoded)
	}
	e.add(make([]byte, maxEncodedBytes+1), encodedResource{})
	if e.bytes > maxEncodedBytes {
		t.Errorf("%d bytes are remembered, want at most %d", e.bytes, maxEncodedBytes)
	}
}

// What was put right in a resource is counted each time it comes.
func TestEncodedResourceRepairs(t *testing.T) {
	s := NewSymbols()
	r := NewReducer(s, ReduceOptions{})
	for range 2 {
		if _, ok := r.KnownResource([]byte("x")); ok {
			t.Error("a repaired resource is known by its bytes")
		}
		r.BeginResource()
		r.SetResource([]byte("service.name"), value("a\x00"))
		y := r.EndEncodedResource([]byte("x"))
		if got := s.Resource(y).Name; got != "a\uFFFD" {
			t.Errorf("service %q", got)
		}
	}
	if got := r.Repaired[RepairText]; got != 2 {
		t.Errorf("%d texts repaired, want 2", got)
	}
}
