package lane

import (
	"context"
	"runtime"
	"time"

	"graphctl/collector/files"
	"graphctl/collector/infer"
	"graphctl/graph"
)

// Options of a Router. The zero value selects the defaults.
type Options struct {
	// Dir holds the span log, the checkpoint and the archives. Empty: nothing is
	// kept on disk, and traces stay in memory for the horizon.
	Dir string
	// FS is the disk of Dir. Default files.Disk.
	FS files.FS
	// Lanes of a directory that is new; later it keeps the number that it began
	// with. Default half of the processors, at most 64: receiving takes the
	// other half.
	Lanes int
	// NoLog: spans are not logged. A crash loses calls that are open.
	NoLog bool
	// SyncEach: a batch is on disk when Consume returns. Otherwise Sync says
	// when.
	SyncEach bool
	// Engine options; MaxSpans is shared by all lanes, default 1,000,000. Lane,
	// Lanes and Archive are set by the router.
	Engine infer.Options
	// MaxQueued bounds the spans that wait. Default 262,144.
	MaxQueued int
	// MaxBytes bounds the bytes of spans and links that wait. Default 64 MiB.
	MaxBytes int
	// Checkpoint is the time between two checkpoints. Default a minute.
	Checkpoint time.Duration
	// Epoch of a new line of batches. It must differ from that of every earlier
	// line on the same store.
	Epoch uint64
	// Progress returns the sequence number up to which the store holds the
	// batches of an origin. nil: it holds whatever was emitted.
	Progress func(context.Context, graph.Origin) (uint64, error)
	// Report is told of what was damaged, set aside or lost. nil: nobody is.
	Report func(what string, err error)
}

func (o *Options) setDefaults() {
	if o.FS == nil {
		o.FS = files.Disk
	}
	if o.Lanes == 0 {
		o.Lanes = max(1, runtime.GOMAXPROCS(0)/2)
	}
	o.Lanes = min(o.Lanes, MaxLanes)
	if o.MaxQueued == 0 {
		o.MaxQueued = defaultMaxQueued
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	if o.Checkpoint == 0 {
		o.Checkpoint = checkpointEvery
	}
	if o.Engine.Horizon == 0 {
		o.Engine.Horizon = time.Hour
	}
	if o.Engine.MaxSpans == 0 {
		o.Engine.MaxSpans = defaultMaxSpans
	}
	if o.Report == nil {
		o.Report = func(string, error) {}
	}
}
