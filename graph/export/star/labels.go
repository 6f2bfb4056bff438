package star

import (
	"cmp"
	"math"
	"slices"
)

// A box is a rectangle of the picture.
type box struct{ x, y, w, h float64 }

func (a box) overlaps(b box, margin float64) bool {
	return a.x < b.x+b.w+margin && b.x < a.x+a.w+margin && a.y < b.y+b.h+margin && b.y < a.y+a.h+margin
}

// A frame is the room for names around the star.
type frame struct {
	width, height float64
	centre        point
	radius        float64 // where leaders start
	top, bottom   float64 // kept free
}

// An anchor is a label that wants to stand near an angle of the ring.
type anchor struct {
	ref           int
	angle         float64
	width, height float64
	weight        float64 // when not all fit, the heaviest stay
}

// A label is an anchor with its place.
type label struct {
	ref    int
	right  bool    // right of the star: text runs to the right from at
	at     point   // where text begins, or on the left ends; the middle of its height
	leader []point // from the arc to the text
}

type labelItem struct {
	anchor
	wanted, y float64
}

// placeLabels puts labels left and right of the star so that none overlaps
// another. What does not fit is left out, the lightest first.
func placeLabels(anchors []anchor, f frame) []label {
	var out []label
	for _, right := range [...]bool{false, true} {
		var items []labelItem
		for _, a := range anchors {
			if math.Cos(a.angle) >= 0 == right {
				items = append(items, labelItem{anchor: a, wanted: f.centre.y + float64(math.Sin(a.angle)*(f.radius+28))})
			}
		}
		slices.SortStableFunc(items, func(a, b labelItem) int {
			return cmp.Or(cmp.Compare(a.wanted, b.wanted), cmp.Compare(a.ref, b.ref))
		})
		items = fitting(items, f.height-f.top-f.bottom)
		separate(items, f.top, f.height-f.bottom)
		for i := range items {
			out = append(out, f.label(&items[i], right))
		}
	}
	return out
}

// fitting keeps the heaviest items that together take no more than the space.
func fitting(items []labelItem, space float64) []labelItem {
	order := sortedBy(len(items), func(a, b int) int {
		return cmp.Or(cmp.Compare(items[b].weight, items[a].weight), cmp.Compare(items[a].ref, items[b].ref))
	})
	keep := make([]bool, len(items))
	used := 0.0
	for _, i := range order {
		if used+items[i].height <= space {
			used += items[i].height
			keep[i] = true
		}
	}
	var kept []labelItem
	for i := range items {
		if keep[i] {
			kept = append(kept, items[i])
		}
	}
	return kept
}

const (
	relaxPasses = 40
	relaxedPx   = 0.25
)

// separate pushes items apart within [low, high], then lets each move to where
// it wants to be as far as its neighbours leave room. They are sorted and fit.
func separate(items []labelItem, low, high float64) {
	edge := low
	for i := range items {
		it := &items[i]
		it.y = max(it.wanted, edge+float64(it.height/2))
		edge = it.y + float64(it.height/2)
	}
	edge = high
	for i := len(items) - 1; i >= 0; i-- {
		it := &items[i]
		if it.y+float64(it.height/2) <= edge {
			break
		}
		it.y = edge - float64(it.height/2)
		edge = it.y - float64(it.height/2)
	}
	for range relaxPasses {
		moved := 0.0
		for i := range items {
			it := &items[i]
			above, below := low, high
			if i > 0 {
				above = items[i-1].y + float64(items[i-1].height/2)
			}
			if i < len(items)-1 {
				below = items[i+1].y - float64(items[i+1].height/2)
			}
			y := min(max(it.wanted, above+float64(it.height/2)), below-float64(it.height/2))
			moved = max(moved, math.Abs(y-it.y))
			it.y = y
		}
		if moved < relaxedPx {
			return
		}
	}
}

func (f *frame) label(it *labelItem, right bool) label {
	c, s := math.Cos(it.angle), math.Sin(it.angle)
	rim := f.radius + 30
	dy := min(math.Abs(it.y-f.centre.y), rim)
	reach := max(math.Sqrt(float64(rim*rim)-float64(dy*dy)), math.Abs(c)*(rim-6), 48)
	side, room := 1.0, f.width-f.centre.x
	if !right {
		side, room = -1, f.centre.x
	}
	x1 := f.centre.x + float64(side*max(40, min(reach, room-it.width-20)))
	x2 := x1 + float64(side*8)
	on := func(radius float64) point {
		return point{f.centre.x + float64(c*radius), f.centre.y + float64(s*radius)}
	}
	return label{
		ref: it.ref, right: right, at: point{x2 + float64(side*6), it.y},
		leader: []point{on(f.radius), on(f.radius + 9), {x1, it.y}, {x2, it.y}},
	}
}

// A pillAnchor is a name that wants to stand beside its service.
type pillAnchor struct {
	ref           int
	at            point // the service
	radius        float64
	width, height float64
}

// A pillPlace is where a name stands, and where its leader leaves the service.
type pillPlace struct {
	box
	ref  int
	from point
}

// placePills puts names beside services, towards the centre of the star, in
// the given order; one that finds no free place is left out.
func placePills(anchors []pillAnchor, f frame, most int, blocked []box) []pillPlace {
	var out []pillPlace
	taken := slices.Clone(blocked)
	for _, a := range anchors {
		if len(out) >= most {
			break
		}
		dx, dy := f.centre.x-a.at.x, f.centre.y-a.at.y
		length := max(1, math.Sqrt(float64(dx*dx)+float64(dy*dy)))
		ux, uy := dx/length, dy/length
		for _, distance := range [...]float64{26, 44, 66} {
			away := distance + a.radius
			b := box{w: a.width, h: a.height}
			b.x = a.at.x + float64(ux*(away+float64(a.width*0.5))) - float64(a.width/2)
			b.y = a.at.y + float64(uy*(away+float64(a.height*0.5))) - float64(a.height/2)
			inside := b.x >= 2 && b.y >= 2 && b.x+b.w <= f.width-2 && b.y+b.h <= f.height-2
			if !inside || slices.ContainsFunc(taken, func(o box) bool { return o.overlaps(b, 4) }) {
				continue
			}
			taken = append(taken, b)
			from := point{a.at.x + float64(ux*a.radius), a.at.y + float64(uy*a.radius)}
			out = append(out, pillPlace{box: b, ref: a.ref, from: from})
			break
		}
	}
	return out
}
