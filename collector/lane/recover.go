package lane

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"graphctl/collector"
	"graphctl/collector/archive"
	"graphctl/collector/infer"
	"graphctl/collector/spanlog"
	"graphctl/graph"
)

// Open returns a router that emits to emit, which takes over the batch and must
// not block. It reads the checkpoint and opens the files in o.Dir, which no
// other process may use; call Recover next. What is damaged is set aside and
// reported; an error means that the directory cannot be used.
func Open(ctx context.Context, o Options, syms *collector.Symbols, emit func(*graph.Batch)) (_ *Router, err error) {
	o.setDefaults()
	r := newRouter(o, syms, emit)
	r.origin = graph.Origin{Epoch: o.Epoch}
	if o.Dir == "" {
		return r, r.newLanes(o.Lanes, nil)
	}
	defer func() {
		if err != nil {
			_ = r.Close()
		}
	}()
	if err := o.FS.MkdirAll(o.Dir); err != nil {
		return nil, fmt.Errorf("lane: open: %w", err)
	}
	if r.log, err = spanlog.Open(o.Dir, spanlog.Options{FS: o.FS}, syms); err != nil {
		return nil, err
	}
	for _, name := range r.log.Found().SetAside {
		o.Report("a file of the span log is damaged and was set aside", errors.New(name))
	}
	c, err := r.readCheckpoint()
	if err != nil {
		return nil, err
	}
	return r, r.begin(ctx, c)
}

// readCheckpoint returns the checkpoint, nil if there is none that can be used.
func (r *Router) readCheckpoint() (*checkpoint, error) {
	c, err := readCheckpoint(r.o.FS, r.checkpointFile())
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, errDamaged):
		return nil, r.setAside(err)
	}
	return nil, fmt.Errorf("lane: open: %w", err)
}

// setAside keeps a checkpoint that cannot be used under another name.
func (r *Router) setAside(why error) error {
	aside := fmt.Sprintf("%s.unused-%d", r.checkpointFile(), r.o.Epoch)
	if err := r.o.FS.Rename(r.checkpointFile(), aside); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("lane: set the checkpoint aside: %w", err)
	}
	r.o.Report("the checkpoint cannot be used and was set aside: late spans will not find their traces", why)
	return r.o.FS.SyncDir(r.o.Dir)
}

// begin decides where to go on from: the checkpoint, the beginning of a log that
// has had none yet, or nowhere.
func (r *Router) begin(ctx context.Context, c *checkpoint) (err error) {
	found := r.log.Found()
	if c == nil {
		switch {
		case found.End == spanlog.Position{}:
			r.fresh = true
		case r.log.Covers(spanlog.Position{}):
			r.origin.Epoch = found.Epoch
			r.held, err = r.progress(ctx, r.origin, 0)
		default:
			r.lost = errors.New("the log has lost its checkpoint")
		}
		return errors.Join(err, r.newLanes(r.o.Lanes, nil))
	}
	if r.held, err = r.progress(ctx, c.origin, c.emitted); err != nil {
		return err
	}
	if r.held < c.emitted {
		r.lost = fmt.Errorf("the store holds batch %d, the checkpoint is of batch %d", r.held, c.emitted)
		return errors.Join(r.setAside(r.lost), r.newLanes(r.o.Lanes, nil))
	}
	r.origin, r.seq, r.emitted, r.now = c.origin, c.seq, c.emitted, c.now
	r.from, r.cut, r.tickEnd = c.log, c.cut, c.log
	r.shared.cut.Store(c.cut)
	r.shared.savedAt.Store(c.now)
	r.saved.at = c.now
	if !r.log.Covers(c.log) {
		r.lost = errors.New("a part of the log behind the checkpoint is missing")
	} else if err = r.newLanes(len(c.lanes), c.lanes); errors.Is(err, infer.ErrState) {
		r.lost = err
	}
	if r.lost != nil {
		return errors.Join(r.setAside(r.lost), r.newLanes(r.o.Lanes, nil))
	}
	return err
}

// newLanes makes n lanes that go on from states, nil for new ones.
func (r *Router) newLanes(n int, states []laneState) error {
	r.closeArchives()
	r.lanes, r.engines = nil, nil
	for i := range n {
		l := newLane()
		l.cut = r.cut
		o := r.o.Engine
		o.Lane, o.Lanes = i, n
		if o.MaxSpans > 0 {
			o.MaxSpans = max(1, o.MaxSpans/n)
		}
		var state laneState
		if states != nil {
			state = states[i]
		}
		if r.o.Dir != "" {
			if err := r.openArchive(l, i, n, state.segments); err != nil {
				return err
			}
			o.Archive = l
		}
		r.lanes = append(r.lanes, l)
		if state.engine == nil {
			l.engine = infer.New(o, r.syms)
		} else {
			var err error
			if l.engine, err = infer.LoadState(state.engine[0], o, r.syms); err != nil {
				return fmt.Errorf("lane: %w", err)
			}
		}
		r.engines = append(r.engines, l.engine)
	}
	r.publish(r.now)
	return nil
}

