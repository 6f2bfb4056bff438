package infer

import "time"

// Bounds of an Engine and why they are what they are. Each is counted when hit.
const (
	// Tick is how often a driver calls Advance: long enough that most traces
	// are complete when they are evaluated first, short enough for the screen.
	Tick = 500 * time.Millisecond

	defaultSettle = 5 * time.Second // longer than the batch delay of common SDKs
	// minQuiet is how long nothing may have come for a trace that is packed:
	// most of what comes at all has come by then, and to bring a trace back costs
	// as much as to evaluate it.
	minQuiet = 5 * time.Second

	defaultHorizon  = time.Hour
	defaultMaxSpans = 1_000_000 // some 100 bytes each, with the trace's own

	// maxTraceSpans bounds one trace: beyond it no trace is a request any more,
	// and evaluating it takes longer than a tick.
	maxTraceSpans = 1_000_000

	// spansATick is the size from which a trace waits longer than a tick
	// between evaluations: n spans wait n/spansATick ticks, so that a trace
	// which grows for an hour costs a share of its engine, some 2 %, and not its
	// square. One of a million is seen 16 s late at worst.
	spansATick = 32_768

	// besideLong: beside traces longer than spansATick this part of MaxSpans is
	// free for others, if need be on top.
	besideLong = 8

	// scanSpans is the size up to which ids are found by scanning a trace. It
	// is where a hash table begins to win.
	scanSpans = 24

	// maxCarriers bounds how many spans under one id are looked at, in the
	// order of rule I4. Two share an id by design (rule P2); more than this
	// many are ids made without chance.
	maxCarriers = 64

	// maxEdges bounds the edges in the subject table, by side and rule: what
	// one screen and one store are sized for. New ones beyond it run between
	// nodes named "other".
	maxEdges = 200_000

	// maxOperations bounds the operations and addresses in the subject table.
	maxOperations = 500_000

	// maxProcessedBy bounds how many services are reported to process one
	// message.
	maxProcessedBy = 64

	// maxRounds bounds the exchange between linked traces in one Advance. An
	// exchange ends after four: stub, fact, stub naming the chosen link, and
	// the linked trace's answer to it. What is left waits for the next.
	maxRounds = 8

	// maxMail is how many stubs or facts an outbox keeps memory for; more is
	// given back.
	maxMail = 1 << 12

	// maxForgotten bounds the traces that are remembered only to tell a late
	// span from the first of a new trace.
	maxForgotten = 1 << 17

	// maxPacked is the size of record above which its memory is given back
	// after it.
	maxPacked = 1 << 20

	// maxDistance bounds how far the parent of a packed span is looked for
	// among the spans before it.
	maxDistance = 32

	// lookAhead is how many contributions are passed over in search of one that
	// stayed the same: most often it is the next one.
	lookAhead = 4

	// maxScratch is the size of trace above which the memory of an evaluation
	// is given back after it.
	maxScratch = 1 << 17

	// maxEstimate bounds the estimate of one contribution, in 1/65536 calls, so
	// that weight times messages stays in range.
	maxEstimate = 1 << 60

	// futureSlack is how far ahead of its arrival a span may start before its
	// clock is not believed (rule W1).
	futureSlack = time.Minute
)
