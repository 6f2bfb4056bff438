package star

import "math"

const (
	maxPasses = 8
	// maxCrossingCalls is up to how many calls crossings are counted, pair by
	// pair; beyond, only lengths count.
	maxCrossingCalls = 160
	crossingCost     = 0.35
	minGain          = 1e-9
)

// An orderer improves the order of a small star.
type orderer struct {
	angle    []float64 // of each service
	calls    []call
	incident [][]int // of each service its calls
	touched  []bool  // of each call, used within cost
}

// orderSmall exchanges two services of a group wherever that makes chords
// shorter or lets fewer cross, until nothing is gained or for maxPasses. at
// says where the place of a group lies. The lists are changed in place.
func orderSmall(lists [][]int, at func(group, place int) float64, calls []call, services int) {
	o := orderer{
		angle: make([]float64, services), calls: calls,
		incident: make([][]int, services), touched: make([]bool, len(calls)),
	}
	for g, list := range lists {
		for i, s := range list {
			o.angle[s] = at(g, i)
		}
	}
	for i, c := range calls {
		o.incident[c.from] = append(o.incident[c.from], i)
		if c.to != c.from {
			o.incident[c.to] = append(o.incident[c.to], i)
		}
	}
	for pass, better := 0, true; better && pass < maxPasses; pass++ {
		better = false
		for _, list := range lists {
			for i := range list {
				for j := i + 1; j < len(list); j++ {
					better = o.exchange(list, i, j) || better
				}
			}
		}
	}
}

// exchange swaps two services of a list if that lowers the cost.
func (o *orderer) exchange(list []int, i, j int) bool {
	a, b := list[i], list[j]
	before := o.cost(a, b)
	o.angle[a], o.angle[b] = o.angle[b], o.angle[a]
	if o.cost(a, b) < before-minGain {
		list[i], list[j] = b, a
		return true
	}
	o.angle[a], o.angle[b] = o.angle[b], o.angle[a]
	return false
}

// cost is the part of the whole cost that depends on where a and b stand: the
// lengths of their calls, and each pair of crossing calls of which one is theirs.
func (o *orderer) cost(a, b int) float64 {
	own := append(append([]int(nil), o.incident[a]...), o.incident[b]...)
	total := 0.0
	for _, i := range own {
		if o.touched[i] {
			continue
		}
		o.touched[i] = true
		c := o.calls[i]
		total += math.Abs(wrap(o.angle[c.from] - o.angle[c.to]))
		if len(o.calls) > maxCrossingCalls {
			continue
		}
		for j := range o.calls {
			if !o.touched[j] && o.crosses(c, o.calls[j]) {
				total += crossingCost
			}
		}
	}
	for _, i := range own {
		o.touched[i] = false
	}
	return total
}

// crosses reports whether the ends of two calls alternate around the circle.
func (o *orderer) crosses(c, d call) bool {
	a, b, p, q := o.angle[c.from], o.angle[c.to], o.angle[d.from], o.angle[d.to]
	if p == a || p == b || q == a || q == b {
		return false
	}
	low, high := min(a, b), max(a, b)
	return (p > low && p < high) != (q > low && q < high)
}
