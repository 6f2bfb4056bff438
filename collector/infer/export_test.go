package infer

// RaceDetector is set in builds with the race detector.
const RaceDetector = raceDetector

// PackAtOnce packs traces as soon as they show all they have to show.
func (e *Engine) PackAtOnce() { e.quiet = 0 }
