//go:build race

package sim

// With the race detector a run takes several times as long.
const (
	defaultSeeds  = 100
	operationStep = 29
)
