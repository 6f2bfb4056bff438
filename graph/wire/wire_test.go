package wire

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"graphctl/graph"
)

// durations draws n calls of an edge, log-normal as busy services are.
func durations(rng *rand.Rand, st *graph.Stats, n int) {
	for range n {
		server := time.Duration(2e7 * math.Exp(0.6*rng.NormFloat64()))
		client := server + time.Duration(1e6*math.Exp(0.6*rng.NormFloat64()))
		st.Calls++
		st.Estimated += graph.WeightOne
		st.ServerSum += int64(server)
		st.ClientSum += int64(client)
		st.NetworkSum += int64(client - server)
		st.NetworkCount++
		st.Server.Add(server, 1)
		st.Client.Add(client, 1)
		if rng.IntN(100) == 0 {
			st.Errors++
			st.ClientErrors++
			st.ServerErrors++
		}
	}
}

// anyStats draws counters of every sort: as expected, one-sided, negative, and
// at the ends of their range.
func anyStats(rng *rand.Rand, st *graph.Stats) {
	switch rng.IntN(5) {
	case 0:
		durations(rng, st, 1+rng.IntN(50))
	case 1:
		st.Calls, st.ClientSum = 3, 3e6
		st.Client.Add(time.Millisecond, 3)
	case 2:
		var o graph.Stats
		durations(rng, &o, rng.IntN(9))
		st.Sub(&o)
		durations(rng, st, rng.IntN(9))
	case 3:
		for _, p := range []*int64{&st.Calls, &st.Errors, &st.ClientErrors, &st.ServerErrors, &st.ClientSum, &st.ServerSum, &st.NetworkSum, &st.NetworkCount, &st.Estimated} {
			*p = int64(rng.Uint64() >> rng.IntN(64))
			if rng.IntN(2) == 0 {
				*p = -*p
			}
		}
		for range rng.IntN(20) {
			st.Client.AddBucket(uint16(rng.IntN(1114)), rng.Int64N(1<<52)-1<<51)
		}
	case 4:
		st.Client.Add(time.Second, 1)
		st.Client.Add(time.Minute, -1)
	}
}

func anyRows(rng *rand.Rand) *Rows {
	r := new(Rows)
	id := uint32(rng.IntN(1000))
	for range rng.IntN(40) {
		anyStats(rng, r.Append(id))
		id += 1 + uint32(rng.Uint64()>>(34+rng.IntN(30)))
	}
	return r
}

// What is written is read, whatever the counters are.
func TestRowsRoundTrip(t *testing.T) {
	got := new(Rows)
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		want := anyRows(rng)
		counters, sketches := AppendCounters(nil, want), AppendSketches(nil, want)
		if err := ReadCounters(counters, got); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if err := ReadSketches(sketches, got); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !slices.Equal(got.IDs, want.IDs) {
			t.Fatalf("seed %d: ids\n got %v\nwant %v", seed, got.IDs, want.IDs)
		}
		for i := range want.Stats {
			if !got.Stats[i].Equal(&want.Stats[i]) {
				t.Fatalf("seed %d, row %d:\n got %+v\nwant %+v", seed, i, got.Stats[i], want.Stats[i])
			}
		}
	}
}

// Counters without their sketches are all there but the sketches.
func TestCountersAlone(t *testing.T) {
	var want, got Rows
	durations(rand.New(rand.NewPCG(1, 1)), want.Append(5), 20)
	if err := ReadCounters(AppendCounters(nil, &want), &got); err != nil {
		t.Fatal(err)
	}
	if g, w := got.Stats[0], want.Stats[0]; g.Calls != w.Calls || g.NetworkSum != w.NetworkSum || !g.Server.IsZero() {
		t.Errorf("got %+v, want %+v without sketches", g, w)
	}
	if err := ReadSketches(nil, &got); !errors.Is(err, ErrMalformed) {
		t.Errorf("sketches cut off altogether: error %v, want ErrMalformed", err)
	}
}

// Blocks added to a Dense are the sum of the same blocks read one by one.
func TestDense(t *testing.T) {
	d := new(Dense)
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 9))
		want := make(map[uint32]*graph.Stats)
		for range 1 + rng.IntN(6) {
			rows := new(Rows)
			for id := range uint32(12) {
				if rng.IntN(2) == 0 {
					anyStats(rng, rows.Append(5*MaxRows+id))
				}
			}
			sign := 1 - 2*rng.Int64N(2)
			var got Rows
			if err := ReadCounters(AppendCounters(nil, rows), &got); err != nil {
				t.Fatal(err)
			}
			if err := got.AddSketches(AppendSketches(nil, rows), d, sign); err != nil {
				t.Fatal(err)
			}
			for i, id := range rows.IDs {
				at := id % MaxRows
				if want[at] == nil {
					want[at] = new(graph.Stats)
				}
				if sign > 0 {
					want[at].Add(&rows.Stats[i])
				} else {
					want[at].Sub(&rows.Stats[i])
				}
			}
		}
		for at := range uint32(MaxRows) {
			var got graph.Stats
			d.Take(at, &got)
			w := want[at]
			if w == nil {
				w = new(graph.Stats)
			}
			if !got.Client.Equal(&w.Client) || !got.Server.Equal(&w.Server) {
				t.Fatalf("seed %d, row %d:\n got %v %v\nwant %v %v", seed, at, got.Client, got.Server, w.Client, w.Server)
			}
		}
	}
}

