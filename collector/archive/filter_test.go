package archive

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
)

// Filters have what was put into them, and of the rest, when full, as little as
// their sizes promise.
func TestFilterErrors(t *testing.T) {
	const n = 200_000
	s := seed{rand.Uint64(), rand.Uint64() | 1}
	f, hint := newFilter(n), newHints(n)
	for i := range n {
		h := s.hash(spread(i))
		f.add(h, filterPattern(h))
		hint.add(h, filterPattern(h))
	}
	var wrong, wrongHints int
	for i := range 2 * n {
		h := s.hash(spread(i))
		p := filterPattern(h)
		switch has, hinted := f.has(h, p), hint.has(h, p); {
		case i < n && (!has || !hinted):
			t.Fatalf("trace %d was put in and is not there", i)
		case i >= n:
			if has {
				wrong++
			}
			if hinted {
				wrongHints++
			}
		}
	}
	if got := float64(wrong) / n; got > 0.008 {
		t.Errorf("a filter says yes to %.2f %% of what it has not", 100*got)
	}
	if got := float64(wrongHints) / n; got > 0.22 {
		t.Errorf("hints say yes to %.0f %% of what they have not", 100*got)
	}
}

// Whatever the load, and also when it changes, few filters are asked, they take
// at most 22 bits a trace of the highest load besides the smallest filters, and
// they mislead seldom.
func TestFiltersFollowTheLoad(t *testing.T) {
	const horizon, minute = 60, 1000
	o := Options{FS: newDisk()}
	a, _, err := Open(dir, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	i, peak := 0, 0
	for _, load := range []struct{ perMinute, minutes int }{{1, 2}, {70_000, 1}, {50, 130}, {8000, 150}, {1000, 130}} {
		most := 0
		var names []string
		for m := range load.minutes {
			for range load.perMinute {
				now := a.newest
				if i == 0 {
					now = 0
				}
				if i%load.perMinute == 0 {
					now += minute
				}
				if err := a.Keep(spread(i), now, nil); err != nil {
					t.Fatal(err)
				}
				i++
			}
			names, err = seal(a, a.newest-horizon*minute)
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Release(names); err != nil {
				t.Fatal(err)
			}
			most = max(most, len(a.groups))
			if m < horizon {
				continue // what came under the load before is still there
			}
			peak = max(peak, a.traces)
			bits := 8 * a.Stats().FilterBytes
			if bound := int64(22*peak) + 2*filterBits*minFilterTraces; bits > bound {
				t.Fatalf("%d traces a minute, minute %d: filters take %d bits, bound %d", load.perMinute, m, bits, bound)
			}
		}
		before, asked := a.Stats().Misled, 100_000
		for j := range asked {
			if got, err := a.Recall(spread(i+j), 0); got != nil || err != nil {
				t.Fatalf("recall %q, %v", got, err)
			}
		}
		misled := float64(a.Stats().Misled-before) / float64(asked)
		if most > 8 || misled > 0.04 {
			t.Errorf("%d traces a minute: %d filters mislead in %.1f %%", load.perMinute, most, 100*misled)
		}
		again, lost, err := Open(dir, names, o)
		if err != nil || len(lost) > 0 {
			t.Fatal(err, lost)
		}
		if got, want := again.groups[0].capacity, max(a.traces/groupsPerHorizon, minFilterTraces); got != want {
			t.Errorf("%d traces a minute: opened again the first filter is for %d traces, want %d", load.perMinute, got, want)
		}
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	}
}

// sortEntries sorts as the library does.
func TestSortEntries(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 300 {
		mask := rng.Uint64() & rng.Uint64()
		all := make([]entry, n)
		for i := range all {
			all[i] = entry{rng.Uint64() & mask, uint32(i)}
		}
		want := slices.Clone(all)
		slices.SortStableFunc(want, func(a, b entry) int { return cmp.Compare(a.low, b.low) })
		if got := sortEntries(all, make([]entry, n)); !slices.Equal(got, want) {
			t.Fatalf("%d entries under %016x: %v, want %v", n, mask, got, want)
		}
	}
}
