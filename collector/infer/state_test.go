package infer

import (
	"errors"
	"hash/crc32"
	"slices"
	"testing"

	"graphctl/collector"
)

// A state that is cut, damaged or of another kind is refused and never panics.
func TestDamagedState(t *testing.T) {
	syms := collector.NewSymbols()
	e := New(Options{}, syms)
	for _, s := range scenes {
		observe(e, sceneStart, parseSpans(t, syms, s.spans))
	}
	e.Advance(sceneStart)
	state := slices.Concat(e.State()...)
	if _, err := LoadState(state, Options{}, collector.NewSymbols()); err != nil {
		t.Fatal(err)
	}
	for cut := range len(state) {
		if cut > 2000 && cut%97 != 0 {
			continue
		}
		if _, err := LoadState(state[:cut], Options{}, collector.NewSymbols()); !errors.Is(err, ErrState) {
			t.Fatalf("cut to %d of %d bytes: %v", cut, len(state), err)
		}
	}
	for i := 0; i < len(state); i += 53 {
		bad := slices.Clone(state)
		bad[i] ^= 1 << (i % 8)
		if _, err := LoadState(bad, Options{}, collector.NewSymbols()); !errors.Is(err, ErrState) {
			t.Fatalf("bit of byte %d flipped: %v", i, err)
		}
	}
}

// FuzzLoadState holds the reader of states to "an error or an engine that
// works", behind the checksum that would keep most damage out.
func FuzzLoadState(f *testing.F) {
	syms := collector.NewSymbols()
	for _, s := range scenes {
		e := New(Options{}, syms)
		observe(e, sceneStart, parseSpans(f, syms, s.spans))
		e.Advance(sceneStart)
		f.Add(slices.Concat(e.State()...)[stateHeader:])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		state := appendHeader(nil, crc32.Checksum(body, castagnoli))
		state = append(state, body...)
		e, err := LoadState(state, Options{}, collector.NewSymbols())
		if err != nil {
			return
		}
		e.Advance(sceneStart + 10e9)
		e.Flush()
		e.Advance(sceneStart + 2*3600e9)
		e.Flush()
	})
}
