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
	spreadRounds = 1000
	// growth is by how much a drawing grows in a round that found overlaps, so
	// that a crowd has somewhere to go.
	growth = 1.01
)

// arrange moves boxes so that no two overlap, and otherwise as little as it
// can. Boxes of one part belong together: parts are drawn apart from each
// other, the largest first, in rows. parts[i] is the part of box i, a number
// from 0 on.
func arrange(boxes []box, parts []int) {
	margin := gap
	if len(boxes) <= DotNodes {
		margin = wideGap
	}
	var members [][]int
	for i, part := range parts {
		for part >= len(members) {
			members = append(members, nil)
		}
		members[part] = append(members[part], i)
		boxes[i].width += margin
		boxes[i].height += margin
	}
	areas := make([]area, len(members))
	for part, list := range members {
		own := make([]box, len(list))
		for k, i := range list {
			own[k] = boxes[i]
		}
		spread(own)
		for k, i := range list {
			boxes[i] = own[k]
		}
		areas[part] = areaOf(own)
	}
	for part, at := range rows(areas) {
		for _, i := range members[part] {
			boxes[i].x += at.x - areas[part].left
			boxes[i].y += at.y - areas[part].top
		}
	}
}

// An area is the smallest rectangle that holds some boxes. The y of boxes grows
// upward.
type area struct{ left, top, width, height float64 }

func areaOf(boxes []box) area {
	left, right, bottom, top := math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)
	for _, b := range boxes {
		left, right = min(left, b.x-b.width/2), max(right, b.x+b.width/2)
		bottom, top = min(bottom, b.y-b.height/2), max(top, b.y+b.height/2)
	}
	return area{left, top, right - left, top - bottom}
}

// rows places areas beside and below each other and returns their left upper
// corners.
func rows(areas []area) []struct{ x, y float64 } {
	order := make([]int, len(areas))
	total, width := 0.0, 0.0
	for i, a := range areas {
		order[i] = i
		total += float64(a.width * a.height)
		width = max(width, a.width)
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(areas[b].height, areas[a].height), cmp.Compare(a, b))
	})
	width = max(width, 1.4*math.Sqrt(total))
	places := make([]struct{ x, y float64 }, len(areas))
	x, y, height := 0.0, 0.0, 0.0
	for _, i := range order {
		if x > 0 && x+areas[i].width > width {
			x, y, height = 0, y-height, 0
		}
		places[i].x, places[i].y = x, y
		x += areas[i].width
		height = max(height, areas[i].height)
	}
	return places
}

// spread moves the boxes of one part: the drawing is scaled until there is room
// for all, then boxes that overlap push each other apart. Products are
// converted before they are added, which keeps compilers from fusing the two:
// all machines get the same places.
func spread(boxes []box) {
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

// scaleToRoom enlarges a drawing that is too small for its boxes, to both
// sides by the shape of a box: names are wide and low.
func scaleToRoom(boxes []box) {
	if len(boxes) < 2 {
		return
	}
	need, widths, heights := 0.0, 0.0, 0.0
	low, high := boxes[0], boxes[0]
	for _, b := range boxes {
		need += float64(b.width * b.height)
		widths += b.width
		heights += b.height
		low.x, low.y = min(low.x, b.x), min(low.y, b.y)
		high.x, high.y = max(high.x, b.x), max(high.y, b.y)
	}
	room := max(high.x-low.x, 0.1) * max(high.y-low.y, 0.1)
	factor := math.Sqrt(roominess * need / room)
	if factor <= 1 {
		return
	}
	shape := math.Pow(widths/heights, 1.0/8) // a quarter of it: a drawing as wide as a name wastes room too
	for i := range boxes {
		boxes[i].x *= factor * shape
		boxes[i].y *= factor / shape
	}
}

// enough is an overlap that nobody sees, in inches.
const enough = 1e-6

// pushApart moves each pair of boxes that overlap, half the way each, along the
// line between their centres, so that the drawing keeps its shape. order lists
// the boxes from the lowest up. It reports whether there was such a pair.
func pushApart(boxes []box, order []int) (moved bool) {
	tallest := 0.0
	for _, b := range boxes {
		tallest = max(tallest, b.height)
	}
	for i, first := range order {
		for k, second := range order[i+1:] {
			a, b := &boxes[first], &boxes[second]
			if b.y-a.y > a.height/2+tallest/2 {
				break // in this order; pairs that a push brought together meet in the next round
			}
			width, height := (a.width+b.width)/2, (a.height+b.height)/2
			dx, dy := b.x-a.x, b.y-a.y
			if width-math.Abs(dx) <= enough || height-math.Abs(dy) <= enough {
				continue
			}
			if math.Abs(dx) < width/100 && math.Abs(dy) < height/100 {
				// In one place: part them in some direction, another for each pair.
				dx, dy = math.Cos(float64(first+k)), math.Sin(float64(first+k))
			}
			reach := min(width/math.Abs(dx), height/math.Abs(dy))
			moveX, moveY := (float64(reach*dx)-(b.x-a.x))/2, (float64(reach*dy)-(b.y-a.y))/2
			a.x, a.y = a.x-moveX, a.y-moveY
			b.x, b.y = b.x+moveX, b.y+moveY
			moved = true
		}
	}
	return moved
}
