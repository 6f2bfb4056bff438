package lane

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/collector/spanlog"
	"graphctl/graph"
)

// A Router takes spans for its lanes. It is made by Open.
type Router struct {
	o    Options
	syms *collector.Symbols
	emit func(*graph.Batch)

	lanes   []*lane
	engines []*infer.Engine // of lanes
	log     *spanlog.Log    // nil: nothing is on disk

	// Of whoever drives the ticks: Open, Recover, Run, then Checkpoint.
	origin   graph.Origin
	seq      uint64           // of the last tick
	emitted  uint64           // of the last batch emitted
	held     uint64           // batches up to it were in the store when the router was opened
	from     spanlog.Position // where the replay begins
	tickEnd  spanlog.Position // where the log goes on behind the last tick
	fresh    bool             // nothing was there when the router was opened
	lost     error            // why a new line has to begin
	cut      int64            // archived traces last seen by then are forgotten
	oldest   int64            // last seen time of the trace that was archived first; 0: none
	wantSave bool             // a checkpoint is due at once
	saved    saved

	mu      sync.Mutex // orders the log and the queues
	now     int64      // ns, never goes back
	open    bool       // batches are taken
	blocked bool       // not until the log is renewed
	queued  int        // spans in queues, and those that engines are at
	bytes   int        // of the same
	touched bool       // something was taken since the last tick
	free    sync.Pool  // of *collector.Batch
	parcels sync.Pool  // of *parcel

	failing atomic.Bool // the log is being given up for a new one: commits do not wait for it
	wantCut atomic.Bool // see Shrink
	shared  shared
}

// A parcel is a batch by lane; nil where a lane gets nothing.
type parcel [MaxLanes]*collector.Batch

func newRouter(o Options, syms *collector.Symbols, emit func(*graph.Batch)) *Router {
	r := &Router{o: o, syms: syms, emit: emit, saved: newSaved()}
	r.free.New = func() any { return new(collector.Batch) }
	r.parcels.New = func() any { return new(parcel) }
	return r
}

// logs reports whether what is taken is logged.
func (r *Router) logs() bool { return r.log != nil && !r.o.NoLog }

func (r *Router) checkpointFile() string { return filepath.Join(r.o.Dir, "checkpoint") }
func (r *Router) archiveDir(lane int) string {
	return filepath.Join(r.o.Dir, fmt.Sprintf("lane-%d", lane))
}

// Consume implements collector.Sink. Before Run it refuses.
func (r *Router) Consume(ctx context.Context, b *collector.Batch) error {
	if len(b.Spans) == 0 {
		return nil
	}
	p := r.split(b)
	err := r.admit(b, p)
	if err != nil {
		r.recycle(p)
	}
	*p = parcel{}
	r.parcels.Put(p)
	if err != nil || !r.logs() || !r.o.SyncEach {
		return err
	}
	if err := r.log.Sync(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &collector.BusyError{Why: collector.ThrottleDisk, After: retryAfter}
	}
	return nil
}

// split copies a batch, by lane.
func (r *Router) split(b *collector.Batch) *parcel {
	p := r.parcels.Get().(*parcel)
	if len(r.lanes) == 1 {
		c := r.free.Get().(*collector.Batch)
		c.Spans = append(c.Spans[:0], b.Spans...)
		c.Links = append(c.Links[:0], b.Links...)
		p[0] = c
		return p
	}
	for i := range b.Spans {
		s := &b.Spans[i]
		n := infer.LaneOf(s.Trace.Low(), len(r.lanes))
		c := p[n]
		if c == nil {
			c = r.free.Get().(*collector.Batch)
			p[n] = c
		}
		c.Spans = append(c.Spans, *s)
		c.Spans[len(c.Spans)-1].FirstLink = uint32(len(c.Links))
		c.Links = append(c.Links, b.LinksOf(s)...)
	}
	return p
}

