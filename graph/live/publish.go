package live

import (
	"slices"

	"graphctl/graph"
)

// Advance moves the window to now (time that steps back is held), lets leave
// what is too old, and publishes.
func (w *Window) Advance(now graph.Instant) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle(w.pass(max(now, w.now)))
	t := &w.topology
	t.sweep()
	last := w.latest.Load()
	seq := last.Seq + 1
	begun := t.renumber(w.o.Epoch)
	c := t.changes
	t.changes = changes{}
	c.seq = seq
	for _, s := range t.serviceList {
		if w.tellService(s, seq) {
			c.services = append(c.services, s.row.ID)
		}
	}
	for _, k := range t.callList {
		if w.tellCall(k, seq) {
			c.calls = append(c.calls, k.row.ID)
		}
	}
	history := last.history
	if begun {
		history = nil
	}
	history = history[max(0, len(history)+1-History):]
	w.latest.Store(&publication{
		Snapshot: w.snapshot(seq),
		history:  append(slices.Clip(history), &c), // a copy: readers hold the old one
		next:     make(chan struct{}),
	})
	close(last.next)
}

// pass lets time pass: counters leave that are too old, and edges are marked
// whose values change with time alone. It returns the edges that hold calls and
// are in no call yet.
func (w *Window) pass(now graph.Instant) (news []*edge) {
	minute, hour, rates := w.firstMinute(), w.firstHour(), w.rates
	w.now, w.rates = now, rateWindowAt(now)
	rolled := rates.last != w.rates.last
	forget := minute != w.firstMinute()
	for _, e := range w.edges {
		if rolled {
			e.recent.roll(rates, w.rates)
		}
		if forget {
			e.minutes.forget(w.firstMinute())
		}
		e.touched = e.touched || forget || rolled && e.recent.n > 0
		if !e.touched {
			_, _, e.touched = e.recent.at(w.rates.first) // a part of which leaves
		}
		if e.call == nil && e.minutes.calls > 0 {
			news = append(news, e)
		}
		if e.touched && e.call != nil {
			e.call.touch()
		}
		e.touched = false
	}
	if forget {
		w.forgetEvidence(hour != w.firstHour())
	}
	return news
}

// forgetEvidence lets spans leave that are out of the window, and evidence that
// is out of its hours.
func (w *Window) forgetEvidence(hour bool) {
	for _, p := range w.spans {
		was := p.minutes.calls > 0
		p.minutes.forget(w.firstMinute())
		turned := was != (p.minutes.calls > 0)
		if hour {
			turned = p.hours.forget(w.firstHour()) || turned
		}
		w.topology.stale = w.topology.stale || turned || len(p.hours) == 0
	}
	if !hour {
		return
	}
	for k, h := range w.aliases {
		if h.forget(w.firstHour()) {
			w.topology.stale = true
		}
		if len(*h) == 0 {
			delete(w.aliases, k)
		}
	}
}

// tellService brings the published row of s up to date if followers are to
// hear of it now.
func (w *Window) tellService(s *service, seq uint64) bool {
	if !s.touched && !s.overdue(w.now) && !s.renamed && s.row.born != 0 {
		return false
	}
	s.touched = false
	row := s.measure(w.rates)
	switch {
	case row.born == 0:
		row.born, row.full = seq, seq
	case s.renamed:
		row.full = seq
	case !s.moved(row.movedFrom(&s.row), w.now):
		return false
	}
	s.row, s.told = row, told{since: w.now}
	return true
}

// tellCall is tellService for a call.
func (w *Window) tellCall(c *call, seq uint64) bool {
	if !c.touched && !c.overdue(w.now) && c.row.born != 0 {
		return false
	}
	c.touched = false
	row := c.measure(w.rates)
	switch {
	case row.born == 0:
		row.born, row.full = seq, seq
	case !c.moved(row.movedFrom(&c.row), w.now):
		return false
	}
	c.row, c.told = row, told{since: w.now}
	return true
}

// overdue reports that a small movement has waited long enough.
func (t *told) overdue(now graph.Instant) bool {
	return t.pending && now >= t.since+graph.Instant(minorDelay)
}

// moved reports whether a movement is told now, and remembers it if not.
func (t *told) moved(m movement, now graph.Instant) bool {
	switch {
	case m == due, m == minor && now >= t.since+graph.Instant(minorDelay):
		return true
	case m == minor:
		t.pending = true
	}
	return false
}

// snapshot copies the published rows.
func (w *Window) snapshot(seq uint64) *Snapshot {
	t := &w.topology
	s := &Snapshot{
		Epoch:    t.epoch,
		Seq:      seq,
		Time:     w.now,
		Services: make([]Service, len(t.serviceList)),
		Calls:    make([]Call, len(t.callList)),
	}
	for i, v := range t.serviceList {
		s.Services[i] = v.row
	}
	for i, c := range t.callList {
		s.Calls[i] = c.row
	}
	return s
}
