package lane

import "time"

const (
	// defaultMaxQueued is some 100 ms of spans at full speed and 26 MB.
	defaultMaxQueued = 1 << 18

	// defaultMaxBytes leaves room for links: a span may carry
	// collector.MaxLinks of them, 24 kB, so that a bound in spans alone would
	// bound nothing.
	defaultMaxBytes = 64 << 20

	// spanBytes and linkBytes are what a queued span and a queued link take.
	spanBytes, linkBytes = 104, 24

	// retryAfter is what a refused sender is told: a tick, rounded up to the
	// second that HTTP can say.
	retryAfter = time.Second

	// MaxLanes is more than a machine has cores for: each core spends about as
	// long on receiving a span as on inference.
	MaxLanes = 64

	// defaultMaxSpans are in memory in all lanes together.
	defaultMaxSpans = 1_000_000

	// filterBytes of all lanes together say whether a trace is on disk: 12 bits
	// a trace, so an hour of 90,000 traces a minute.
	filterBytes = 64 << 20

	// syncEvery is how much of what was acknowledged a power cut may cost,
	// unless each batch is synced.
	syncEvery = time.Second

	// checkpointEvery bounds what a start has to replay.
	checkpointEvery = time.Minute

	// checkpointLog is how much log makes a checkpoint due before its time:
	// some 4 million spans, which take 3 s to replay.
	checkpointLog = 96 << 20

	// idleTick is how often a lane without work ticks, so that what is beyond
	// the horizon leaves the disk.
	idleTick = time.Minute

	// replayChunk is how many spans a replay hands to the lanes at once.
	replayChunk = 1 << 16

	// progressEvery is how often a checkpoint looks whether the store holds it.
	progressEvery = 200 * time.Millisecond

	// takeOverWait bounds how long the lanes rest for a new log.
	takeOverWait = 5 * time.Second

	// cutShare is the part of the archived time that one cut gives up.
	cutShare = 8
)
