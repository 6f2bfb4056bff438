package infer

import (
	"slices"
	"testing"

	"graphctl/collector"
	"graphctl/graph"
)

// Counts by the hour wait for their turn, but not at an end, and not through a
// restart.
func TestCountsByTheHour(t *testing.T) {
	syms := collector.NewSymbols()
	spans := parseSpans(t, syms, `
		1 1 client a op=get
		1 2<1 server b op=GET
		2 1 client a op=put
		2 2<1 server c op=PUT`)
	all := []string{"a > get 1", "a > put 1", "b > GET 1", "c > PUT 1"}
	operations := func(l *ledger) []string { return l.column(graph.OfOperation, calls) }
	begin := func() (*Engine, *ledger) {
		e, l := New(Options{}, syms), new(ledger)
		observe(e, sceneStart, spans)
		e.Advance(sceneStart)
		l.take(e.Flush())
		if got := operations(l); len(got) == len(all) {
			t.Fatalf("all were emitted at once: %q", got)
		}
		if e.Counters().Waiting == 0 {
			t.Fatal("none waits")
		}
		return e, l
	}
	done := func(how string, e *Engine, l *ledger) {
		got := operations(l)
		slices.Sort(got)
		if !slices.Equal(got, all) || e.Counters().Waiting != 0 {
			t.Errorf("%s: %q, %d wait, want %q", how, got, e.Counters().Waiting, all)
		}
	}

	e, l := begin()
	for i := range hourParts - 1 {
		e.Advance(sceneStart + int64(i+1)*int64(Tick))
		l.take(e.Flush())
	}
	done("in turn", e, l)

	e, l = begin()
	e.Advance(sceneStart) // the end of a driver
	l.take(e.Flush())
	done("at an end", e, l)

	e, l = begin()
	e, err := LoadState(slices.Concat(e.State()...), Options{}, syms)
	if err != nil {
		t.Fatal(err)
	}
	e.SettleAll()
	l.take(e.Flush())
	done("after a restart", e, l)
}

// Spans of two hours are counted in both.
func TestCountsOfSeveralHours(t *testing.T) {
	e := New(Options{}, collector.NewSymbols())
	s := e.subject(subjectKey{of: graph.OfOperation})
	const hour = int32(graph.Coarse / graph.Fine)
	for i := range int32(6) {
		e.countHour(s, i%3*hour, int64(i)+1)
	}
	e.countHour(s, 2*hour, -9)
	d := flushAll(e)
	got := map[graph.Instant]int64{}
	for k, st := range d.Cells() {
		got[k.Bucket] += st.Calls
	}
	if len(got) != 2 || got[0] != 1+4 || got[graph.Instant(graph.Coarse)] != 2+5 {
		t.Errorf("counts by hour %v", got)
	}
	if d := flushAll(e); d != nil {
		t.Errorf("%d more cells", d.Len())
	}
}
