package live

import "context"

// A Feed is a follower's place in what a window publishes. It holds nothing of
// the window and needs no closing. It belongs to one goroutine.
type Feed struct {
	w     *Window
	epoch string // "" before the first snapshot
	seq   uint64
}

// A Reason says why a follower gets a snapshot.
type Reason uint8

// The reasons.
const (
	Asked      Reason = iota // it is new, or called Restart
	Behind                   // the history does not reach back to its place
	Renumbered               // a new epoch began
)

// An Event is what a feed brings: a snapshot or an update, the other is nil.
type Event struct {
	Snapshot *Snapshot
	Reason   Reason // of Snapshot
	Update   *Update
}

// Follow returns a feed that begins with a snapshot.
func (w *Window) Follow() *Feed { return &Feed{w: w} }

// Resume puts the feed after publication seq of the epoch and reports whether
// the window can go on from there; if not the feed begins with a snapshot.
func (f *Feed) Resume(epoch string, seq uint64) bool {
	p := f.w.latest.Load()
	if epoch != p.Epoch || !p.reaches(seq) {
		f.Restart()
		return false
	}
	f.epoch, f.seq = epoch, seq
	return true
}

// Restart makes a snapshot the next event.
func (f *Feed) Restart() { f.epoch = "" }

// Seq returns the sequence number of the last event.
func (f *Feed) Seq() uint64 { return f.seq }

// Ready returns a channel that is closed once there is something that the feed
// has not brought.
func (f *Feed) Ready() <-chan struct{} {
	p := f.w.latest.Load()
	if f.epoch != p.Epoch || f.seq != p.Seq {
		return ready
	}
	return p.next
}

var ready = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Next waits for the next event, at most until ctx is done. The event is shared
// with other followers and must not be changed.
func (f *Feed) Next(ctx context.Context) (Event, error) {
	select {
	case <-f.Ready():
	case <-ctx.Done():
		return Event{}, ctx.Err()
	}
	e, _ := f.Take()
	return e, nil
}

// Take returns the next event if there is one.
func (f *Feed) Take() (e Event, ok bool) {
	p := f.w.latest.Load()
	reason := Asked
	switch {
	case f.epoch == "":
	case f.epoch != p.Epoch:
		reason = Renumbered
	case f.seq == p.Seq:
		return Event{}, false
	case !p.reaches(f.seq):
		reason = Behind
	default:
		base := f.seq
		f.seq = p.Seq
		return Event{Update: p.update(base)}, true
	}
	f.epoch, f.seq = p.Epoch, p.Seq
	return Event{Snapshot: p.Snapshot, Reason: reason}, true
}
