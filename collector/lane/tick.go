package lane

import (
	"time"

	"graphctl/collector/infer"
	"graphctl/graph"
)

// tick writes a tick to the log, waits for the lanes to come to it, evaluates
// and emits. Two ticks of one time evaluate all that changed, also what would
// rest until it is quiet: the second is one that is final.
func (r *Router) tick(final bool) {
	if r.logs() && (r.blocked || r.log.Stats().Failing != nil) {
		r.renew()
		return
	}
	cut := r.nextCut()
	now, ok := r.mark(cut, final)
	if !ok {
		return
	}
	r.park()
	r.setCut(cut)
	r.advance(now)
	r.endCheckpoint()
	r.beginCheckpoint(now)
	r.resume()
}

// mark puts a tick, and before it a change of the cut, into the log and the
// queues. It reports whether there is one: not when nothing has to be done, nor
// when the log cannot take it.
func (r *Router) mark(cut int64, final bool) (now int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open && !r.touched && r.shared.idle.Load() && time.Now().UnixNano()-r.shared.ticked.Load() < int64(idleTick) {
		return 0, false
	}
	now = r.now
	if !final {
		now = r.clock()
	}
	if r.logs() {
		if cut > r.cut {
			if _, err := r.log.Cut(now, cut); err != nil {
				return 0, false
			}
		}
		end, err := r.log.Tick(now, r.seq+1)
		if err != nil {
			return 0, false
		}
		r.tickEnd = end
	}
	r.seq++
	r.touched = false
	for _, l := range r.lanes {
		l.put(item{now: now})
	}
	return now, true
}

// Shrink gives up the part of the archive that was quiet longest, to save disk.
// The horizon in force becomes shorter. It takes effect with the next
// checkpoint.
func (r *Router) Shrink() { r.wantCut.Store(true) }

// nextCut returns up to when archived traces are forgotten from the next tick
// on.
func (r *Router) nextCut() int64 {
	if !r.wantCut.Load() || r.saved.pending || r.oldest == 0 {
		return r.cut
	}
	return max(r.cut, r.oldest+(r.shared.ticked.Load()-r.oldest)/cutShare)
}

// setCut forgets archived traces. The lanes must rest.
func (r *Router) setCut(cut int64) {
	if cut <= r.cut {
		return
	}
	r.cut = cut
	for _, l := range r.lanes {
		l.cut = cut
	}
	r.shared.cut.Store(cut)
	r.wantCut.Store(false)
	r.wantSave = true
}

// park waits until every lane rests at the tick.
func (r *Router) park() {
	for _, l := range r.lanes {
		<-l.parked
	}
}

func (r *Router) resume() {
	for _, l := range r.lanes {
		l.resume <- struct{}{}
	}
}

// advance evaluates what changed and emits it as the batch of the tick. The
// lanes must rest.
func (r *Router) advance(now int64) {
	infer.AdvanceAll(r.engines, now, r.each)
	deltas := make([]*graph.Delta, len(r.lanes))
	r.each(func(i int) { deltas[i] = r.engines[i].Flush() })
	var sum *graph.Delta
	for _, d := range deltas {
		switch {
		case d == nil:
		case sum == nil:
			sum = d
		default:
			sum.Merge(d)
		}
	}
	if sum != nil {
		r.emitted = r.seq
		if r.seq > r.held {
			r.emit(&graph.Batch{Origin: r.origin, Seq: r.seq, Delta: sum})
		}
	}
	infer.EvaluateLong(r.engines, r.each)
	r.oldest = 0
	for _, l := range r.lanes {
		if l.archive == nil {
			continue
		}
		if at, ok := l.archive.Oldest(); ok && (r.oldest == 0 || at < r.oldest) {
			r.oldest = at
		}
	}
	r.publish(now)
}
