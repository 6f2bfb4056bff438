package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crashCycles is how often TestCrash kills the server; CRASH_CYCLES sets it.
const crashCycles = 5

// A tableOf counts calls and errors by edge, like "s1 s2".
type tableOf map[string][2]int64

// sender is a service fleet that sends its halves of calls, each until it is
// acknowledged.
type sender struct {
	rng   *rand.Rand
	trace uint64 // of the next call, times 16
	table tableOf
}

// requests makes the two halves of some calls, parted into requests in random
// order.
func (s *sender) requests(calls int) []string {
	parts := make([][]string, max(2, calls/10))
	for range calls {
		from, to := s.rng.IntN(8), s.rng.IntN(8)
		if from == to {
			to = (to + 1) % 8
		}
		failed := s.rng.IntN(10) == 0
		edge := fmt.Sprintf("s%d s%d", from, to)
		n := s.table[edge]
		n[0]++
		if failed {
			n[1]++
		}
		s.table[edge] = n
		s.trace++
		for side := range 2 {
			at := s.rng.IntN(len(parts))
			parts[at] = append(parts[at], s.half(side, from, to, failed))
		}
	}
	var bodies []string
	for _, spans := range parts {
		if len(spans) > 0 {
			bodies = append(bodies, `{"resourceSpans":[`+strings.Join(spans, ",")+`]}`)
		}
	}
	return bodies
}

func (s *sender) half(side, from, to int, failed bool) string {
	service, kind, id, parent := from, 3, 1, 0
	if side == 1 {
		service, kind, id, parent = to, 2, 2, 1
	}
	status := ""
	if failed {
		status = `,"status":{"code":2}`
	}
	start := time.Now().UnixNano()
	return fmt.Sprintf(`{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s%d"}}]},`+
		`"scopeSpans":[{"spans":[{"traceId":"%032x","spanId":"%016x","parentSpanId":"%016x","kind":%d,"name":"op",`+
		`"startTimeUnixNano":"%d","endTimeUnixNano":"%d"%s}]}]}`,
		service, s.trace*16, s.trace*16+uint64(id), uint64(parent)*(s.trace*16+1), kind, start, start+5e6, status)
}

// send posts the requests to whatever process is current, some of them twice.
func (s *sender) send(ctx context.Context, current *atomic.Pointer[process], bodies []string) error {
	for _, body := range bodies {
		for range 1 + s.rng.IntN(10)/9 {
			err := errAgain
			for err == errAgain && ctx.Err() == nil {
				if err = current.Load().post(ctx, body); err == errAgain {
					time.Sleep(10 * time.Millisecond) // the server is being started
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// edges returns the calls and errors of every edge.
func (p *process) edges() (tableOf, error) {
	body, err := p.get("/api/v1/graph")
	if err != nil {
		return nil, err
	}
	var g struct {
		Edges []struct {
			From, To      string
			Calls, Errors int64
		}
	}
	if err := json.Unmarshal([]byte(body), &g); err != nil {
		return nil, err
	}
	table := tableOf{}
	for _, e := range g.Edges {
		table[e.From+" "+e.To] = [2]int64{e.Calls, e.Errors}
	}
	return table, nil
}

// wantEdges waits until the graph is exactly want.
func (p *process) wantEdges(want tableOf) {
	p.t.Helper()
	p.eventually("the exact table", func() error {
		got, err := p.edges()
		if err == nil && !maps.Equal(got, want) {
			err = fmt.Errorf("\n got %v\nwant %v", got, want)
		}
		return err
	})
}

// A server killed at a random moment under load has lost nothing that it
// acknowledged and counts nothing twice, whatever senders send again: after each
// of many deaths the edge table is exactly that of the calls that were made.
func TestCrash(t *testing.T) {
	cycles := crashCycles
	if n, err := strconv.Atoi(os.Getenv("CRASH_CYCLES")); err == nil {
		cycles = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	data := t.TempDir()
	var current atomic.Pointer[process]
	current.Store(serve(t, data, nil, "--settle", "1s", "--lanes", "3"))
	senders := make([]*sender, 4)
	for i := range senders {
		senders[i] = &sender{rand.New(rand.NewPCG(seed, uint64(i+1))), uint64(i+1) << 40, tableOf{}}
	}
	for range cycles {
		ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
		var wg sync.WaitGroup
		for _, s := range senders {
			bodies := s.requests(300)
			wg.Go(func() {
				if err := s.send(ctx, &current, bodies); err != nil {
					t.Errorf("send: %v", err)
				}
			})
		}
		time.Sleep(time.Duration(rng.IntN(600)) * time.Millisecond) // the moment is what is tried out
		old := current.Load()
		old.cmd.Process.Kill()
		<-old.ended
		current.Store(serve(t, data, old, "--settle", "1s", "--lanes", "3"))
		wg.Wait()
		cancel()
		want := tableOf{}
		for _, s := range senders {
			for edge, n := range s.table {
				w := want[edge]
				want[edge] = [2]int64{w[0] + n[0], w[1] + n[1]}
			}
		}
		current.Load().wantEdges(want)
		current.Load().accounted()
	}
	current.Load().stop()
}
