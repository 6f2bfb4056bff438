package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/collector/lane"
	"graphctl/graph"
)

// openLane opens the span log and what belongs to it.
func (s *server) openLane(ctx context.Context, symbols *collector.Symbols) (err error) {
	o := lane.Options{
		Dir:      s.data.spansDir(),
		Lanes:    s.o.lanes,
		NoLog:    s.o.log == "off",
		SyncEach: s.o.sync == "batch",
		Engine:   infer.Options{Settle: s.o.settle, Horizon: s.o.horizon},
		Epoch:    uint64(s.started.UnixNano()),
		Progress: s.store.Progress,
		Report:   func(what string, err error) { s.log.Warn(what, "error", err) },
	}
	if s.o.settle == 0 {
		o.Engine.Settle = -1 // 0 means the default there
	}
	s.lane, err = lane.Open(ctx, o, symbols, s.keeper.Emit)
	if errors.Is(err, lane.ErrNewer) {
		return hint{err, "use the newer graphctl that wrote it, or another directory"}
	}
	return err
}

// runLanes reads the span log, lets receivers begin and drives inference.
func (s *server) runLanes(ctx context.Context) error {
	began := time.Now()
	if err := s.lane.Recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped while it was read: the next start reads it again
		}
		return err
	}
	if n := s.lane.Stats().Replayed; n > 0 {
		s.log.Info("the last run did not stop in order; what it had acknowledged was read from the span log",
			"spans", n, "took", time.Since(began).Round(time.Millisecond))
	}
	s.carried = s.lane.Counters().Observed
	close(s.recovered)
	return s.lane.Run(ctx)
}

// saveAtEnd writes a checkpoint when all is committed.
func (s *server) saveAtEnd(ctx context.Context) error {
	<-ctx.Done()
	if !s.isRecovered() {
		return nil
	}
	err := s.lane.Checkpoint(context.WithoutCancel(ctx))
	s.saved = err == nil
	return err
}

func (s *server) isRecovered() bool {
	select {
	case <-s.recovered:
		return true
	default:
		return false
	}
}

func (s *server) whyNotReady() error {
	if s.isRecovered() {
		return nil
	}
	return fmt.Errorf("reading the span log: %d spans so far", s.lane.Stats().Replayed)
}

// A loggedStore commits what the span log has on disk, so that the store is
// never ahead of the log after a power cut.
type loggedStore struct {
	graph.Store
	s *server
}

func (l loggedStore) Apply(ctx context.Context, batches []graph.Batch) error {
	if err := l.s.lane.Sync(ctx); err != nil {
		return err
	}
	return l.Store.Apply(ctx, batches)
}
