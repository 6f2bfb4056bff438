package sketch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/DataDog/sketches-go/ddsketch"
	"pgregory.net/rapid"
)

var quantiles = []float64{0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1}

// distributions draw durations between 1 µs and 1 h.
var distributions = []struct {
	name string
	draw func(*rand.Rand) float64 // ns
}{
	{"uniform", func(r *rand.Rand) float64 { return 1e6 + r.Float64()*1e9 }},
	{"log-normal", func(r *rand.Rand) float64 { return 2e7 * math.Exp(0.6*r.NormFloat64()) }},
	{"wide log-normal", func(r *rand.Rand) float64 { return 5e7 * math.Exp(3*r.NormFloat64()) }},
	{"exponential", func(r *rand.Rand) float64 { return 5e7 * r.ExpFloat64() }},
	{"bimodal", func(r *rand.Rand) float64 {
		if r.IntN(10) == 0 {
			return 2e9 + 1e8*r.NormFloat64()
		}
		return 3e5 + 1e4*r.NormFloat64()
	}},
	{"constant", func(*rand.Rand) float64 { return 123456789 }},
	{"smallest", func(r *rand.Rand) float64 { return 1000 + 30*r.Float64() }},
	{"largest", func(r *rand.Rand) float64 { return 3.6e12 - 1e9*r.Float64() }},
}

func draws(name string, n int) []time.Duration {
	for i, d := range distributions {
		if d.name != name {
			continue
		}
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		ds := make([]time.Duration, n)
		for j := range ds {
			ds[j] = min(max(time.Duration(d.draw(rng)), time.Microsecond), time.Hour)
		}
		return ds
	}
	panic("no distribution " + name)
}

func exactQuantile(sorted []time.Duration, q float64) time.Duration {
	rank := max(int(math.Ceil(q*float64(len(sorted)))), 1)
	return sorted[rank-1]
}

// Every quantile of a million draws is within 1 % of the exact one.
func TestQuantilesAreWithinOnePercent(t *testing.T) {
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			ds := draws(d.name, 1_000_000)
			var s Sketch
			for _, d := range ds {
				s.Add(d, 1)
			}
			slices.Sort(ds)
			worst := 0.0
			for _, q := range quantiles {
				got, want := s.Quantile(q), exactQuantile(ds, q)
				off := math.Abs(float64(got-want)) / float64(want)
				worst = max(worst, off)
				if off > 0.01 {
					t.Errorf("quantile %v = %v, want %v: off by %.3f %%", q, got, want, 100*off)
				}
			}
			t.Logf("worst error %.3f %%, %d buckets", 100*worst, s.Len())
		})
	}
}

// DDSketch at the same accuracy sees the same quantiles, to both errors.
func TestQuantilesAgreeWithDDSketch(t *testing.T) {
	for _, d := range distributions {
		t.Run(d.name, func(t *testing.T) {
			dd, err := ddsketch.NewDefaultDDSketch(0.01)
			if err != nil {
				t.Fatal(err)
			}
			var s Sketch
			for _, d := range draws(d.name, 100_000) {
				s.Add(d, 1)
				if err := dd.Add(float64(d)); err != nil {
					t.Fatal(err)
				}
			}
			for _, q := range []float64{0.5, 0.9, 0.95, 0.99} {
				want, err := dd.GetValueAtQuantile(q)
				if err != nil {
					t.Fatal(err)
				}
				// Ranks differ by one at most between the two, which these
				// many draws hide.
				if got := float64(s.Quantile(q)); math.Abs(got-want)/want > 0.025 {
					t.Errorf("quantile %v = %v, DDSketch has %v", q, got, want)
				}
			}
		})
	}
}

// Ends of the scale have values of their own.
func TestQuantileOutsideTheScale(t *testing.T) {
	var s Sketch
	if got := s.Quantile(0.5); got != 0 {
		t.Errorf("quantile of nothing = %v, want 0", got)
	}
	s.Add(-time.Second, 1)
	s.Add(0, 1)
	s.Add(5*time.Hour, 1)
	if got := s.Quantile(0.5); got != 0 {
		t.Errorf("median of nothing, nothing and five hours = %v, want 0", got)
	}
	if got := s.Quantile(1); got != time.Hour {
		t.Errorf("largest of a sketch with five hours = %v, want 1h", got)
	}
}

