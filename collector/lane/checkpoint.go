package lane

import (
	"context"
	"errors"
	"fmt"
	"time"

	"graphctl/collector/archive"
	"graphctl/collector/spanlog"
	"graphctl/graph"
)

// A checkpoint is all that is needed to go on from a tick.
type checkpoint struct {
	origin  graph.Origin
	seq     uint64 // of the tick
	emitted uint64 // of the last batch up to it
	now     int64  // of the tick
	cut     int64
	log     spanlog.Position // where what came after the tick begins
	lanes   []laneState
}

// A laneState is a lane at a checkpoint.
type laneState struct {
	segments []string         // of its archive
	engine   [][]byte         // its state in parts; one part if it was read
	sealing  *archive.Sealing // of the segments; nil if the state was read
}

// saved is what the goroutine that ticks knows of checkpoints.
type saved struct {
	at      int64            // tick time of the newest one that was begun
	log     uint64           // bytes appended to the log by then
	pending bool             // it is with the writer
	begin   chan *checkpoint // to the writer
	end     chan written     // from it
}

// written is a checkpoint that the writer is done with.
type written struct {
	*checkpoint
	durable bool
}

func newSaved() saved {
	return saved{begin: make(chan *checkpoint, 1), end: make(chan written, 1)}
}

// due reports whether it is time for a checkpoint.
func (r *Router) due(now int64) bool {
	if r.o.Dir == "" || r.saved.pending {
		return false
	}
	if r.wantSave || now-r.saved.at >= int64(r.o.Checkpoint) {
		return true
	}
	return r.log != nil && r.log.Stats().Appended-r.saved.log > checkpointLog
}

// beginCheckpoint takes the state for a checkpoint if one is due. The lanes
// must rest.
func (r *Router) beginCheckpoint(now int64) {
	if !r.due(now) {
		return
	}
	r.saved.at, r.wantSave = now, false
	c, err := r.state(now)
	if err != nil {
		r.saveFailed(err)
		return
	}
	r.saved.pending = true
	r.saved.begin <- c
}

// state takes the state of all lanes, which must rest.
func (r *Router) state(now int64) (*checkpoint, error) {
	c := &checkpoint{
		origin: r.origin, seq: r.seq, emitted: r.emitted, now: now,
		cut: r.cut, log: r.tickEnd, lanes: make([]laneState, len(r.lanes)),
	}
	errs := make([]error, len(r.lanes))
	r.each(func(i int) {
		l, s := r.lanes[i], &c.lanes[i]
		if s.sealing, errs[i] = l.archive.Seal(max(now-int64(r.o.Engine.Horizon), l.cut)); errs[i] == nil {
			s.segments = s.sealing.Names
			s.engine = l.engine.State()
		}
	})
	if r.log != nil {
		r.saved.log = r.log.Stats().Appended
	}
	return c, errors.Join(errs...)
}

func (r *Router) saveFailed(err error) {
	if r.shared.saveErrors.Add(1) == 1 {
		r.o.Report("a checkpoint could not be written: a start after a crash will take longer", err)
	}
}

// writeCheckpoints writes what is begun until ctx is done.
func (r *Router) writeCheckpoints(ctx context.Context) {
	for {
		select {
		case c := <-r.saved.begin:
			err := r.writeWhenHeld(ctx, c)
			if err != nil && ctx.Err() == nil {
				r.saveFailed(err)
			}
			r.saved.end <- written{c, err == nil}
		case <-ctx.Done():
			return
		}
	}
}

