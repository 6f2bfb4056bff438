package diff

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"graphctl/graph"
)

type call struct {
	from, to      string
	calls, errors int64
	latency       time.Duration
}

func graphOf(length time.Duration, calls ...call) *graph.Graph {
	g := new(graph.Graph)
	if length > 0 {
		g.From = graph.InstantOf(time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC))
		g.To = g.From + graph.Instant(length)
	}
	ids := map[string]bool{}
	for _, c := range calls {
		e := graph.Edge{From: c.from, To: c.to, Kind: graph.RPC}
		e.Stats.Calls, e.Stats.Errors = c.calls, c.errors
		if c.latency > 0 {
			e.Stats.Server.Add(c.latency, c.calls)
		}
		g.Edges = append(g.Edges, e)
		ids[c.from], ids[c.to] = true, true
	}
	for _, id := range []string{"a", "b", "c", "d"} {
		if ids[id] {
			g.Nodes = append(g.Nodes, graph.Node{ID: id, Name: id, Kind: graph.Service})
		}
	}
	return g
}

func ends(list []Edge) string {
	var out []string
	for _, e := range list {
		out = append(out, strings.TrimSpace(e.From+">"+e.To+" "+strings.Join(e.What, ",")))
	}
	return strings.Join(out, " ")
}

// A graph does not differ from itself.
func TestSame(t *testing.T) {
	g := graphOf(time.Minute, call{"a", "b", 10, 1, time.Millisecond}, call{"b", "c", 5, 0, 0})
	if d := Compare(g, g, Options{}); !d.Empty() || d.Unchanged != 2 {
		t.Errorf("got %+v", d)
	}
}

// Edges and nodes that only one graph has are added or removed; those of both
// change by rate, failed share and latency.
func TestCompare(t *testing.T) {
	base := graphOf(time.Minute,
		call{"a", "b", 100, 0, 10 * time.Millisecond},
		call{"a", "c", 100, 0, 10 * time.Millisecond},
		call{"b", "c", 100, 0, 10 * time.Millisecond},
		call{"c", "a", 100, 0, 10 * time.Millisecond})
	now := graphOf(time.Minute,
		call{"a", "b", 200, 0, 10 * time.Millisecond},
		call{"a", "d", 1, 0, 0},
		call{"b", "c", 100, 5, 30 * time.Millisecond},
		call{"c", "a", 105, 0, 11 * time.Millisecond})
	d := Compare(base, now, Options{})
	for _, c := range []struct{ name, got, want string }{
		{"added", ends(d.Added), "a>d"},
		{"removed", ends(d.Removed), "a>c"},
		{"changed", ends(d.Changed), "a>b rate b>c errors,latency"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, c.got, c.want)
		}
	}
	if d.Unchanged != 1 || len(d.AddedNodes) != 1 || d.AddedNodes[0].ID != "d" || len(d.RemovedNodes) != 0 {
		t.Errorf("got %d unchanged, nodes +%v -%v", d.Unchanged, d.AddedNodes, d.RemovedNodes)
	}
	if back := Compare(now, base, Options{}); ends(back.Added) != "a>c" || ends(back.Removed) != "a>d" {
		t.Errorf("the other way round: added %q, removed %q", ends(back.Added), ends(back.Removed))
	}
}

// Windows of different length are compared by rate; without a window calls are.
func TestWindows(t *testing.T) {
	minute, hour := graphOf(time.Minute, call{"a", "b", 60, 0, 0}), graphOf(time.Hour, call{"a", "b", 3600, 0, 0})
	if d := Compare(minute, hour, Options{}); !d.Empty() || *d.Now.To != "2026-01-31T11:00:00Z" {
		t.Errorf("60 in a minute and 3600 in an hour differ: %+v", d)
	}
	none := graphOf(0, call{"a", "b", 3600, 0, 0})
	d := Compare(minute, none, Options{})
	if ends(d.Changed) != "a>b rate" || d.Now.From != nil || d.Changed[0].Now.Rate != 3600 {
		t.Errorf("without a window: %+v", d.Changed)
	}
}

// What chance explains is left out on demand: of few calls more than of many.
func TestSignificant(t *testing.T) {
	for _, c := range []struct {
		base, now call
		want      string
	}{
		{call{"a", "b", 4, 0, 0}, call{"a", "b", 8, 0, 0}, ""},
		{call{"a", "b", 400, 0, 0}, call{"a", "b", 800, 0, 0}, "a>b rate"},
		{call{"a", "b", 10, 0, 0}, call{"a", "b", 10, 2, 0}, ""},
		{call{"a", "b", 1000, 0, 0}, call{"a", "b", 1000, 200, 0}, "a>b errors"},
	} {
		d := Compare(graphOf(time.Minute, c.base), graphOf(time.Minute, c.now), Options{Significant: true})
		if got := ends(d.Changed); got != c.want {
			t.Errorf("%+v to %+v: got %q, want %q", c.base, c.now, got, c.want)
		}
	}
}

// The lists are lists even when nothing is in them.
func TestJSON(t *testing.T) {
	b, err := json.Marshal(Compare(new(graph.Graph), new(graph.Graph), Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, list := range []string{"added", "removed", "changed", "added_nodes", "removed_nodes"} {
		if !reflect.DeepEqual(got[list], []any{}) {
			t.Errorf("%s: got %v, want an empty list", list, got[list])
		}
	}
}
