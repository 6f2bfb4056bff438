package infer

// RaceDetector is set in builds with the race detector.
const RaceDetector = raceDetector
