package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// What the stream shows is what the graph of the last hour is: nodes, edges and
// calls, also after a late span turned a guess into a proven call.
func TestStreamEqualsGraph(t *testing.T) {
	p := serve(t, t.TempDir(), nil, "--settle", "100ms")
	c, _, err := websocket.DefaultDialer.Dial("ws://"+p.web+"/api/v1/stream?format=json", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	shown := streamed{services: map[int]string{}, calls: map[int]streamedCall{}}
	want := func(edges ...string) {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		for !slices.Equal(shown.edges(), edges) {
			var m streamMessage
			if err := c.ReadJSON(&m); err != nil {
				t.Fatalf("%v; shown %v, want %v", err, shown.edges(), edges)
			}
			shown.apply(&m)
		}
		p.eventually("the same graph from the API", func() error {
			body, err := p.get("/api/v1/graph?from=-1h")
			if err != nil {
				return err
			}
			var g struct {
				Edges []struct {
					From, To string
					Calls    int64
				}
			}
			if err := json.Unmarshal([]byte(body), &g); err != nil {
				return err
			}
			var got []string
			for _, e := range g.Edges {
				got = append(got, fmt.Sprintf("%s→%s %d", e.From, e.To, e.Calls))
			}
			if !slices.Equal(got, edges) {
				return fmt.Errorf("API %v, stream %v", got, edges)
			}
			return nil
		})
	}
	post := func(body string) {
		t.Helper()
		if err := p.post(t.Context(), body); err != nil {
			t.Fatal(err)
		}
	}
	post(half(0, true, time.Now())) // an orphan: no edge yet
	post(half(0, false, time.Now()))
	want("web→api 1")
	post(half(1, false, time.Now()))
	post(half(1, true, time.Now()))
	want("web→api 2")
	p.stop()
}

// streamMessage is a message of the stream in JSON.
type streamMessage struct {
	Type     string
	Services []struct {
		ID   int
		Name string
	}
	Calls []struct {
		ID       int
		From, To *int
		Calls    *int64
	}
	RemovedServices []int `json:"removed_services"`
	RemovedCalls    []int `json:"removed_calls"`
}

type streamedCall struct {
	from, to int
	calls    int64
}

// streamed is what a client has been shown.
type streamed struct {
	services map[int]string
	calls    map[int]streamedCall
}

func (s *streamed) apply(m *streamMessage) {
	if m.Type == "snapshot" {
		clear(s.services)
		clear(s.calls)
	}
	for _, v := range m.Services {
		if v.Name != "" {
			s.services[v.ID] = v.Name
		}
	}
	for _, v := range m.Calls {
		c := s.calls[v.ID]
		if v.From != nil {
			c.from, c.to = *v.From, *v.To
		}
		if v.Calls != nil {
			c.calls = *v.Calls
		}
		s.calls[v.ID] = c
	}
	for _, id := range m.RemovedServices {
		delete(s.services, id)
	}
	for _, id := range m.RemovedCalls {
		delete(s.calls, id)
	}
}

func (s *streamed) edges() []string {
	var all []string
	for _, c := range s.calls {
		all = append(all, fmt.Sprintf("%s→%s %d", s.services[c.from], s.services[c.to], c.calls))
	}
	slices.Sort(all)
	return all
}
