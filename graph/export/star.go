package export

import "math"

// A place is a point of a drawing, in inches.
type place struct{ x, y float64 }

// Room that a node of a star takes with its label, in inches.
const starWidth, starHeight = 1.9, 0.34

// starSteps is how many points of the circle starPlaces looks at.
const starSteps = 1 << 14

// starPlaces puts n nodes on a circle, in their order, clockwise from the top.
// They do not lie at equal angles: names are wide and low, so that where the
// circle is steep they can follow each other closely, and at the top and bottom
// they cannot. The circle is as small as lets no two names overlap.
func starPlaces(n int) []place {
	if n == 0 {
		return nil
	}
	// room[i] is how many nodes fit on the first i steps of a circle of radius 1.
	room := make([]float64, starSteps+1)
	step := 2 * math.Pi / starSteps
	for i := range starSteps {
		a := (float64(i) + 0.5) * step
		room[i+1] = room[i] + step*max(math.Abs(math.Cos(a))/starWidth, math.Abs(math.Sin(a))/starHeight)
	}
	radius := max(float64(n)/room[starSteps], starWidth)
	places := make([]place, n)
	at := 0
	for k := range places {
		for room[at]*float64(n) < float64(k)*room[starSteps] {
			at++
		}
		a := float64(at) * step
		places[k] = place{radius * math.Sin(a), radius * math.Cos(a)}
	}
	return places
}
