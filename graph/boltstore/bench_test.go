package boltstore

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"graphctl/graph"
)

// A fleet is edges under a steady load.
type fleet struct {
	keys []graph.Key // of bucket 0
	rng  *rand.Rand
}

func newFleet(edges int) *fleet {
	f := &fleet{rng: rand.New(rand.NewPCG(1, 1))}
	facets := graph.Facets{
		From: graph.Facet{Environments: "prod", Version: "1.2.3"},
		To:   graph.Facet{Environments: "prod", Version: "1.2.3"},
	}.ID()
	services := edges/6 + 1
	for i := range edges { // six calls from each service
		f.keys = append(f.keys, graph.Key{
			Subject: graph.Subject{
				Of: graph.OfEdge, Kind: graph.RPC,
				From: node(fmt.Sprintf("service-%d", i%services)),
				To:   node(fmt.Sprintf("service-%d", (i*7+i/services+1)%services)),
			}.ID(),
			Facets: facets,
		})
	}
	return f
}

// second is the delta of a second with so many calls, on edges at random.
func (f *fleet) second(at time.Time, calls int) *graph.Delta {
	d := new(graph.Delta)
	bucket := graph.InstantOf(at).Floor(graph.Fine)
	for range calls {
		k := f.keys[f.rng.IntN(len(f.keys))]
		k.Bucket = bucket
		f.call(d.At(k))
	}
	return d
}

// each is the delta of so many calls of every edge in one bucket.
func (f *fleet) each(at time.Time, calls int) *graph.Delta {
	d := new(graph.Delta)
	for _, k := range f.keys {
		k.Bucket = graph.InstantOf(at).Floor(graph.Fine)
		st := d.At(k)
		for range calls {
			f.call(st)
		}
	}
	return d
}

// call counts a call of log-normal length.
func (f *fleet) call(st *graph.Stats) {
	server := time.Duration(2e7 * math.Exp(0.6*f.rng.NormFloat64()))
	client := server + time.Duration(1e6*math.Exp(0.6*f.rng.NormFloat64()))
	st.Calls++
	st.Estimated += graph.WeightOne
	st.ClientSum += int64(client)
	st.ServerSum += int64(server)
	st.NetworkSum += int64(client - server)
	st.NetworkCount++
	st.Client.Add(client, 1)
	st.Server.Add(server, 1)
	if f.rng.IntN(100) == 0 {
		st.Errors++
		st.ClientErrors++
		st.ServerErrors++
	}
}

// A bench is a store under a fleet's load, in log time.
type bench struct {
	*Store
	fleet *fleet
	clock *clock
	seq   uint64
}

func newBench(b *testing.B, edges int) *bench {
	b.Helper()
	c := &clock{time.Date(2026, 3, 1, 12, 59, 50, 0, time.UTC)}
	s, err := Open(filepath.Join(b.TempDir(), "graph.db"), Options{Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	return &bench{Store: s, fleet: newFleet(edges), clock: c}
}

// hour fills the hour with calls of each edge, folded into one minute.
func (s *bench) hour(b *testing.B, calls int) {
	b.Helper()
	s.apply(b, s.fleet.each(s.clock.t.Add(-20*time.Minute), calls))
	for s.Stats().Unfolded > 0 {
		s.clock.t = s.clock.t.Add(s.o.FoldEvery)
		s.apply(b, new(graph.Delta))
	}
}

// second commits a second of load and returns how long that took, and how long
// it kept a core busy.
func (s *bench) second(b *testing.B, calls int) (took, busy time.Duration) {
	b.Helper()
	s.clock.t = s.clock.t.Add(time.Second)
	d := s.fleet.second(s.clock.t, calls)
	began, cpu := time.Now(), busyTime(b)
	s.apply(b, d)
	return time.Since(began), busyTime(b) - cpu
}

func (s *bench) apply(b *testing.B, d *graph.Delta) {
	b.Helper()
	s.seq++
	if err := s.Apply(b.Context(), []graph.Batch{{Origin: graph.Origin{Lane: 1}, Seq: s.seq, Delta: d}}); err != nil {
		b.Fatal(err)
	}
}

// busyTime returns the time that this process kept cores busy.
func busyTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// Each operation is a minute of commits, one a second, with 45,000 calls on
// 60,000 edges (some 32,000 of them change), folds included; it begins with 15
// minutes' calls in the hour. The aim is 5 % of a core, and no commit above 150
// ms.
func BenchmarkApply(b *testing.B) {
	s := newBench(b, 60_000)
	s.hour(b, 15*45)
	var busy, total, longest, busiest time.Duration
	commits := 0
	for b.Loop() {
		b.StopTimer()
		for range 60 {
			took, cpu := s.second(b, 45_000)
			busy, total = busy+cpu, total+took
			longest, busiest = max(longest, took), max(busiest, cpu)
			commits++
		}
		b.StartTimer()
	}
	b.ReportMetric(100*busy.Seconds()/float64(commits), "%core")
	b.ReportMetric(total.Seconds()*1000/float64(commits), "ms/commit")
	b.ReportMetric(float64(longest.Milliseconds()), "max-ms")
	b.ReportMetric(float64(busiest.Milliseconds()), "max-busy-ms")
	b.ReportMetric(float64(s.Size())/1e6, "file-MB")
}

// The whole graph of 60,000 edges after some minutes of load.
func BenchmarkReadAll(b *testing.B) {
	s := newBench(b, 60_000)
	s.hour(b, 3*45)
	for range 75 {
		s.second(b, 45_000)
	}
	s.measureRead(b, graph.Query{}, 60_000)
}

// An hour that begins and ends within one, of 10,000 edges with 45 calls a
// minute each, while a commit may come between.
func BenchmarkReadHour(b *testing.B) {
	s := newBench(b, 10_000)
	s.clock.t = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for range 80 {
		s.clock.t = s.clock.t.Add(time.Minute)
		s.apply(b, s.fleet.each(s.clock.t, 45))
	}
	for range 100 {
		s.second(b, 7_500)
	}
	to := graph.InstantOf(s.clock.t)
	s.measureRead(b, graph.Query{From: to - graph.Instant(time.Hour), To: to}, 10_000)
}

func (s *bench) measureRead(b *testing.B, q graph.Query, edges int) {
	b.Helper()
	b.ReportAllocs()
	cpu := busyTime(b)
	for b.Loop() {
		g, err := s.Read(b.Context(), q)
		if err != nil || len(g.Edges) < edges/100*99 {
			b.Fatal(len(g.Edges), err)
		}
	}
	b.ReportMetric(float64((busyTime(b)-cpu).Milliseconds())/float64(b.N), "busy-ms")
	b.ReportMetric(float64(s.Stats().Unfolded), "pages")
}

// Bytes an active edge takes in a minute's base, both sketches at 1 % included.
func BenchmarkBytesPerEdgeMinute(b *testing.B) {
	for _, calls := range []int{1, 10, 45} {
		b.Run(fmt.Sprint("calls=", calls), func(b *testing.B) {
			for b.Loop() {
				b.ReportMetric(bytesPerEdge(b, 5_000, calls), "B/edge")
			}
		})
	}
}

func bytesPerEdge(b *testing.B, edges, calls int) float64 {
	s := newBench(b, edges)
	s.hour(b, calls)
	bytes := 0
	err := s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(medium.base).ForEach(func(k, v []byte) error { bytes += len(k) + len(v); return nil })
	})
	if err != nil {
		b.Fatal(err)
	}
	return float64(bytes) / float64(edges)
}
