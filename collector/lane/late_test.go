package lane

import (
	"testing"
	"testing/synctest"
	"time"

	"graphctl/graph/memstore"
)

// A half that comes within the horizon of the other amends the graph, however
// long its trace has been on disk, and over a restart; one that comes later does
// not.
func TestLateHalves(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Dir: dir, Lanes: 2}, store)
		halves := map[byte]time.Duration{1: 10 * time.Minute, 2: 59 * time.Minute, 3: 61 * time.Minute, 4: 40 * time.Minute}
		for n := range byte(4) {
			r.consume(t, r.half(n+1, 1))
		}
		begin := time.Now()
		time.Sleep(30 * time.Second)
		if c := r.Counters(); c.LiveSpans != 0 || c.Packed != 4 {
			t.Errorf("%d spans in memory, %d traces packed; want 0 and 4", c.LiveSpans, c.Packed)
		}
		for _, n := range []byte{1, 4, 2, 3} {
			time.Sleep(time.Until(begin.Add(halves[n])))
			if n == 2 {
				r.stop(t)
				r = start(t, Options{Dir: dir}, store)
			}
			late := r.half(n, 2)
			late.Spans[0].Start, late.Spans[0].End = begin.UnixNano(), begin.UnixNano()+1e6
			r.consume(t, late)
			time.Sleep(time.Second)
		}
		r.stop(t)
		if got := r.calls(t); got != 3 {
			t.Errorf("%d calls, want 3", got)
		}
	})
}

// Shrink shortens the horizon: the oldest traces leave the disk, what is younger
// is still amended, and Stats tell.
func TestShrink(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Dir: dir, Lanes: 1}, store)
		for n := range byte(48) {
			r.consume(t, r.half(n+1, 1))
			time.Sleep(time.Minute)
		}
		if h := r.Stats().Horizon; h != time.Hour {
			t.Errorf("horizon %v, want an hour", h)
		}
		before := r.Stats().ArchiveBytes
		for range 4 {
			r.Shrink()
			time.Sleep(2 * time.Minute)
		}
		s := r.Stats()
		if s.ArchiveBytes >= before || s.Horizon >= 50*time.Minute || s.Horizon < 20*time.Minute {
			t.Errorf("%d bytes of %d left, horizon %v", s.ArchiveBytes, before, s.Horizon)
		}
		kept := int(s.Horizon / time.Minute)
		for n := range byte(48) {
			late := r.half(n+1, 2)
			r.consume(t, late)
		}
		time.Sleep(time.Second)
		r.stop(t)
		// Traces are as old as the minutes from the last one, and eight more.
		if got, want := int(r.calls(t)), kept-8; got < want-2 || got > want+2 {
			t.Errorf("%d calls amended within a horizon of %v, want some %d", got, s.Horizon, want)
		}
	})
}
