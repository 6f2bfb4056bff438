//go:build race

package infer

// raceDetector is set in builds with the race detector, which slows the engine
// some tenfold.
const raceDetector = true
