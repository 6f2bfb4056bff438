package export

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// A quantile that was written and read is the quantile of the same bucket,
// for every bucket there is.
func TestQuantilesSurvive(t *testing.T) {
	for b := range uint16(sketch.Buckets) {
		var k sketch.Sketch
		k.AddBucket(b, 3)
		text := string(appendQuantile(nil, k.Quantile(0.5)))
		ns, err := parseScaled(text, 6)
		if err != nil {
			t.Fatal(err)
		}
		if got := bucketOf(time.Duration(ns)); got != b {
			t.Errorf("bucket %d is written %s ms and read as bucket %d", b, text, got)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		got  []byte
		want string
	}{
		{appendMillis(nil, 0), "0"},
		{appendMillis(nil, 1), "0.000001"},
		{appendMillis(nil, 240_100_000), "240.1"},
		{appendMillis(nil, -1_500_000), "-1.5"},
		{appendMillis(nil, math.MaxInt64), "9223372036854.775807"},
		{appendMillis(nil, math.MinInt64), "-9223372036854.775808"},
		{appendQuantile(nil, 0), "0"},
		{appendQuantile(nil, 1234), "0.001234"},
		{appendQuantile(nil, 18_234_567), "18.23"},
		{appendQuantile(nil, 99_996_000), "100"},
		{appendQuantile(nil, time.Hour), "3600000"},
		{appendWeight(nil, 12*graph.WeightOne), "12"},
		{appendWeight(nil, graph.WeightOne/2), "0.5"},
		{appendWeight(nil, graph.WeightOne/3), "0.333"},
		{appendWeight(nil, -graph.WeightOne/3), "-0.333"},
		{appendWeight(nil, 7*graph.WeightOne-1), "7"},
		{appendWeight(nil, math.MaxInt64), "140737488355328"},
	} {
		if string(c.got) != c.want {
			t.Errorf("wrote %s, want %s", c.got, c.want)
		}
	}
}

// Sums and weights come back as they were written.
func FuzzNumbers(f *testing.F) {
	for _, v := range []int64{0, 1, -1, 999, 1 << 16, 1<<16 - 1, 123456789, math.MaxInt64, math.MinInt64, math.MinInt64 + 1} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v int64) {
		text := string(appendMillis(nil, v))
		if got, err := parseScaled(text, 6); math.Abs(float64(v)) < 1e18 && (err != nil || got != v) {
			t.Errorf("%d is written %s ms and read as %d, %v", v, text, got, err)
		}
		if w := v / 4; true {
			text := string(appendWeight(nil, w))
			got, err := parseWeight(text)
			if again := string(appendWeight(nil, got)); err != nil || again != text {
				t.Errorf("weight %d is written %s, read as %d, %v and written %s", w, text, got, err, again)
			}
		}
	})
}

// What is no graph is refused with an error that names the fault.
func TestReadJSONErrors(t *testing.T) {
	node := `{"id":"a","kind":"service"}`
	for _, c := range []struct{ text, want string }{
		{``, "EOF"},
		{`{`, "unexpected EOF"},
		{`[]`, "cannot unmarshal array"},
		{`{}`, "not a graph"},
		{`{"error":{"code":"x"}}`, "not a graph"},
		{`{"nodes":[],"edges":[]} {}`, "more than one value"},
		{`{"nodes":[],"edges":[]} x`, "more than one value"},
		{`{"nodes":[` + node + `,` + node + `],"edges":[]}`, `node "a" occurs twice`},
		{`{"nodes":[{"id":"a","kind":"planet"}],"edges":[]}`, `node "a": unknown kind "planet"`},
		{`{"nodes":[` + node + `],"edges":[{"from":"a","to":"b","kind":"rpc"}]}`, `edge "a" to "b": no such node`},
		{`{"nodes":[` + node + `],"edges":[{"from":"a","to":"a","kind":"x"}]}`, `edge "a" to "a": unknown kind "x"`},
		{`{"nodes":[` + node + `],"edges":[{"from":"a","to":"a","kind":"rpc","client":{"count":-1}}]}`, `count -1 is out of range`},
		{`{"nodes":[` + node + `],"edges":[{"from":"a","to":"a","kind":"rpc","client":{"sum_ms":1e300}}]}`, `"1e300": not a number in range`},
		{`{"nodes":[` + node + `],"edges":[{"from":"a","to":"a","kind":"rpc","calls":1.5}]}`, "cannot unmarshal number 1.5"},
		{`{"from":"yesterday","nodes":[],"edges":[]}`, "parsing time"},
		{`{"from":"0001-01-01T00:00:00Z","nodes":[],"edges":[]}`, "out of range"},
	} {
		_, err := ReadJSON(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("ReadJSON(%s): error %v, want %q", c.text, err, c.want)
		}
	}
}

// A graph that went through another program may come unsorted and with other
// spellings of numbers.
func TestReadJSONForeign(t *testing.T) {
	g, err := ReadJSON(strings.NewReader(`{"resolution_s":1e1,"extra":1,
		"edges":[{"from":"b","to":"a","kind":"rpc","calls":2,"client":{"count":2,"sum_ms":2.5e0,"p50_ms":1,"p90_ms":1,"p95_ms":1,"p99_ms":1}}],
		"nodes":[{"id":"b","kind":"user"},{"id":"a","kind":"service"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if g.Nodes[0].ID != "a" || g.Resolution != 10*time.Second {
		t.Errorf("got %+v", g)
	}
	if s := g.Edges[0].Stats; s.ClientSum != 2_500_000 || s.Client.Total() != 2 {
		t.Errorf("got client sum %d and %d calls", s.ClientSum, s.Client.Total())
	}
}

// No input breaks the reader, and what it accepts it accepts again.
func FuzzReadJSON(f *testing.F) {
	small := newFixture() // the fuzzer takes minutes to shorten a long one
	small.service("a/b")
	small.edge("a/b", "a/b", graph.RPC, 9, 1, 3, 2)
	for _, g := range []*graph.Graph{small.graph(), {}} {
		f.Add(write(f, JSON, g, Options{}))
	}
	f.Add([]byte(`{"nodes":[{"id":"a","kind":"service"}],"edges":[{"from":"a","to":"a","kind":"link","estimated_calls":1e3}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := ReadJSON(bytes.NewReader(text))
		if err != nil {
			return
		}
		first := write(t, JSON, g, Options{})
		again, err := ReadJSON(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("cannot read what was written: %v\n%s", err, first)
		}
		if second := write(t, JSON, again, Options{}); !bytes.Equal(first, second) {
			t.Errorf("changes on every pass:\n%s\n%s", first, second)
		}
	})
}

func BenchmarkJSON(b *testing.B) {
	f := newFixture()
	for i := range 60_000 {
		f.g.Edges = append(f.g.Edges, rides().Edges[i%14])
	}
	b.ResetTimer()
	for b.Loop() {
		var n countingWriter
		if err := JSON.Write(&n, f.g, Options{}); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(n))
	}
}

type countingWriter int64

func (n *countingWriter) Write(p []byte) (int, error) {
	*n += countingWriter(len(p))
	return len(p), nil
}