func (r *Router) openArchive(l *lane, i, n int, segments []string) error {
	a, damaged, err := archive.Open(r.archiveDir(i), segments, archive.Options{FS: r.o.FS, FilterBytes: int64(filterBytes / n)})
	if err != nil {
		return fmt.Errorf("lane: %w", err)
	}
	for _, d := range damaged {
		r.o.Report("archived traces are damaged and were set aside", d)
	}
	l.archive = a
	return nil
}

func (r *Router) closeArchives() {
	for _, l := range r.lanes {
		if l.archive != nil {
			_ = l.archive.Close() // read only so far
		}
	}
}

// Recover replays the log. It may take seconds; Stats tell how far it is. Call
// it before Run.
func (r *Router) Recover(ctx context.Context) error {
	if r.o.Dir == "" {
		return nil
	}
	if r.lost == nil && !r.fresh {
		if err := r.replay(ctx); err != nil {
			return fmt.Errorf("lane: replay the log: %w", err)
		}
		if r.emitted < r.held {
			r.lost = fmt.Errorf("the store holds batch %d, the log ends with batch %d", r.held, r.emitted)
			if err := errors.Join(r.setAside(r.lost), r.newLanes(r.o.Lanes, nil)); err != nil {
				return err
			}
		}
	}
	if r.lost != nil || r.fresh {
		return r.newLine(ctx)
	}
	return r.beginLog()
}

// beginLog begins the log of this process, whose numbers of names are its own.
func (r *Router) beginLog() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.log.Begin(r.origin.Epoch, r.seq+1); err != nil {
		return fmt.Errorf("lane: begin the log: %w", err)
	}
	r.tickEnd = r.log.End()
	return nil
}

// replay does again what the log holds behind the checkpoint.
func (r *Router) replay(ctx context.Context) error {
	cut := r.cut
	err := r.log.Replay(r.from, func(rec spanlog.Record) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch rec.Kind {
		case spanlog.SpansRecord:
			r.takeIn(rec)
		case spanlog.CutRecord:
			cut = rec.Before
		case spanlog.TickRecord:
			if rec.Seq <= r.seq {
				return nil
			}
			r.workOff()
			r.setCut(cut)
			r.seq = rec.Seq
			r.advance(rec.Time)
		}
		return nil
	})
	r.workOff()
	return err
}

// takeIn queues the spans of a record.
func (r *Router) takeIn(rec spanlog.Record) {
	p := r.split(rec.Batch)
	r.mu.Lock()
	r.now = max(r.now, rec.Time)
	r.queue(rec.Time, rec.Batch, p)
	queued := r.queued
	r.mu.Unlock()
	*p = parcel{}
	r.parcels.Put(p)
	r.shared.replayed.Add(uint64(len(rec.Batch.Spans)))
	if queued >= replayChunk {
		r.workOff()
	}
}

// workOff empties the queues, without the lanes' goroutines.
func (r *Router) workOff() {
	r.each(func(i int) {
		l := r.lanes[i]
		for _, it := range l.queue {
			l.observe(it)
			r.worked(it.batch)
		}
		l.queue = nil
	})
}

// newLine begins a line of batches: the first, or a new one after what led up to
// the store was lost. The spans of the log that the store has not heard of are
// taken over.
func (r *Router) newLine(ctx context.Context) error {
	found := r.log.Found()
	held, err := r.progress(ctx, graph.Origin{Epoch: found.Epoch}, 0)
	if err != nil {
		return err
	}
	r.origin = graph.Origin{Epoch: r.o.Epoch}
	r.seq, r.emitted, r.held, r.cut = 0, 0, 0, 0
	r.shared.cut.Store(0)
	var from spanlog.Position // behind the last tick that the store holds
	err = r.log.Replay(from, func(rec spanlog.Record) error {
		if rec.Kind == spanlog.TickRecord && rec.Seq <= held {
			from = rec.End
		}
		return ctx.Err()
	})
	if err == nil {
		err = r.log.Replay(from, func(rec spanlog.Record) error {
			if rec.Kind == spanlog.SpansRecord {
				r.takeIn(rec)
			}
			return ctx.Err()
		})
	}
	r.workOff()
	if err != nil {
		return fmt.Errorf("lane: take over the log: %w", err)
	}
	r.now = max(r.now, time.Now().UnixNano())
	r.tickEnd = found.End
	c, err := r.state(r.now)
	if err == nil {
		err = r.write(ctx, c)
	}
	if err == nil {
		err = r.beginLog()
	}
	if err != nil {
		return fmt.Errorf("lane: begin a new line: %w", err)
	}
	r.saved.at = r.now
	r.end(written{c, true})
	return nil
}
