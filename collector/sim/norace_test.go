//go:build !race

package sim

const (
	defaultSeeds  = 1000
	operationStep = 5
)
