package infer

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"graphctl/collector"
)

// longTrace gives e one trace of n spans; parent tells the parent of span i.
func longTrace(e *Engine, syms *collector.Symbols, n int, parent func(i int) int) {
	a := syms.InternResource(collector.Resource{Name: "a"})
	b := syms.InternResource(collector.Resource{Name: "b"})
	for i := 1; i <= n; i++ {
		s := collector.Span{Start: sceneStart, End: sceneStart + 1e6, Weight: collector.WeightOne, Messages: collector.NoCount,
			Kind: collector.KindClient, Role: collector.Out, Resource: a}
		if i%2 == 0 {
			s.Kind, s.Role, s.Resource = collector.KindServer, collector.In, b
		}
		s.Trace[15] = 1
		binary.BigEndian.PutUint64(s.ID[:], uint64(i))
		binary.BigEndian.PutUint64(s.Parent[:], uint64(parent(i)))
		e.Observe(sceneStart, &s, nil)
	}
}

// Chains, rings and stars of 20,000 are walked without recursion and linearly.
func TestLongShapes(t *testing.T) {
	const n = 20_000
	for _, c := range []struct {
		name   string
		parent func(i int) int
		want   string
	}{
		{"chain", func(i int) int { return i - 1 }, "a -> b rpc 10000/0\nb -> a rpc 9999/0"},
		{"ring", func(i int) int { return (i+n-2)%n + 1 }, "a -> b rpc 10000/0\nb -> a rpc 9999/0"},
		{"star", func(i int) int { return min(i-1, 1) }, "a -> b rpc 10000/0"},
		{"own parent", func(i int) int { return i }, ""},
		{"ring at the end of a chain", func(i int) int { return min(i+1, n) - i/n }, "a -> b rpc 10000/0\nb -> a rpc 9999/0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			syms := collector.NewSymbols()
			e, l := New(Options{}, syms), new(ledger)
			longTrace(e, syms, n, c.parent)
			begin := time.Now()
			e.Advance(sceneStart)
			if d := time.Since(begin); d > 5*time.Second {
				t.Errorf("evaluated in %v", d)
			}
			e.Advance(sceneStart + 10e9)
			l.take(e.Flush())
			if got := l.edges(); got != c.want {
				t.Errorf("edges %q, want %q", got, c.want)
			}
			checkAccounts(t, e)
		})
	}
}

// A trace of a million spans is evaluated; what exceeds it is refused and
// counted; and it waits between evaluations in proportion to its size.
func TestMillionSpanTrace(t *testing.T) {
	syms := collector.NewSymbols()
	e, l := New(Options{MaxSpans: -1}, syms), new(ledger)
	if raceDetector || testing.Short() {
		e.longest = 150_000 // a million take a quarter of a minute there
	}
	longTrace(e, syms, e.longest+1000, func(i int) int { return i / 2 })
	e.Advance(sceneStart)
	l.take(e.Flush())
	c := e.Counters()
	if c.Accepted != uint64(e.longest) || c.Refused != 1000 {
		t.Errorf("accepted %d, refused %d, want %d, 1000", c.Accepted, c.Refused, e.longest)
	}
	checkAccounts(t, e)
	tr := e.traces.at(e.byLow[1])
	if got, want := tr.dueAt-sceneStart, int64(e.longest/spansATick)*int64(Tick); got != want {
		t.Errorf("next evaluation after %v, want %v", time.Duration(got), time.Duration(want))
	}
	if cap(e.v.spans) > maxScratch {
		t.Errorf("scratch for %d spans is kept", cap(e.v.spans))
	}
}

// Beside a long trace for which spans still come, others have room until they
// are complete, and it stays; once it is quiet it leaves like any other.
func TestRoomBesideLongTrace(t *testing.T) {
	const long, others, lag = 36_000, 8_000, 100
	syms := collector.NewSymbols()
	e, l := New(Options{MaxSpans: 40_000, Archive: newTestArchive()}, syms), new(ledger)
	longTrace(e, syms, long, func(i int) int { return (i - 1) * (1 - i%2) }) // calls from a to b
	half := func(now int64, trace int, side string) {
		observe(e, now, parseSpans(t, syms, fmt.Sprintf("%x %s", trace+2, side)))
	}
	now := sceneStart
	for i := range others + lag {
		now += int64(time.Millisecond)
		if i < others {
			half(now, i, "1 client a")
		}
		if i >= lag {
			half(now, i-lag, "2<1 server b")
		}
		if i%3000 == 0 {
			half(now, -1, fmt.Sprintf("%x internal c", long+1+i))
		}
		if i%500 == 0 {
			e.Advance(now)
			l.take(e.Flush())
		}
	}
	c := e.Counters()
	if c.Recalled != 0 || c.Refused != 0 || c.Evicted != 0 || c.LiveSpans < long || c.Packed == 0 {
		t.Errorf("recalled %d, refused %d, evicted %d, %d spans live, %d traces packed", c.Recalled, c.Refused, c.Evicted, c.LiveSpans, c.Packed)
	}
	e.Advance(now + 20e9)
	e.Advance(now + 20e9)
	l.take(e.Flush())
	if c := e.Counters(); c.LiveSpans != 0 || len(e.long) != 0 {
		t.Errorf("%d spans live, %d long traces", c.LiveSpans, len(e.long))
	}
	want := fmt.Sprintf("a -> b rpc %d/0", others+long/2)
	if got := l.edges(); got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
	checkAccounts(t, e)
}