// writeWhenHeld writes c as soon as the store holds what was emitted before it.
func (r *Router) writeWhenHeld(ctx context.Context, c *checkpoint) error {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for {
		held, err := r.progress(ctx, c.origin, c.emitted)
		if err != nil {
			return err
		}
		if held >= c.emitted {
			return r.write(ctx, c)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// progress returns how far the store is; emitted, if nobody can tell.
func (r *Router) progress(ctx context.Context, o graph.Origin, emitted uint64) (uint64, error) {
	if r.o.Progress == nil {
		return emitted, nil
	}
	held, err := r.o.Progress(ctx, o)
	if err != nil {
		return 0, fmt.Errorf("lane: progress of the store: %w", err)
	}
	return held, nil
}

// write writes c, once the log is durable up to where c says that it goes on,
// and the archives are that c names.
func (r *Router) write(ctx context.Context, c *checkpoint) error {
	errs := []error{r.Sync(ctx)}
	for _, l := range c.lanes {
		errs = append(errs, l.sealing.Sync())
	}
	err := errors.Join(errs...)
	if err == nil {
		err = writeCheckpoint(r.o.FS, r.checkpointFile(), c)
	}
	if err != nil {
		return fmt.Errorf("lane: write checkpoint: %w", err)
	}
	r.shared.checkpoints.Add(1)
	r.shared.savedAt.Store(c.now)
	return nil
}

// endCheckpoint takes note of a checkpoint that the writer is done with. The
// lanes must rest.
func (r *Router) endCheckpoint() {
	select {
	case w := <-r.saved.end:
		r.end(w)
	default:
	}
}

func (r *Router) end(w written) {
	r.saved.pending = false
	for i, l := range r.lanes {
		l.archive.Synced(w.lanes[i].sealing)
	}
	if w.durable {
		r.drop(w.checkpoint)
	}
}

// drop removes the log and the segments behind c, which is durable. The lanes
// must rest.
func (r *Router) drop(c *checkpoint) {
	for i, l := range r.lanes {
		if err := l.archive.Release(c.lanes[i].segments); err != nil {
			r.o.Report("traces beyond the horizon could not be removed", err)
		}
	}
	if r.log == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.log.Drop(c.log); err != nil {
		r.o.Report("the log behind a checkpoint could not be removed", err)
	}
}

// Checkpoint saves the state at the end: call it after Run, when the store has
// committed what was emitted. It fails if the store has not; the log then has
// what is missing.
func (r *Router) Checkpoint(ctx context.Context) error {
	if r.o.Dir == "" {
		return nil
	}
	r.endCheckpoint()
	c, err := r.state(r.shared.ticked.Load())
	if err != nil {
		return fmt.Errorf("lane: checkpoint: %w", err)
	}
	held, err := r.progress(ctx, c.origin, c.emitted)
	switch {
	case err != nil:
		return err
	case held < c.emitted:
		return fmt.Errorf("lane: checkpoint: the store holds batch %d of %d", held, c.emitted)
	}
	err = r.write(ctx, c)
	r.end(written{c, err == nil})
	return err
}

// renew begins a new log in place of one that a sync failed on, whose end may
// not be on the disk. A checkpoint takes over what the old one held; nothing is
// taken, and no tick passes, until it is durable and the new log is begun.
// Meanwhile the store commits without waiting for the log: after a power cut it
// may then be ahead, which Recover notices.
func (r *Router) renew() {
	r.failing.Store(true)
	defer r.failing.Store(false)

	r.mu.Lock()
	r.blocked = true
	now := r.clock()
	for _, l := range r.lanes {
		l.put(item{now: now})
	}
	r.mu.Unlock()

	r.park()
	err := r.takeOver(now)
	r.resume()
	if err != nil {
		r.saveFailed(err)
		return
	}
	r.mu.Lock()
	r.blocked = false
	r.mu.Unlock()
}

// takeOver writes a checkpoint of all that the log holds and begins a new one.
// The lanes must rest.
func (r *Router) takeOver(now int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), takeOverWait)
	defer cancel()
	if r.saved.pending {
		select {
		case w := <-r.saved.end:
			r.end(w)
		case <-ctx.Done():
			return fmt.Errorf("lane: renew the log: an earlier checkpoint waits for the store: %w", ctx.Err())
		}
	}
	r.tickEnd = r.log.End()
	c, err := r.state(now)
	if err != nil {
		return fmt.Errorf("lane: renew the log: %w", err)
	}
	err = r.writeWhenHeld(ctx, c)
	defer func() { r.end(written{c, err == nil}) }()
	if err != nil {
		return err
	}
	if err := r.beginLog(); err != nil { // the end of the old log is given up
		if err := r.beginLog(); err != nil {
			return err
		}
	}
	r.saved.at = now
	return nil
}
