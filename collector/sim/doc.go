// Package sim has no code of its own: its tests run the path of a span from the
// router to the store on a simulated clock and a simulated disk, kill it, cut
// its power, fill its disk, and compare what the store holds in the end with
// what one engine makes of the same spans.
//
// A run is, but for what the scheduler does, a function of its seed. A failing one is run again with
//
//	go test ./collector/sim -run TestSimulation -seed N -v
package sim
