package boltstore

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"
	"unique"

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
	facets := unique.Make(graph.Facets{
		From: graph.Facet{Environments: "prod", Version: "1.2.3"},
		To:   graph.Facet{Environments: "prod", Version: "1.2.3"},
	})
	services := edges/6 + 1
	for i := range edges { // six calls from each service
		f.keys = append(f.keys, graph.Key{
			Subject: unique.Make(graph.Subject{
				Of: graph.OfEdge, Kind: graph.RPC,
				From: node(fmt.Sprintf("service-%d", i%services)),
				To:   node(fmt.Sprintf("service-%d", (i*7+i/services+1)%services)),
			}),
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

// A commit a second with 45,000 calls on 60,000 edges (some 32,000 of them
// change), folds included. The aim is under 5 % of a core: 50 ms.
func BenchmarkApply(b *testing.B) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s, err := Open(filepath.Join(b.TempDir(), "graph.db"), Options{Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f := newFleet(60_000)
	seq, longest := uint64(0), time.Duration(0)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		c.t = c.t.Add(time.Second)
		seq++
		batch := graph.Batch{Origin: graph.Origin{Lane: 1}, Seq: seq, Delta: f.second(c.t, 45_000)}
		b.StartTimer()
		began := time.Now()
		if err := s.Apply(b.Context(), []graph.Batch{batch}); err != nil {
			b.Fatal(err)
		}
		longest = max(longest, time.Since(began))
	}
	b.ReportMetric(float64(longest.Milliseconds()), "max-ms")
	b.ReportMetric(float64(s.Size())/1e6, "file-MB")
}

// The whole graph of 60,000 edges after two minutes of load.
func BenchmarkReadAll(b *testing.B) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	s, err := Open(filepath.Join(b.TempDir(), "graph.db"), Options{Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f := newFleet(60_000)
	for seq := range uint64(90) {
		c.t = c.t.Add(time.Second)
		batch := graph.Batch{Origin: graph.Origin{Lane: 1}, Seq: seq + 1, Delta: f.second(c.t, 45_000)}
		if err := s.Apply(b.Context(), []graph.Batch{batch}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		g, err := s.Read(b.Context(), graph.Query{})
		if err != nil || len(g.Edges) < 50_000 {
			b.Fatal(len(g.Edges), err)
		}
	}
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
	c := &clock{time.Date(2026, 3, 1, 12, 0, 30, 0, time.UTC)}
	s, err := Open(filepath.Join(b.TempDir(), "graph.db"), Options{Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	f := newFleet(edges)
	d := new(graph.Delta)
	for _, k := range f.keys {
		k.Bucket = graph.InstantOf(c.t).Floor(graph.Fine)
		for range calls {
			f.call(d.At(k))
		}
	}
	if err := s.Apply(b.Context(), []graph.Batch{{Seq: 1, Delta: d}}); err != nil {
		b.Fatal(err)
	}
	c.t = c.t.Add(2 * time.Minute)
	if err := s.Apply(b.Context(), nil); err != nil { // folds
		b.Fatal(err)
	}
	bytes := 0
	err = s.db.View(func(tx *bbolt.Tx) error {
		return tx.Bucket(medium.base).ForEach(func(k, v []byte) error { bytes += len(k) + len(v); return nil })
	})
	if err != nil {
		b.Fatal(err)
	}
	return float64(bytes) / float64(d.Len())
}
