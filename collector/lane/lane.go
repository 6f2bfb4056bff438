package lane

import (
	"sync/atomic"

	"graphctl/collector"
	"graphctl/collector/archive"
	"graphctl/collector/infer"
)

// A lane is an engine with its share of the traces. Its goroutine owns the
// engine and the archive, except while it is parked at a tick: then they are the
// router's.
type lane struct {
	engine  *infer.Engine
	archive *archive.Archive // nil: none
	cut     int64            // archived traces last seen by then are forgotten

	queue  []item // guarded by Router.mu
	wake   chan struct{}
	parked chan struct{} // the lane has come to a tick
	resume chan struct{}

	keepErrors, recallErrors atomic.Uint64
}

// An item is what a lane has to do: take in a batch or, without one, park.
type item struct {
	now   int64
	batch *collector.Batch
}

func newLane() *lane {
	return &lane{wake: make(chan struct{}, 1), parked: make(chan struct{}), resume: make(chan struct{})}
}

// put queues an item. Router.mu must be held.
func (l *lane) put(it item) {
	l.queue = append(l.queue, it)
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run works off the queue until done is closed.
func (l *lane) run(r *Router, done <-chan struct{}) {
	for {
		select {
		case <-l.wake:
		case <-done:
			return
		}
		r.mu.Lock()
		queue := l.queue
		l.queue = nil
		r.mu.Unlock()
		for _, it := range queue {
			if it.batch == nil {
				l.parked <- struct{}{}
				<-l.resume
				continue
			}
			l.observe(it)
			r.worked(it.batch)
		}
	}
}

func (l *lane) observe(it item) {
	for i := range it.batch.Spans {
		s := &it.batch.Spans[i]
		l.engine.Observe(it.now, s, it.batch.LinksOf(s))
	}
}

// Keep implements infer.Archive.
func (l *lane) Keep(low uint64, lastSeen int64, record []byte) bool {
	if err := l.archive.Keep(low, lastSeen, record); err != nil {
		l.keepErrors.Add(1)
		return false
	}
	return true
}

// Recall implements infer.Archive.
func (l *lane) Recall(low uint64, oldest int64) []byte {
	record, err := l.archive.Recall(low, max(oldest, l.cut))
	if err != nil {
		l.recallErrors.Add(1)
		return nil
	}
	return record
}
