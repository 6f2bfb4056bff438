package star

import (
	"cmp"
	"math"
	"slices"
)

// The layout of docs/star-layout.md, which says what each step does and why.
// ui/src/layout/star.ts is the other implementation; shared golden files hold
// both to the same places. Products that are added to something stand in
// float64(): a processor that rounds once for both would come to other places.

const (
	tau = 2 * math.Pi
	// outer is the outer radius of the band of arcs, and band its thickness, in
	// the units of the layout.
	outer = 500.0
	band  = 4.0
	// smallFleet is how many services stand in one row with all their names.
	smallFleet = 60

	rawInner   = 400.0 // radius of the innermost row before scaling
	rawDepth   = 96.0  // what all rows together may take of it
	maxRows    = 255
	gateSpan   = 0.5
	golden     = 0.6180339887 // share of a step by which rows are shifted
	unitLength = 1 << 20
	minLength  = unitLength >> 10
	keyCount   = 1 << 16
	gateSlack  = 1e-9
)

// A spot is where a service stands.
type spot struct {
	x, y, angle float64
	row         int
	gate        int     // into layout.gates
	room        float64 // the largest radius that keeps off the neighbours
}

// A gate is where chords of neighbouring services gather.
type gate struct {
	angle, trunk float64
	group        int
}

// An arc is the place of a group.
type arc struct{ middle, span float64 }

func (a arc) start() float64 { return a.middle - float64(a.span/2) }
func (a arc) end() float64   { return a.middle + float64(a.span/2) }

type layout struct {
	spots []spot // in step with the services
	arcs  []arc  // in step with the groups
	gates []gate
	inner float64 // radius of the innermost row
}

// layOut places every service.
func layOut(f *fleet) *layout {
	l := &layout{spots: make([]spot, len(f.services)), arcs: placeArcs(f)}
	if len(f.services) <= smallFleet {
		l.placeSmall(f)
	} else {
		l.placeRows(f)
	}
	l.placeGates(f)
	return l
}

// gapsOf returns the gap after each group.
func gapsOf(f *fleet) []float64 {
	near, far := 0.012, 0.026
	if len(f.services) <= smallFleet {
		near, far = 0.035, 0.035
	}
	gaps := make([]float64, len(f.groups))
	total := 0.0
	for i := range gaps {
		gaps[i] = near
		if f.groups[i].parent != f.groups[(i+1)%len(f.groups)].parent {
			gaps[i] += far
		}
		if len(gaps) == 1 {
			gaps[i] = 0.03
		}
		total += gaps[i]
	}
	if most := tau * 0.2; total > most {
		for i := range gaps {
			gaps[i] = float64(gaps[i]*most) / total
		}
	}
	return gaps
}

// placeArcs places the arcs clockwise from twelve o'clock: the middle of the
// first, or of a large fleet its start.
func placeArcs(f *fleet) []arc {
	gaps := gapsOf(f)
	used := 0.0
	for _, gap := range gaps {
		used += gap
	}
	free := tau - used
	small := len(f.services) <= smallFleet
	weights := make([]float64, len(f.groups))
	total := 0.0
	for i := range weights {
		n := float64(f.groups[i].count)
		weights[i] = n + 0.35
		if !small {
			weights[i] = float64(math.Floor(float64(math.Pow(n, 0.8)*1024)+0.5)/1024) + 1.5
		}
		total += weights[i]
	}
	at := -math.Pi / 2
	if small && len(weights) > 1 {
		at -= float64(float64(weights[0]/total*free) * 0.5)
	}
	arcs := make([]arc, len(weights))
	for i := range arcs {
		span := float64(weights[i] / total * free)
		arcs[i] = arc{middle: at + float64(span/2), span: span}
		at += span + gaps[i]
	}
	return arcs
}

// A spacing is the distance between neighbours of a row, and between rows.
type spacing struct{ step, pitch float64 }

func (s spacing) radius(row int) float64 {
	if row == 0 {
		return rawInner
	}
	return rawInner + float64(s.pitch*(float64(row)+0.45))
}

