package boltstore

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"graphctl/graph"
)

// The parts of a window follow each other from bound to bound, are aligned to
// their levels, and use no level that is not kept.
func TestPartsCoverTheWindow(t *testing.T) {
	now := graph.InstantOf(time.Date(2026, 3, 1, 12, 34, 56, 0, time.UTC))
	k := kept{
		fine:   (now - graph.Instant(6*time.Hour)).Floor(graph.Coarse),
		medium: (now - graph.Instant(72*time.Hour)).Floor(graph.Coarse),
		coarse: (now - graph.Instant(9600*time.Hour)).Floor(graph.Coarse),
	}
	first, last := now-graph.Instant(9000*time.Hour), now.Ceil(graph.Fine)
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		end := now - graph.Instant(rng.ExpFloat64()*float64(10*time.Hour))
		q := graph.Query{From: end - graph.Instant(rng.ExpFloat64()*float64(5*time.Hour)), To: end}
		from, to, parts := k.window(q, first, last)
		if from > q.From || to < q.To || q.From-from >= graph.Instant(k.finest(q.From).width) {
			t.Fatalf("seed %d: %v..%v widened to %v..%v", seed, q.From, q.To, from, to)
		}
		at := from
		for _, p := range parts {
			if p.from != at || p.from != p.from.Floor(p.width) || p.to != p.to.Floor(p.width) {
				t.Fatalf("seed %d: part %v..%v of %v after %v", seed, p.from, p.to, p.width, at)
			}
			if p.width == graph.Fine && p.from < k.fine || p.width == graph.Medium && p.from < k.medium {
				t.Fatalf("seed %d: part %v..%v of %v is not kept", seed, p.from, p.to, p.width)
			}
			at = p.to
		}
		if at != to {
			t.Fatalf("seed %d: parts end at %v, the window at %v", seed, at, to)
		}
	}
}

// A window without end costs what is kept, not what is asked for.
func TestEndlessWindow(t *testing.T) {
	now := graph.InstantOf(time.Date(2026, 3, 1, 12, 34, 50, 0, time.UTC))
	k := kept{fine: math.MinInt64, medium: math.MinInt64, coarse: math.MinInt64}
	_, _, parts := k.window(graph.Query{From: math.MinInt64, To: math.MaxInt64}, now, now+graph.Instant(graph.Fine))
	if len(parts) != 1 || parts[0].width != graph.Coarse || parts[0].to-parts[0].from != graph.Instant(graph.Coarse) {
		t.Errorf("parts %v, want the one hour that holds anything", parts)
	}
}
