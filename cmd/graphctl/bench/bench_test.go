package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// A line of go test -bench becomes a row, with the figures that the benchmark
// reports itself.
func TestReadBenchmarks(t *testing.T) {
	got := readBenchmarks(strings.NewReader(`goos: linux
pkg: graphctl/collector/otlp
BenchmarkDecode/protobuf/services=50-2         	    2110	    535742 ns/op	 428.71 MB/s	      1046 ns/span	      59 B/op	       0 allocs/op
BenchmarkPair/map-16	100	1649 ns/op	       0 B/op	       0 allocs/op
BenchmarkBroken
PASS
ok  	graphctl/collector/otlp	2.9s
pkg: graphctl/graph/live
BenchmarkWindow 1 12 ns/op
`))
	want := []benchmark{
		{"collector/otlp", "Decode/protobuf/services=50", "535742 ns/op", "0 allocs/op, 59 B/op", "428.71 MB/s, 1046 ns/span"},
		{"collector/otlp", "Pair/map", "1649 ns/op", "0 allocs/op", ""},
		{"graph/live", "Window", "12 ns/op", "", ""},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		v    []float64
		want float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{5, 1}, 3}, {[]float64{9, 1, 2}, 2}} {
		var all []figures
		for _, v := range c.v {
			all = append(all, figures{sent: sent{PerCPU: v}})
		}
		if got := median(all, perCPU); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.v, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 50: "50", 999: "999", 1000: "1,000", 10_000: "10,000", 545_499: "545,000", 999_999: "1,000,000", 1_266_772: "1,270,000"} {
		if got := thousands(v); got != want {
			t.Errorf("thousands(%v) = %s, want %s", v, got, want)
		}
	}
}

// Only what stands between the two lines is replaced, and a page without them
// is left alone.
func TestReplaceTable(t *testing.T) {
	page := filepath.Join(t.TempDir(), "page.md")
	if err := os.WriteFile(page, []byte("before\n"+tableBegins+"old\n"+tableEnds+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := replaceTable(page, "new\n\n"); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(page)
		if want := "before\n" + tableBegins + "\nnew\n\n" + tableEnds + "after\n"; err != nil || string(got) != want {
			t.Errorf("%v, the page is\n%s", err, got)
		}
	}
	if err := os.WriteFile(page, []byte("before\n"+tableEnds+tableBegins), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := replaceTable(page, "new"); err == nil {
		t.Error("a page without a place for the table was written")
	}
}

// A graph is right if every edge has its calls and errors and there is no other.
func TestVerdict(t *testing.T) {
	var v verdict
	if v.exact() {
		t.Error("a table of no edges is right")
	}
	v.All.Edges, v.All.Exact, v.All.Errors = 3, 3, 100
	if got := v.String(); !v.exact() || got != "3 edges, all exact" {
		t.Error(got)
	}
	for _, wrong := range []func(*verdict){
		func(v *verdict) { v.All.Exact = 2 },
		func(v *verdict) { v.All.Errors = 99.9 },
		func(v *verdict) { v.Unexpected = 1 },
	} {
		w := v
		wrong(&w)
		if w.exact() || !strings.Contains(w.String(), "**") {
			t.Errorf("%+v passes as right", w)
		}
	}
}

// The client of the stream sees who makes the calls that are new in a frame,
// through pings and long frames, and acknowledges it.
func TestStream(t *testing.T) {
	heard := make(chan string, 3)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := (&websocket.Upgrader{Subprotocols: []string{"graphctl.v1"}}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		read := func() {
			if _, m, err := c.ReadMessage(); err == nil {
				heard <- string(m)
			}
		}
		read()
		c.WriteMessage(websocket.TextMessage, []byte(`{"type":"hello"}`))
		c.WriteControl(websocket.PingMessage, []byte("here?"), time.Now().Add(streamPatience))
		c.WriteMessage(websocket.BinaryMessage, golden(t, "snapshot.bin"))
		read()
		c.WriteMessage(websocket.BinaryMessage, slices.Concat(golden(t, "delta.bin"), make([]byte, 1<<17)))
		read()
		c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseGoingAway, "bye"), time.Now().Add(streamPatience))
	}))
	defer server.Close()
	s, err := openStream(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	// The calls of the second frame are made by services of the first.
	for _, want := range []string{`["shop/cart" "shop/cart" "shop/web" "shop/web" "shop/web" "user"]`, `[]`} {
		frame, err := s.next()
		if err != nil {
			t.Fatal(err)
		}
		names, err := newCallers(frame)
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "a%2Fb/") }) // hard to show
		slices.Sort(names)
		if got := fmt.Sprintf("%q", names); err != nil || got != want {
			t.Errorf("new callers %s, %v, want %s", got, err, want)
		}
	}
	if _, err := s.next(); err == nil || !strings.Contains(err.Error(), "bye") {
		t.Errorf("after the close: %v", err)
	}
	for _, want := range []string{`{"type":"subscribe"}`, `{"type":"ack","seq":1}`, `{"type":"ack","seq":2}`} {
		if got := <-heard; got != want {
			t.Errorf("the client said %s, want %s", got, want)
		}
	}
}

// A frame that is cut anywhere is refused.
func TestCutFrames(t *testing.T) {
	frame := golden(t, "snapshot.bin")
	for n := range frame {
		if names, err := newCallers(frame[:n:n]); err == nil {
			t.Errorf("%d of %d bytes have callers %q", n, len(frame), names)
		}
	}
}

// golden returns a frame that the server would send.
func golden(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "graph", "stream", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