func (s spacing) rowStep(row int) float64 {
	switch row {
	case 0:
		return s.step * 1.75
	case 1:
		return s.step * 1.2
	}
	return s.step
}

// free is the angle that a row of an arc may use.
func (s spacing) free(row int, span float64) float64 {
	return max(0, span-float64(s.step*0.6)/s.radius(row))
}

func (s spacing) capacity(row int, span float64) int {
	return max(1, int(math.Floor(float64(s.free(row, span)*s.radius(row))/s.rowStep(row))))
}

func (s spacing) rows(count int, span float64) int {
	row := 0
	for left := count; left > 0 && row < maxRows; row++ {
		left -= s.capacity(row, span)
	}
	return row
}

// fitSpacing returns the widest spacing with which every group fits into the
// depth, and the number of rows then.
func fitSpacing(f *fleet, arcs []arc) (spacing, int) {
	at := func(step float64) spacing { return spacing{step, step * 1.15} }
	deepest := func(s spacing) int {
		most := 1
		for i := range arcs {
			most = max(most, s.rows(f.groups[i].count, arcs[i].span))
		}
		return most
	}
	low, high := 0.05, 22.0
	for range 24 {
		middle := (low + high) / 2
		if s := at(middle); s.radius(deepest(s)-1)-rawInner <= rawDepth {
			low = middle
		} else {
			high = middle
		}
	}
	s := at(low)
	return s, deepest(s)
}

// A whole is a direction, or a sum of directions, as whole numbers.
type whole struct{ x, y int64 }

func unitAt(angle float64) whole {
	round := func(v float64) int64 { return int64(math.Floor(float64(v*unitLength) + 0.5)) }
	return whole{round(math.Cos(angle)), round(math.Sin(angle))}
}

func (w *whole) add(o whole) { w.x, w.y = w.x+o.x, w.y+o.y }

// direction is the angle of a sum, or otherwise where its parts cancel out.
func (w whole) direction(otherwise float64) float64 {
	if max(w.x, -w.x, w.y, -w.y) < minLength {
		return otherwise
	}
	return math.Atan2(float64(w.y), float64(w.x))
}

// neighbourKeys says for each service where its neighbours of other groups
// lie, seen from its own: row 0 sorted by it has fewer chords that cross.
func neighbourKeys(f *fleet, arcs []arc) []int {
	units := make([]whole, len(arcs))
	for i := range arcs {
		units[i] = unitAt(arcs[i].middle)
	}
	sums := make([]whole, len(f.services))
	for _, c := range f.calls {
		a, b := f.services[c.from].group, f.services[c.to].group
		if a == b {
			continue
		}
		sums[c.from].add(units[b])
		sums[c.to].add(units[a])
	}
	keys := make([]int, len(sums))
	for i := range keys {
		middle := arcs[f.services[i].group].middle
		turn := positive(sums[i].direction(middle+math.Pi)-middle) / tau
		keys[i] = int(math.Floor(float64(turn*keyCount)+0.5)) % keyCount
	}
	return keys
}

// members lists the services of each group, sorted by compare.
func members(f *fleet, compare func(a, b int) int) [][]int {
	lists := make([][]int, len(f.groups))
	for i := range f.services {
		g := f.services[i].group
		lists[g] = append(lists[g], i)
	}
	for _, list := range lists {
		slices.SortFunc(list, compare)
	}
	return lists
}

func (l *layout) put(i int, angle, radius float64, row int, room float64) {
	l.spots[i] = spot{x: math.Cos(angle) * radius, y: math.Sin(angle) * radius, angle: angle, row: row, room: room}
}

// placeSmall puts all services into one row, in the order that orderSmall finds.
func (l *layout) placeSmall(f *fleet) {
	lists := members(f, cmp.Compare[int])
	at := func(g, i int) float64 {
		return l.arcs[g].middle + float64(((float64(i)+0.5)/float64(len(lists[g]))-0.5)*l.arcs[g].span)
	}
	orderSmall(lists, at, f.calls, len(f.services))
	l.inner = outer - band - 30
	room := min(26, tau*l.inner*0.42/max(1, float64(len(f.services))))
	for g, list := range lists {
		for i, s := range list {
			l.put(s, at(g, i), l.inner, 0, room)
		}
	}
}

