package infer_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/graph"
)

// Every trace has one lane, and lanes get equal shares whichever bits of an id
// are random.
func TestLaneOf(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 0))
	for _, ids := range []struct {
		name string
		next func(i int) uint64
	}{
		{"random", func(int) uint64 { return rng.Uint64() }},
		{"counted", func(i int) uint64 { return uint64(i) }},
		{"high bits", func(i int) uint64 { return uint64(i) << 48 }},
		{"steps of 64", func(i int) uint64 { return uint64(i) * 64 }},
	} {
		for _, lanes := range []int{0, 1, 2, 3, 7, 16} {
			const n = 16_000
			count := make([]int, max(lanes, 1))
			for i := range n {
				low := ids.next(i)
				lane := infer.LaneOf(low, lanes)
				if lane != infer.LaneOf(low, lanes) {
					t.Fatalf("%s: trace %x has two lanes", ids.name, low)
				}
				count[lane]++
			}
			for lane, got := range count {
				if want := n / len(count); got < want*8/10 || got > want*12/10 {
					t.Errorf("%s: %d traces in lane %d of %d, want some %d", ids.name, got, lane, lanes, want)
				}
			}
		}
	}
}

// deltas plays the steps and returns what was emitted each tick.
func deltas(r *replay, steps []step) (all []*graph.Delta, err error) {
	r.emitted = func(d *graph.Delta) { all = append(all, d) }
	err = r.play(steps)
	r.settle()
	return all, err
}

// compareTicks reports the first tick in which two runs emitted something else,
// if turns is false but for what waits for its turn.
func compareTicks(got, want []*graph.Delta, turns bool) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d ticks, want %d", len(got), len(want))
	}
	all := func(k graph.Key) (graph.Key, bool) { return k, true }
	part := func(k graph.Key) (graph.Key, bool) {
		of := k.Subject.Of()
		return k, turns || of != graph.OfOperation && of != graph.OfRule
	}
	var sum, wantSum graph.Delta
	for i := range got {
		if g, w := cells(got[i], part), cells(want[i], part); !slices.Equal(g, w) {
			return fmt.Sprintf("tick %d:\n%s", i, table(g, w))
		}
		sum.Merge(got[i])
		wantSum.Merge(want[i])
	}
	if !sum.Equal(&wantSum) {
		return "all ticks:\n" + table(cells(&sum, all), cells(&wantSum, all))
	}
	return ""
}

// Many lanes emit together what one emits alone, in each tick; counts by the
// hour, which wait for their turns, in the end.
func TestLanesEmitWhatOneEmits(t *testing.T) {
	for seed := range testSeeds(200) {
		steps := randomSteps(rand.New(rand.NewPCG(seed, 2)))
		want, err := deltas(setup{lanes: 1}.start(steps), steps)
		if err != nil {
			t.Fatal(err)
		}
		for _, lanes := range []int{2, 3, 7} {
			got, err := deltas(setup{lanes: lanes}.start(steps), steps)
			if err != nil {
				t.Fatal(err)
			}
			if d := compareTicks(got, want, false); d != "" {
				t.Fatalf("seed %d, %d lanes, %s", seed, lanes, d)
			}
		}
	}
}

// Engines loaded from a state and given the same again emit the same again, tick
// by tick: what they emit is a function of what they are given.
func TestReplayRepeats(t *testing.T) {
	for seed := range testSeeds(200) {
		steps, o := randomSteps(rand.New(rand.NewPCG(seed, 3))), randomSetup(rand.New(rand.NewPCG(seed, 4)))
		n := len(steps) / 2
		first := o.start(steps)
		if err := first.play(steps[:n]); err != nil {
			t.Fatal(err)
		}
		again := o.start(steps)
		again.now = first.now
		again.copyArchives(first)
		if err := again.load(first.state(), collector.NewSymbols()); err != nil {
			t.Fatal(err)
		}
		want, err := deltas(first, steps[n:])
		if err != nil {
			t.Fatal(err)
		}
		got, err := deltas(again, steps[n:])
		if err != nil {
			t.Fatal(err)
		}
		if d := compareTicks(got, want, true); d != "" {
			t.Fatalf("seed %d, %+v, %s", seed, o, d)
		}
	}
}

// Engines that do not belong together are not advanced.
func TestAdvanceAllWantsAllLanes(t *testing.T) {
	syms := collector.NewSymbols()
	e := infer.New(infer.Options{Lane: 1, Lanes: 2}, syms)
	defer func() {
		if recover() == nil {
			t.Error("lane 1 of 2 was advanced alone")
		}
	}()
	e.Advance(epoch)
}

// A state belongs to its lane.
func TestStateOfOtherLane(t *testing.T) {
	syms := collector.NewSymbols()
	state := slices.Concat(infer.New(infer.Options{Lane: 1, Lanes: 2}, syms).State()...)
	for _, o := range []infer.Options{{}, {Lane: 0, Lanes: 2}, {Lane: 1, Lanes: 3}} {
		if _, err := infer.LoadState(state, o, syms); err == nil {
			t.Errorf("lane 1 of 2 was loaded as lane %d of %d", o.Lane, o.Lanes)
		}
	}
	if _, err := infer.LoadState(state, infer.Options{Lane: 1, Lanes: 2}, syms); err != nil {
		t.Error(err)
	}
}

// A thousand batches that link to 128 messages each, in traces of other lanes,
// find them all: the cost of an exchange is linear in its links.
func TestManyLinksAcrossLanes(t *testing.T) {
	batches, links := 1000, 128
	if testing.Short() || infer.RaceDetector {
		batches = 200
	}
	r := newLanes(collector.NewSymbols(), 2, infer.Options{MaxSpans: -1})
	r.store = nil
	r.now = epoch
	web := r.syms.InternResource(collector.Resource{Name: "web"})
	job := r.syms.InternResource(collector.Resource{Name: "job"})
	n := 0
	span := func(trace int, kind collector.Kind, role collector.Role, resource collector.Sym) received {
		var s received
		s.Trace[13], s.Trace[14], s.Trace[15] = byte(trace>>16), byte(trace>>8), byte(trace)
		s.Trace[8], s.ID[0] = byte(kind), byte(kind)
		s.Start, s.End, s.Weight, s.Messages = epoch, epoch+1e6, collector.WeightOne, collector.NoCount
		s.Kind, s.Role, s.Resource = kind, role, resource
		return s
	}
	for b := range batches {
		batch := span(b, collector.KindConsumer, collector.Process, job)
		for range links {
			m := span(n, collector.KindProducer, collector.Publish, web)
			n++
			r.observe(m)
			batch.links = append(batch.links, collector.Link{Trace: m.Trace, ID: m.ID})
		}
		r.observe(batch)
	}
	r.advance(epoch + int64(infer.Tick))
	edges := 0
	for k, s := range r.sum.Cells() {
		sub := k.Subject.Value()
		if sub.Of != graph.OfEdge {
			continue
		}
		edges++
		if s.Calls != int64(n) {
			t.Errorf("%s > %s: %d messages, want %d", sub.From.Print(), sub.To.Print(), s.Calls, n)
		}
	}
	if edges != 1 {
		t.Errorf("%d edges, want one: without a destination messages go from service to service", edges)
	}
}