// Columns in which all comes as expected take no byte.
func TestExpectedColumnsCostNothing(t *testing.T) {
	var r Rows
	rng := rand.New(rand.NewPCG(1, 1))
	for id := range uint32(5) {
		st := r.Append(id)
		durations(rng, st, 45)
		st.Errors, st.ClientErrors, st.ServerErrors = 1, 1, 1
	}
	in := reader{rest: AppendCounters(nil, &r)}
	in.uvarint("rows")
	var got []int
	for len(in.rest) > 0 {
		got = append(got, in.count("column", 99))
		in.column(nil)
	}
	if want := []int{columnID, columnCalls, columnErrors, columnServerSum, columnClientSum}; !slices.Equal(got, want) {
		t.Errorf("columns %v, want %v", got, want)
	}
}

// A column that a newer program added is refused, not skipped.
func TestUnknownColumn(t *testing.T) {
	var r Rows
	r.Append(1).Calls = 1
	v := appendColumn(AppendCounters(nil, &r), counterColumns, []byte{2})
	if err := ReadCounters(v, &r); !errors.Is(err, ErrNewer) {
		t.Errorf("counters with an unknown column: %v, want ErrNewer", err)
	}
}

// No value makes the row readers panic.
func FuzzReadRows(f *testing.F) {
	for seed := range uint64(20) {
		r := anyRows(rand.New(rand.NewPCG(seed, 7)))
		f.Add(AppendCounters(nil, r), AppendSketches(nil, r))
	}
	dense := new(Dense)
	f.Fuzz(func(t *testing.T, counters, sketches []byte) {
		var r, again Rows
		if ReadCounters(counters, &r) != nil {
			return
		}
		err := r.AddSketches(sketches, dense, 1)
		dense.Clear()
		if got := ReadSketches(sketches, &r); (got == nil) != (err == nil) {
			t.Fatalf("read: %v; added: %v", got, err)
		}
		if err != nil {
			return
		}
		if err := ReadCounters(AppendCounters(nil, &r), &again); err != nil {
			t.Fatalf("counters do not survive writing: %v", err)
		}
		if err := ReadSketches(AppendSketches(nil, &r), &again); err != nil {
			t.Fatalf("sketches do not survive writing: %v", err)
		}
		for i := range r.Stats {
			if !again.Stats[i].Equal(&r.Stats[i]) {
				t.Fatalf("row %d differs", i)
			}
		}
	})
}

// Bytes an edge and bucket, beside the aims: 6, 28 and 50 at 1, 10 and 45 calls.
func BenchmarkAppendRows(b *testing.B) {
	for _, c := range []struct {
		name  string
		calls int
	}{{"calls=1", 1}, {"calls=3", 3}, {"calls=10", 10}, {"calls=45", 45}, {"calls=300", 300}} {
		b.Run(c.name, func(b *testing.B) {
			var r Rows
			rng := rand.New(rand.NewPCG(1, 1))
			for id := range uint32(MaxRows) {
				n := max(1, int(float64(c.calls)*math.Exp(0.3*rng.NormFloat64())))
				if c.calls == 1 {
					n = 1
				}
				durations(rng, r.Append(id), n)
			}
			var counters, sketches []byte
			for b.Loop() {
				counters, sketches = AppendCounters(counters[:0], &r), AppendSketches(sketches[:0], &r)
			}
			b.ReportMetric(float64(len(counters))/MaxRows, "counter-B/edge")
			b.ReportMetric(float64(len(counters)+len(sketches))/MaxRows, "B/edge")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/MaxRows, "ns/edge")
		})
	}
}

func BenchmarkReadRows(b *testing.B) {
	var r, got Rows
	rng := rand.New(rand.NewPCG(1, 1))
	buckets := 0
	for id := range uint32(MaxRows) {
		durations(rng, r.Append(id), 45)
		buckets += r.Stats[id].Client.Len() + r.Stats[id].Server.Len()
	}
	counters, sketches := AppendCounters(nil, &r), AppendSketches(nil, &r)
	for b.Loop() {
		if ReadCounters(counters, &got) != nil || ReadSketches(sketches, &got) != nil {
			b.Fatal("cannot be read")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(buckets), "ns/bucket")
}

func BenchmarkAddSketches(b *testing.B) {
	var r, got Rows
	rng := rand.New(rand.NewPCG(1, 1))
	buckets := 0
	for id := range uint32(MaxRows) {
		durations(rng, r.Append(id), 45)
		buckets += r.Stats[id].Client.Len() + r.Stats[id].Server.Len()
	}
	counters, sketches := AppendCounters(nil, &r), AppendSketches(nil, &r)
	d := new(Dense)
	for b.Loop() {
		if ReadCounters(counters, &got) != nil || got.AddSketches(sketches, d, 1) != nil {
			b.Fatal("cannot be read")
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(buckets), "ns/bucket")
}
