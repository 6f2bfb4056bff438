package stream

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"graphctl/graph"
	"graphctl/graph/live"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// fixture is a small graph of every kind of node and edge, with names that are
// hard to write down, and three moments of it.
type fixture struct {
	w   *live.Window
	seq uint64
	now graph.Instant
}

func newFixture() *fixture {
	now := graph.InstantOf(time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC))
	return &fixture{w: live.NewWindow(now, live.Options{Epoch: "5f2c9a0e41d7b380"}), now: now}
}

// calls is what a moment adds: n calls, the first failed of them with an error.
type calls struct {
	from, to  graph.NodeRef
	kind      graph.EdgeKind
	n, failed int64
	took      time.Duration // 0: not timed
}

// step lets a second pass, adds calls and publishes.
func (f *fixture) step(all ...calls) {
	f.now += graph.Instant(time.Second)
	d := new(graph.Delta)
	for _, c := range all {
		s := d.At(graph.Key{
			Bucket:  f.now.Floor(graph.Fine),
			Subject: graph.Subject{Of: graph.OfEdge, Kind: c.kind, From: c.from, To: c.to}.ID(),
			Facets:  graph.Facets{}.ID(),
		})
		s.Calls += c.n
		s.Errors += c.failed
		if c.took > 0 {
			for i := range c.n {
				s.Client.Add(c.took+time.Duration(i)*time.Millisecond, 1)
				s.Server.Add(c.took/2+time.Duration(i)*time.Millisecond, 1)
			}
		}
		if c.n > 0 {
			own := d.At(graph.Key{
				Bucket:  f.now.Floor(graph.Fine),
				Subject: graph.Subject{Of: graph.OfSpans, From: c.from, Detail: "paired"}.ID(),
				Facets:  graph.Facets{From: homes[c.from]}.ID(),
			})
			if c.from.Kind == graph.Service {
				own.Calls++
			}
		}
	}
	d.Prune()
	f.seq++
	f.w.Apply([]graph.Batch{{Seq: f.seq, Delta: d}})
	f.w.Advance(f.now)
}

var (
	user     = graph.NodeRef{Kind: graph.User, Name: "user"}
	web      = graph.NodeRef{Kind: graph.Service, Namespace: "shop", Name: "web"}
	cart     = graph.NodeRef{Kind: graph.Service, Namespace: "shop", Name: "cart"}
	hostile  = graph.NodeRef{Kind: graph.Service, Namespace: "a/b", Name: "<img src=x onerror=\"alert(1)\">%\u202e"}
	proto    = graph.NodeRef{Kind: graph.Service, Name: "__proto__"}
	db       = graph.NodeRef{Kind: graph.Database, Name: "orders@db.example"}
	topic    = graph.NodeRef{Kind: graph.Messaging, Name: "kafka:orders"}
	external = graph.NodeRef{Kind: graph.Address, Name: "api.example.com:8443"}
	guess    = graph.NodeRef{Kind: graph.PeerName, Name: "stock"}
)

// homes are the teams and environments that services tell.
var homes = map[graph.NodeRef]graph.Facet{
	web:  {Team: "storefront", Environments: "prod"},
	cart: {Environments: "prod\x00staging", Version: "7"},
}

