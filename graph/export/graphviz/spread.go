package graphviz

import (
	"cmp"
	"math"
	"slices"
)

// A box is a node's place, by its centre, and its size, in inches.
type box struct{ x, y, width, height float64 }

const (
	// gap is left between boxes, in inches: wideGap among so few that the
	// lines between them can be seen one by one.
	gap, wideGap = 0.08, 0.45
	// roominess is how many times the area of all boxes a drawing has at least:
	// the rest is for the lines.
	roominess = 3.5
	// spreadRounds bounds the work; a drawing of 2,000 boxes takes some fifty.
	spreadRounds = 400
	// growth is by how much a drawing grows in a round that found overlaps, so
	// that a crowd has somewhere to go.
	growth = 1.01
)

// spread moves boxes so that no two overlap, and otherwise as little as it can:
// the drawing is scaled until there is room for all, then boxes that overlap
// push each other apart. Boxes grow by the gap between them. Products are converted before they are added, which
// keeps compilers from fusing the two: all machines get the same places.
func spread(boxes []box) {
	margin := gap
	if len(boxes) <= DotNodes {
		margin = wideGap
	}
	for i := range boxes {
		boxes[i].width += margin
		boxes[i].height += margin
	}
	scaleToRoom(boxes)
	order := make([]int, len(boxes))
	for i := range order {
		order[i] = i
	}
	for range spreadRounds {
		slices.SortFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(boxes[a].y, boxes[b].y), cmp.Compare(a, b))
		})
		if !pushApart(boxes, order) {
			return
		}
		for i := range boxes {
			boxes[i].x *= growth
			boxes[i].y *= growth
		}
	}
}

// scaleToRoom enlarges a drawing that is too small for its boxes.
func scaleToRoom(boxes []box) {
	if len(boxes) < 2 {
		return
	}
	need, low, high := 0.0, boxes[0], boxes[0]
	for _, b := range boxes {
		need += float64(b.width * b.height)
		low.x, low.y = min(low.x, b.x), min(low.y, b.y)
		high.x, high.y = max(high.x, b.x), max(high.y, b.y)
	}
	area := max(high.x-low.x, 0.1) * max(high.y-low.y, 0.1)
	factor := max(1, math.Sqrt(roominess*need/area))
	for i := range boxes {
		boxes[i].x *= factor
		boxes[i].y *= factor
	}
}

// pushApart moves each pair of boxes that overlap, half the way each, in the
// direction in which less is needed. order lists the boxes from the lowest up.
// It reports whether there was such a pair.
func pushApart(boxes []box, order []int) (moved bool) {
	tallest := 0.0
	for _, b := range boxes {
		tallest = max(tallest, b.height)
	}
	for i, first := range order {
		for _, second := range order[i+1:] {
			a, b := &boxes[first], &boxes[second]
			if b.y-a.y > a.height/2+tallest/2 {
				break // in this order; pairs that a push brought together meet in the next round
			}
			overX := (a.width+b.width)/2 - math.Abs(b.x-a.x)
			overY := (a.height+b.height)/2 - math.Abs(b.y-a.y)
			const enough = 1e-6
			switch {
			case overX <= enough || overY <= enough:
				continue
			case overY <= overX:
				a.y, b.y = part(a.y, b.y, overY)
			default:
				a.x, b.x = part(a.x, b.x, overX)
			}
			moved = true
		}
	}
	return moved
}

// part moves a and b away from each other, by over in all. Of equals the first
// goes down.
func part(a, b, over float64) (float64, float64) {
	if a <= b {
		return a - over/2, b + over/2
	}
	return a + over/2, b - over/2
}
