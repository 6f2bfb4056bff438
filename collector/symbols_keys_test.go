package collector

import "testing"

// Keys carry resources and far sides from one table to another.
func TestKeysCarryOver(t *testing.T) {
	from, to := NewSymbols(), NewSymbols()
	to.InternResource(Resource{Name: "another"}) // numbers differ
	to.InternFar(Far{Host: "another"})
	long := string(make([]byte, 300))
	for _, want := range []Resource{{Name: "a"}, {Namespace: "n", Name: long, Environment: "e", Version: "v", Team: "t"}} {
		y, ok := to.InternResourceKey([]byte(from.ResourceKey(from.InternResource(want))))
		if got := to.Resource(y); !ok || got != want {
			t.Errorf("%v, %+v, want %+v", ok, got, want)
		}
	}
	for _, want := range []Far{{Port: 80}, {Host: "h", Port: 258, Destination: long}, {Peer: "p", MsgSystem: "m"}} {
		y, ok := to.InternFarKey([]byte(from.FarKey(from.InternFar(want))))
		if got := to.Far(y); !ok || got != want {
			t.Errorf("%v, %+v, want %+v", ok, got, want)
		}
	}
	if texts, resources, fars := to.Counts(); texts != 2 || resources != 5 || fars != 6 {
		t.Errorf("counts %d, %d, %d, want 2, 5, 6", texts, resources, fars)
	}
}

// What is no key is refused and gets no number.
func TestKeysMalformed(t *testing.T) {
	s := NewSymbols()
	for _, key := range []string{"", "\x00\x00\x00\x00", "\x00\x00\x00\x00\x01", "\x00\x00\x00\x00\x00\x00",
		"\x80\x00\x00\x00\x00\x00", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x00\x00\x00\x00\x7fa"} {
		if y, ok := s.InternResourceKey([]byte(key)); ok {
			t.Errorf("resource key %q is %d", key, y)
		}
	}
	for _, key := range []string{"", "\x00", "\x00\x00\x00", "\x00\x00\x00\x00", "\x00\x00\x09\x01a", "\x00\x00\x00\x02a",
		"\x00\x00\x01\x01a\x01\x01a", "\x00\x00\x01\x01a\x00\x01a", "\x00\x00\x00\x81\x00a"} {
		if y, ok := s.InternFarKey([]byte(key)); ok {
			t.Errorf("far key %q is %d", key, y)
		}
	}
	if n, _ := s.Len(); n != 0 {
		t.Errorf("%d values were added", n)
	}
}