// frames plays the fixture and returns each frame in both forms.
func goldenFrames() map[string][]byte {
	f := newFixture()
	marks := []Mark{{"throttled_memory", "requests were turned away: memory", f.now - graph.Instant(time.Minute)}}
	fr := frames{status: func() Status { return Status{Lag: 120 * time.Millisecond, Marks: marks} }}
	out := make(map[string][]byte)
	add := func(name string, e live.Event) {
		k, seq := keyOf(e, jsonForm)
		fr.advance(seq)
		with := e.Update != nil && k.base < fr.since
		if e.Snapshot != nil {
			out[name+".json"], out[name+".bin"] = jsonSnapshot(e.Snapshot, fr.told), binarySnapshotOf(e.Snapshot, fr.told)
		} else {
			out[name+".json"], out[name+".bin"] = jsonDelta(e.Update, fr.told, with), binaryDeltaOf(e.Update, fr.told, with)
		}
	}
	take := func(feed *live.Feed) live.Event { e, _ := feed.Take(); return e }

	add("empty", live.Event{Snapshot: f.w.Snapshot()})
	f.step(
		calls{user, web, graph.RPC, 6, 0, 0},
		calls{web, cart, graph.RPC, 12, 1, 18 * time.Millisecond},
		calls{cart, db, graph.DatabaseCall, 24, 0, 2 * time.Millisecond},
		calls{cart, topic, graph.Message, 3, 3, 500 * time.Microsecond},
		calls{web, external, graph.RPC, 1, 0, 3 * time.Second},
		calls{web, guess, graph.RPC, 1, 0, time.Millisecond},
		calls{hostile, proto, graph.RPC, 1, 0, time.Hour},
		calls{hostile, proto, graph.Link, 2, 1, 0},
	)
	feed := f.w.Follow()
	add("snapshot", take(feed))
	marks = nil
	f.step(
		calls{web, cart, graph.RPC, 8, 8, 90 * time.Millisecond},                               // a change
		calls{web, guess, graph.RPC, -1, 0, 0},                                                 // a guess taken back
		calls{proto, db, graph.DatabaseCall, 5, 0, 7 * time.Millisecond},                       // a new edge of known ends
		calls{topic, graph.NodeRef{Kind: graph.Service, Name: "mail"}, graph.Message, 3, 0, 0}, // a new node
	)
	add("delta", take(feed))
	f.step()
	add("quiet", take(feed))
	behind := f.w.Follow()
	behind.Resume("5f2c9a0e41d7b380", 1)
	add("merged", take(behind))
	add("last", live.Event{Snapshot: f.w.Snapshot()})
	return out
}

// The frames of a fixed graph are those in testdata, which the page's model is
// tested with too.
func TestGoldenFrames(t *testing.T) {
	for name, got := range goldenFrames() {
		path := filepath.Join("testdata", name)
		if filepath.Ext(name) == ".json" {
			var b bytes.Buffer
			if err := json.Indent(&b, got, "", " "); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			b.WriteByte('\n')
			got = b.Bytes()
		}
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs (run go test -update and look at the difference): got\n%q\nwant\n%q", path, got, want)
		}
	}
}

// Both forms of a frame say the same.
func TestFormsAgree(t *testing.T) {
	all := goldenFrames()
	for name, text := range all {
		if filepath.Ext(name) != ".json" {
			continue
		}
		bin, err := decode(all[name[:len(name)-len("json")]+"bin"])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var want struct {
			Type            string
			Epoch           string
			Seq             uint64
			Base            *uint64
			TimeMS          float64 `json:"time_ms"`
			LagMS           uint32  `json:"lag_ms"`
			Status          json.RawMessage
			Services, Calls []map[string]any
			RemovedServices []float64 `json:"removed_services"`
			RemovedCalls    []float64 `json:"removed_calls"`
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		base := want.Seq
		if want.Base != nil {
			base = *want.Base
		}
		if bin.epoch != want.Epoch || bin.seq != want.Seq || bin.base != base || bin.timeMS != want.TimeMS || bin.lagMS != want.LagMS || bin.status != string(want.Status) {
			t.Errorf("%s: heads differ: %+v and %+v", name, bin, want)
		}
		sameRows(t, name, bin.services, want.Services)
		sameRows(t, name, bin.calls, want.Calls)
		if !reflect.DeepEqual(bin.removedServices, want.RemovedServices) || !reflect.DeepEqual(bin.removedCalls, want.RemovedCalls) {
			t.Errorf("%s: removed %v %v, want %v %v", name, bin.removedServices, bin.removedCalls, want.RemovedServices, want.RemovedCalls)
		}
	}
}

// sameRows compares rows; numbers to single precision.
func sameRows(t *testing.T, name string, got, want []map[string]any) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d rows, want %d", name, len(got), len(want))
		return
	}
	for i := range want {
		for _, m := range []map[string]any{got[i], want[i]} {
			for k, v := range m {
				if n, ok := v.(float64); ok && math.Abs(n) < 1<<24 {
					m[k] = float64(float32(n))
				}
			}
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("%s: row %d is %v, want %v", name, i, got[i], want[i])
		}
	}
}