func (r *Router) recycle(p *parcel) {
	for _, c := range p {
		if c != nil {
			c.Reset()
			r.free.Put(c)
		}
	}
}

// admit appends a batch to the log and queues its parts, if there is room. A
// batch larger than the whole queue is taken when the queue is empty, or it
// could never be.
func (r *Router) admit(b *collector.Batch, p *parcel) error {
	size := bytesOf(b)
	r.mu.Lock()
	defer r.mu.Unlock()
	full := r.queued+len(b.Spans) > r.o.MaxQueued || r.bytes+size > r.o.MaxBytes
	switch {
	case r.blocked:
		return &collector.BusyError{Why: collector.ThrottleDisk, After: retryAfter}
	case !r.open || r.queued > 0 && full:
		return &collector.BusyError{Why: collector.ThrottleLane, After: retryAfter}
	}
	now := r.clock()
	if r.logs() {
		if _, err := r.log.Append(now, b); err != nil {
			return err
		}
	}
	r.queue(now, b, p)
	return nil
}

// queue hands the parts of b to the lanes. r.mu must be held.
func (r *Router) queue(now int64, b *collector.Batch, p *parcel) {
	r.queued += len(b.Spans)
	r.bytes += bytesOf(b)
	r.touched = true
	for i, l := range r.lanes {
		if p[i] != nil {
			l.put(item{now, p[i]})
		}
	}
}

// worked gives back a batch that a lane has taken in.
func (r *Router) worked(b *collector.Batch) {
	r.mu.Lock()
	r.queued -= len(b.Spans)
	r.bytes -= bytesOf(b)
	r.mu.Unlock()
	b.Reset()
	r.free.Put(b)
}

func bytesOf(b *collector.Batch) int { return len(b.Spans)*spanBytes + len(b.Links)*linkBytes }

// clock reads the time, held if it steps back. r.mu must be held.
func (r *Router) clock() int64 {
	r.now = max(r.now, time.Now().UnixNano())
	return r.now
}

// Run takes batches and drives the engines until ctx is done, then takes no
// more, works off the queues and emits what they showed. Call it once, after
// Recover.
func (r *Router) Run(ctx context.Context) error {
	done := make(chan struct{})
	var lanes, writer sync.WaitGroup
	for _, l := range r.lanes {
		lanes.Go(func() { l.run(r, done) })
	}
	stop, cancel := context.WithCancel(context.WithoutCancel(ctx))
	writer.Go(func() { r.writeCheckpoints(stop) })
	writer.Go(func() { r.syncLog(stop) })
	r.setOpen(true)
	ticker := time.NewTicker(infer.Tick)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-ticker.C:
			r.tick(false)
		case <-ctx.Done():
			running = false
		}
	}
	r.setOpen(false)
	r.tick(false)
	r.tick(true)
	cancel()
	writer.Wait()
	close(done)
	lanes.Wait()
	return nil
}

func (r *Router) setOpen(open bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = open
}

// each calls f for every lane, at once, and waits.
func (r *Router) each(f func(i int)) {
	if len(r.lanes) == 1 {
		f(0)
		return
	}
	var wg sync.WaitGroup
	for i := range r.lanes {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// Sync makes durable what was emitted so far: call it before the store commits.
func (r *Router) Sync(ctx context.Context) error {
	if !r.logs() || r.failing.Load() {
		return nil
	}
	return r.log.Sync(ctx)
}

// syncLog syncs the log each second until ctx is done, for when the store has
// nothing to commit. A failure shows in the log's Stats.
func (r *Router) syncLog(ctx context.Context) {
	if !r.logs() {
		return
	}
	ticker := time.NewTicker(syncEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			_ = r.log.Sync(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Close gives back the files. Call it last.
func (r *Router) Close() error {
	var errs []error
	if r.log != nil {
		errs = append(errs, r.log.Close())
	}
	for _, l := range r.lanes {
		if l.archive != nil {
			errs = append(errs, l.archive.Close())
		}
	}
	return errors.Join(errs...)
}