// placeRows puts the services into concentric rows, the busiest innermost.
func (l *layout) placeRows(f *fleet) {
	s, rows := fitSpacing(f, l.arcs)
	scale := (outer - band - 7) / (s.radius(rows-1) + float64(s.pitch*0.5))
	keys := neighbourKeys(f, l.arcs)
	lists := members(f, func(a, b int) int {
		return cmp.Or(cmp.Compare(f.services[b].bucket, f.services[a].bucket), cmp.Compare(a, b))
	})
	for g, list := range lists {
		for row := 0; len(list) > 0; row++ {
			capacity := len(list)
			if row < maxRows {
				capacity = s.capacity(row, l.arcs[g].span)
			}
			n := min(capacity, len(list))
			chunk := list[:n]
			if row == 0 {
				slices.SortFunc(chunk, func(a, b int) int { return cmp.Or(cmp.Compare(keys[b], keys[a]), cmp.Compare(a, b)) })
			}
			l.placeRow(chunk, l.arcs[g], row, n == capacity, s, scale)
			list = list[n:]
		}
	}
	l.inner = rawInner * scale
}

// placeRow spreads a full row over the arc and puts a part of one in its middle.
func (l *layout) placeRow(chunk []int, a arc, row int, full bool, s spacing, scale float64) {
	radius, free, n := s.radius(row), s.free(row, a.span), float64(len(chunk))
	stride, shift := free/n, 0.0
	if full {
		turns := float64(float64(row) * golden)
		shift = turns - math.Floor(turns) - 0.5
	} else {
		stride = min(stride, float64(s.rowStep(row)*1.05)/radius)
	}
	depth := s.pitch
	if row == 0 {
		depth = s.rowStep(0)
	}
	room := min(float64(stride*radius), depth) * 0.5 * scale
	for i, service := range chunk {
		angle := a.middle + float64((float64(i)-float64((n-1)/2)+float64(shift*0.9))*stride)
		l.put(service, angle, float64(radius*scale), min(row, maxRows), room)
	}
}

// placeGates divides wide arcs into gates and tells each service its own.
func (l *layout) placeGates(f *fleet) {
	sums := make([]whole, len(f.groups)) // by number of parent
	for i := range l.arcs {
		sums[f.groups[i].parent].add(unitAt(l.arcs[i].middle))
	}
	first, count := make([]int, len(l.arcs)), make([]int, len(l.arcs))
	for g, a := range l.arcs {
		first[g] = len(l.gates)
		count[g] = max(1, int(math.Ceil(a.span/gateSpan-0.4)))
		n := float64(count[g])
		for k := range count[g] {
			at := gate{angle: a.middle + float64(((float64(k)+0.5)/n-0.5)*a.span), group: g}
			at.trunk = at.angle
			if count[g] == 1 {
				at.trunk = sums[f.groups[g].parent].direction(a.middle)
			}
			l.gates = append(l.gates, at)
		}
	}
	for i := range l.spots {
		g := f.services[i].group
		part := (l.spots[i].angle-l.arcs[g].middle)/max(1e-6, l.arcs[g].span) + 0.5
		k := int(math.Floor(float64(part*float64(count[g])) + gateSlack))
		l.spots[i].gate = first[g] + min(count[g]-1, max(0, k))
	}
}

// wrap returns the same direction in (−π, π].
func wrap(angle float64) float64 {
	a := math.Mod(angle, tau)
	if a > math.Pi {
		a -= tau
	}
	if a <= -math.Pi {
		a += tau
	}
	return a
}

// positive returns the same direction in [0, 2π).
func positive(angle float64) float64 {
	a := math.Mod(angle, tau)
	if a < 0 {
		a += tau
	}
	return a
}
