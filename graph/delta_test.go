package graph

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawDelta(t *rapid.T, label string) *Delta {
	d := new(Delta)
	for range rapid.IntRange(0, 6).Draw(t, label) {
		s := d.At(key(
			Instant(rapid.IntRange(0, 2).Draw(t, "bucket"))*Instant(Fine),
			calls(service(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "from")), service("c")),
			env(rapid.SampledFrom([]string{"", "prod"}).Draw(t, "env"), "")))
		n := rapid.Int64Range(-3, 3).Draw(t, "n")
		s.Calls += n
		s.NetworkCount -= n
		s.ClientSum += 7 * n
		s.Client.Add(time.Duration(rapid.IntRange(0, 1e9).Draw(t, "duration")), n)
	}
	return d
}

func sum(ds ...*Delta) *Delta {
	s := new(Delta)
	for _, d := range ds {
		s.Merge(d)
	}
	return s
}

// Deltas form a commutative group under Merge.
func TestDeltaIsAGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawDelta(t, "a"), drawDelta(t, "b"), drawDelta(t, "c")
		if !sum(a, b).Equal(sum(b, a)) {
			t.Error("merge does not commute")
		}
		if !sum(sum(a, b), c).Equal(sum(a, sum(b, c))) {
			t.Error("merge does not associate")
		}
		if !sum(a, new(Delta)).Equal(a) {
			t.Error("the empty delta is not neutral")
		}
		if !sum(a, a.Negate()).Equal(new(Delta)) {
			t.Error("a delta and its inverse are not nothing")
		}
	})
}

// Merging shares no memory: changing the sum leaves the parts alone.
func TestMergeCopies(t *testing.T) {
	k := key(0, calls(service("a"), service("b")), Facets{})
	part := new(Delta)
	part.At(k).Client.Add(time.Second, 1)
	total := sum(part)
	total.At(k).Client.Add(time.Second, 5)
	total.At(k).Calls++
	if got := part.At(k).Client.Total(); got != 1 || part.At(k).Calls != 0 {
		t.Errorf("the part changed with the sum: %d durations", got)
	}
}

// All is in key order and does not depend on how keys were made.
func TestAllIsOrdered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var keys []Key
		for k := range drawDelta(t, "d").All() {
			keys = append(keys, k)
		}
		if !slices.IsSortedFunc(keys, Key.Compare) {
			t.Errorf("keys out of order: %v", keys)
		}
	})
}

func TestFloorAndCeil(t *testing.T) {
	for _, c := range []struct{ at, floor, ceil time.Duration }{
		{0, 0, 0},
		{1, 0, Fine},
		{Fine, Fine, Fine},
		{Fine + 1, Fine, 2 * Fine},
		{-1, -Fine, 0},
		{-Fine, -Fine, -Fine},
	} {
		at := Instant(c.at)
		if f, l := at.Floor(Fine), at.Ceil(Fine); f != Instant(c.floor) || l != Instant(c.ceil) {
			t.Errorf("%v: got %v %v, want %v %v", c.at, f, l, c.floor, c.ceil)
		}
	}
}