// Quantiles are nearest ranks: no interpolation, the first and last included.
func TestQuantileRank(t *testing.T) {
	var s Sketch
	for i := range 10 {
		s.Add(time.Duration(i+1)*time.Second, 1)
	}
	for _, c := range []struct {
		q    float64
		want time.Duration
	}{{0, 1}, {0.1, 1}, {0.11, 2}, {0.5, 5}, {0.9, 9}, {0.91, 10}, {1, 10}} {
		if got, want := s.Quantile(c.q), Middle(Bucket(c.want*time.Second)); got != want {
			t.Errorf("quantile %v = %v, want %v", c.q, got, want)
		}
	}
}

func anySketch() *rapid.Generator[map[uint16]int64] {
	return rapid.MapOf(rapid.Uint16Range(0, Buckets-1), rapid.Int64Range(-5, 5))
}

func of(m map[uint16]int64) *Sketch {
	s := new(Sketch)
	for b, n := range m {
		s.AddBucket(b, n)
	}
	return s
}

func sum(ss ...*Sketch) *Sketch {
	t := new(Sketch)
	for _, s := range ss {
		t.Merge(s)
	}
	return t
}

// A sketch is what a map of counts is, ascending and without zeros.
func TestSketchIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anySketch().Draw(t, "a"), anySketch().Draw(t, "b")
		s := sum(of(a), of(b))
		want := map[uint16]int64{}
		var total int64
		for _, m := range []map[uint16]int64{a, b} {
			for k, n := range m {
				want[k] += n
				total += n
				if want[k] == 0 {
					delete(want, k)
				}
			}
		}
		before := -1
		for k, n := range s.Buckets() {
			if int(k) <= before {
				t.Fatalf("bucket %d after %d", k, before)
			}
			if before = int(k); want[k] != n {
				t.Fatalf("bucket %d = %d, want %d", k, n, want[k])
			}
		}
		if s.Len() != len(want) || s.Total() != total || s.IsZero() != (len(want) == 0) {
			t.Fatalf("len %d, total %d, zero %v; want %d, %d", s.Len(), s.Total(), s.IsZero(), len(want), total)
		}
	})
}

// Merge commutes, associates, and has Sub as its inverse.
func TestMergeIsAGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := of(anySketch().Draw(t, "a")), of(anySketch().Draw(t, "b")), of(anySketch().Draw(t, "c"))
		if !sum(a, b).Equal(sum(b, a)) {
			t.Fatal("a+b is not b+a")
		}
		if !sum(sum(a, b), c).Equal(sum(a, sum(b, c))) {
			t.Fatal("(a+b)+c is not a+(b+c)")
		}
		d := sum(a, b)
		d.Sub(b)
		if !d.Equal(a) {
			t.Fatal("a+b-b is not a")
		}
		d.Sub(d)
		if !d.IsZero() {
			t.Fatal("a-a is not zero")
		}
		d.Merge(a)
		d.Merge(d)
		if !d.Equal(sum(a, a)) {
			t.Fatal("merging a sketch into itself does not double it")
		}
	})
}

// Counts beyond MaxCount wrap and come back.
func TestCountsWrapAndComeBack(t *testing.T) {
	var s, o Sketch
	s.AddBucket(7, MaxCount)
	o.AddBucket(7, 2)
	s.Merge(&o)
	s.Sub(&o)
	for b, n := range s.Buckets() {
		if b != 7 || n != MaxCount {
			t.Errorf("bucket %d = %d, want 7 = %d", b, n, int64(MaxCount))
		}
	}
}

// A clone and a merged sketch share nothing with where they came from.
func TestCloneAndMergeShareNothing(t *testing.T) {
	var s Sketch
	s.Add(time.Second, 1)
	c := s.Clone()
	var m Sketch
	m.Merge(&s)
	s.Add(time.Second, 5)
	if c.Total() != 1 || m.Total() != 1 {
		t.Errorf("clone has %d, merged has %d, want 1 and 1", c.Total(), m.Total())
	}
}

// Counting a duration in a bucket that is there does not allocate, nor does
// merging a sketch whose buckets are there.
func TestAddDoesNotAllocate(t *testing.T) {
	var s, o Sketch
	for _, d := range draws("log-normal", 1000) {
		s.Add(d, 1)
	}
	o = s.Clone()
	d := draws("log-normal", 1)[0]
	if n := testing.AllocsPerRun(100, func() { s.Add(d, 1); s.Merge(&o) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	ds := draws("log-normal", 1<<12)
	var s Sketch
	for i := 0; b.Loop(); i++ {
		s.Add(ds[i%len(ds)], 1)
	}
}

func BenchmarkMerge(b *testing.B) {
	var s, o Sketch
	for i, d := range draws("log-normal", 2700) {
		s.Add(d, 1)
		if i < 45 {
			o.Add(d, 1)
		}
	}
	for b.Loop() {
		s.Merge(&o)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*o.Len()), "ns/bucket")
}
