package graphviz

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// After arrange no two boxes overlap, however they lay, and the same boxes end
// at the same places.
func TestSpread(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		boxes := make([]box, 1+rng.IntN(200))
		for i := range boxes {
			boxes[i] = box{rng.NormFloat64(), rng.NormFloat64(), 0.3 + 2*rng.Float64(), 0.2 + 0.3*rng.Float64()}
			if seed%3 == 0 {
				boxes[i].x, boxes[i].y = 0, 0 // all in one place
			}
		}
		parts := make([]int, len(boxes))
		for i := range parts {
			parts[i] = i % (1 + int(seed%4))
		}
		again := slices.Clone(boxes)
		arrange(boxes, parts)
		for i, a := range boxes {
			for j, b := range boxes[:i] {
				if math.Abs(a.x-b.x) < (a.width+b.width)/2-2*enough && math.Abs(a.y-b.y) < (a.height+b.height)/2-2*enough {
					t.Fatalf("seed %d: boxes %d and %d of %d overlap: %+v %+v", seed, i, j, len(boxes), a, b)
				}
			}
		}
		if arrange(again, parts); !slices.Equal(boxes, again) {
			t.Fatalf("seed %d: two runs differ", seed)
		}
	}
}

// A drawing that has room keeps its shape.
func TestSpreadLeavesRoomyDrawings(t *testing.T) {
	boxes := []box{{0, 0, 1, 0.3}, {10, 0, 1, 0.3}, {0, 10, 1, 0.3}}
	want := slices.Clone(boxes)
	spread(boxes)
	for i, b := range boxes {
		if b.x != want[i].x || b.y != want[i].y {
			t.Errorf("moved %+v to %+v", want[i], b)
		}
	}
}

func TestSpreadManyBoxes(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	boxes := make([]box, 5000)
	for i := range boxes {
		boxes[i] = box{rng.NormFloat64(), rng.NormFloat64(), 1.5, 0.3}
	}
	begin := time.Now()
	spread(boxes)
	t.Logf("5,000 boxes in %v", time.Since(begin).Round(time.Millisecond))
}
