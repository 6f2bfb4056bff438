package infer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"graphctl/collector"
)

// A testArchive keeps records in memory, as long as it takes any.
type testArchive struct {
	kept    map[uint64]keptRecord
	full    bool
	keeps   int // calls
	recalls int
}

type keptRecord struct {
	lastSeen int64
	record   []byte
}

func newTestArchive() *testArchive { return &testArchive{kept: map[uint64]keptRecord{}} }

func (a *testArchive) Keep(low uint64, lastSeen int64, record []byte) bool {
	a.keeps++
	if !a.full {
		a.kept[low] = keptRecord{lastSeen, bytes.Clone(record)}
	}
	return !a.full
}

func (a *testArchive) Recall(low uint64, oldest int64) []byte {
	a.recalls++
	if k, ok := a.kept[low]; ok && k.lastSeen > oldest {
		return k.record
	}
	return nil
}

// memory is what a trace is in memory, without the places where it is.
type memory struct {
	trace    trace
	records  []record
	shown    []contribution
	links    [][]ref
	exchange exchange
}

func (e *Engine) memoryOf(low uint64) memory {
	t := e.traces.at(e.byLow[low])
	m := memory{trace: *t}
	m.trace.first, m.trace.shown, m.trace.ext, m.trace.older, m.trace.newer, m.trace.dueAt, m.trace.evaluated = 0, 0, 0, 0, 0, 0, 0
	for k := t.first; k != 0; k = e.records.at(k).next {
		r := *e.records.at(k)
		m.links = append(m.links, slices.Clone(e.linksOf(t, &r)))
		r.next, r.firstLink = 0, 0
		m.records = append(m.records, r)
	}
	for k := t.shown; k != 0; k = e.contributions.at(k).next {
		c := *e.contributions.at(k)
		c.next = 0
		m.shown = append(m.shown, c)
	}
	if t.ext != 0 {
		m.exchange = *e.exchanges[t.ext]
		m.exchange.links = nil
	}
	return m
}

// randomRecords gives e a trace of any spans with these low bits, by way of
// Observe.
func randomRecords(rng *rand.Rand, e *Engine, syms *collector.Symbols, low uint64) {
	any64 := func() uint64 { return rng.Uint64() >> rng.IntN(64) }
	ids := []uint64{1}
	now := sceneStart
	for range 1 + rng.IntN(60) {
		var s collector.Span
		binary.BigEndian.PutUint64(s.Trace[8:], low)
		binary.BigEndian.PutUint64(s.Trace[:8], any64()*uint64(rng.IntN(2)))
		id := any64() | 1
		binary.BigEndian.PutUint64(s.ID[:], id)
		parent := ids[rng.IntN(len(ids))] * uint64(rng.IntN(2))
		if rng.IntN(4) == 0 {
			parent = any64()
		}
		binary.BigEndian.PutUint64(s.Parent[:], parent)
		ids = append(ids, id)
		s.Start, s.End = sceneStart+int64(any64()>>2)-int64(any64()>>2), sceneStart+int64(any64()>>2)-int64(any64()>>2)
		s.Weight, s.Messages = int64(any64()%collector.MaxWeight), int32(rng.Uint32())
		if rng.IntN(2) == 0 {
			s.Weight, s.Messages = collector.WeightOne, collector.NoCount
		}
		s.Resource = syms.InternResource(collector.Resource{Name: fmt.Sprint("service", rng.IntN(9)), Environment: "e"})
		if rng.IntN(2) == 0 {
			s.Far = syms.InternFar(collector.Far{Peer: fmt.Sprint("p", rng.IntN(300)), Destination: "d"})
		}
		s.Name = syms.Intern(fmt.Append(nil, "op", rng.IntN(300)))
		s.Kind, s.Role, s.Flags = collector.Kind(rng.IntN(6)), collector.Role(rng.IntN(8)), collector.Flags(rng.IntN(8))
		var links []collector.Link
		for range rng.IntN(4) * rng.IntN(2) {
			l := collector.Link{Trace: s.Trace, ID: s.ID}
			l.Trace[15], l.ID[7] = byte(1+rng.IntN(4)), byte(rng.IntN(256))
			links = append(links, l)
		}
		now += int64(rng.IntN(2)) * int64(rng.IntN(1e9))
		e.Observe(now, &s, links)
	}
}

// A trace that was packed and brought back, also after a restart, is what it
// was in memory: spans, arrivals, what it contributes, and all that linked
// traces told.
func TestPackingRoundTrip(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 0))
		syms := collector.NewSymbols()
		archive := newTestArchive()
		e := New(Options{Archive: archive, Horizon: -1}, syms)
		for low := range uint64(4) {
			randomRecords(rng, e, syms, low+1)
		}
		e.SettleAll()
		e.settled = -1 << 63
		want := map[uint64]memory{}
		for low := range e.byLow {
			want[low] = e.memoryOf(low)
		}
		flushAll(e)
		counters := e.Counters()
		e.Advance(e.now + int64(time.Hour))
		if len(e.byLow) != 0 || len(archive.kept) != len(want) || e.held != 0 {
			t.Fatalf("seed %d: %d of %d traces were packed, %d records are held", seed, len(archive.kept), len(want), e.held)
		}
		if seed%2 == 1 {
			var err error
			if e, err = LoadState(slices.Concat(e.State()...), e.o, syms); err != nil {
				t.Fatal(err)
			}
		}
		for low, want := range want {
			if e.lookUp(low) == 0 {
				t.Fatalf("seed %d: trace %d was not brought back", seed, low)
			}
			if got, want := fmt.Sprintf("%+v", e.memoryOf(low)), fmt.Sprintf("%+v", want); got != want {
				t.Fatalf("seed %d: trace %d\n got %s\nwant %s", seed, low, got, want)
			}
		}
		if d := e.Flush(); d != nil {
			t.Errorf("seed %d: bringing traces back emitted %d cells", seed, d.Len())
		}
		if e.hasMail() {
			t.Errorf("seed %d: bringing traces back sent mail", seed)
		}
		got := e.Counters()
		if got.Packed != uint64(len(want)) || got.Recalled != uint64(len(want)) || got.PackedSpans != uint64(counters.LiveSpans) {
			t.Errorf("seed %d: packed %d traces, %d spans, recalled %d", seed, got.Packed, got.PackedSpans, got.Recalled)
		}
		got.Packed, got.PackedSpans, got.Recalled = 0, 0, 0
		if got != counters {
			t.Errorf("seed %d: counters\n got %+v\nwant %+v", seed, got, counters)
		}
	}
}

// packed packs all traces of e, which has been given spans.
func packed(t *testing.T, e *Engine) {
	t.Helper()
	e.Advance(e.now + int64(e.o.Settle))
	e.Advance(e.now + e.quiet)
	if len(e.byLow) != 0 {
		t.Fatalf("%d traces are still in memory", len(e.byLow))
	}
}

// A span that comes half an hour later meets its other half, which left memory.
func TestLateHalfOfPackedTrace(t *testing.T) {
	syms := collector.NewSymbols()
	e, l := New(Options{Archive: newTestArchive()}, syms), new(ledger)
	all := parseSpans(t, syms, "1 1 client a peer=x\n1 2<1 server b")
	observe(e, sceneStart, all[:1])
	packed(t, e)
	l.take(e.Flush())
	if got, want := l.edges(), "a -> x rpc 1/0"; got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
	observe(e, sceneStart+1800e9, all) // the first one is a duplicate
	e.Advance(sceneStart + 1800e9)
	l.take(e.Flush())
	if got, want := l.edges(), "a -> b rpc 1/0"; got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
	if c := e.Counters(); c.Late != 0 || c.Duplicates != 1 || c.Spans[Paired] != 2 {
		t.Errorf("counters %+v", c)
	}
	checkAccounts(t, e)
}

// Traces are packed after 5 s of silence, or after Settle if that is longer, and
// not while they hide a guess.
func TestPackingWaits(t *testing.T) {
	for _, c := range []struct{ settle, quiet time.Duration }{
		{0, 5 * time.Second}, {time.Second, 5 * time.Second}, {20 * time.Second, 20 * time.Second}, {-1, 0},
	} {
		syms := collector.NewSymbols()
		archive := newTestArchive()
		e := New(Options{Archive: archive, Settle: c.settle}, syms)
		observe(e, sceneStart, parseSpans(t, syms, "1 1 client a peer=x"))
		e.Advance(sceneStart)
		if c.quiet > 0 {
			e.Advance(sceneStart + int64(c.quiet) - 1)
			if len(archive.kept) != 0 {
				t.Errorf("settle %v: packed before %v", c.settle, c.quiet)
			}
		}
		e.Advance(sceneStart + int64(c.quiet))
		if len(archive.kept) != 1 {
			t.Errorf("settle %v: not packed after %v", c.settle, c.quiet)
		}
	}
}

// An archive that refuses is asked once a tick, and its traces stay in memory.
func TestPackingRefused(t *testing.T) {
	syms := collector.NewSymbols()
	archive := newTestArchive()
	archive.full = true
	e := New(Options{Archive: archive}, syms)
	for i := range 50 {
		observe(e, sceneStart, parseSpans(t, syms, fmt.Sprintf("%x 1 client a", i+1)))
	}
	e.Advance(sceneStart + 10e9)
	e.Advance(sceneStart + 11e9)
	if c := e.Counters(); archive.keeps != 2 || c.LiveSpans != 50 || c.Packed != 0 {
		t.Errorf("%d traces were offered, %d spans live, %d packed", archive.keeps, c.LiveSpans, c.Packed)
	}
	archive.full = false
	e.Advance(sceneStart + 12e9)
	if c := e.Counters(); c.LiveSpans != 0 || c.Packed != 50 {
		t.Errorf("%d spans live, %d traces packed", c.LiveSpans, c.Packed)
	}
}

// Over the bound on memory the quietest traces are packed early, their guesses
// shown; what the archive refuses is evicted, and its older record is not used
// again.
func TestPackingForRoom(t *testing.T) {
	syms := collector.NewSymbols()
	archive := newTestArchive()
	e, l := New(Options{MaxSpans: 10, Archive: archive}, syms), new(ledger)
	client := func(i int) []observation {
		return parseSpans(t, syms, fmt.Sprintf("%x 1 client a peer=x", i))
	}
	server := func(i int) []observation {
		return parseSpans(t, syms, fmt.Sprintf("%x 2<1 server b", i))
	}
	for i := 1; i <= 25; i++ {
		observe(e, sceneStart+int64(i), client(i))
	}
	e.Advance(sceneStart + 100)
	l.take(e.Flush())
	if c := e.Counters(); c.Evicted != 0 || c.Packed != 15 || c.LiveSpans != 10 {
		t.Errorf("evicted %d, packed %d, live %d, want 0, 15, 10", c.Evicted, c.Packed, c.LiveSpans)
	}
	if got, want := l.edges(), "a -> x rpc 15/0"; got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
	archive.full = true
	observe(e, sceneStart+200, server(1)) // is brought back, and another one has to leave
	e.Advance(sceneStart + 10e9)
	l.take(e.Flush())
	if got, want := l.edges(), "a -> b rpc 1/0\na -> x rpc 24/0"; got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
	observe(e, sceneStart+11e9, parseSpans(t, syms, "99 1 client a peer=y\n99 2 client a peer=y\n99 3 client a peer=y\n99 4 client a peer=y\n99 5 client a peer=y\n99 6 client a peer=y\n99 7 client a peer=y\n99 8 client a peer=y\n99 9 client a peer=y\n99 a client a peer=y"))
	c := e.Counters()
	if c.Evicted != 12 || c.LiveSpans != 10 {
		t.Errorf("evicted %d, live %d, want 12, 10", c.Evicted, c.LiveSpans)
	}
	archive.full = false
	observe(e, sceneStart+12e9, parseSpans(t, syms, "1 3<2 client b"))
	e.Advance(sceneStart + 20e9)
	l.take(e.Flush())
	if got, want := l.edges(), "a -> b rpc 1/0\na -> x rpc 24/0\na -> y rpc 10/0"; got != want {
		t.Errorf("edges %q, want %q", got, want)
	}
	if c := e.Counters(); c.Late != 1 {
		t.Errorf("%d late spans, want 1", c.Late)
	}
	checkAccounts(t, e)
}

// Beyond the horizon a packed trace is not brought back.
func TestPackedBeyondHorizon(t *testing.T) {
	for _, c := range []struct {
		after    time.Duration
		recalled uint64
	}{{time.Hour - 1, 1}, {time.Hour, 0}} {
		syms := collector.NewSymbols()
		e := New(Options{Archive: newTestArchive()}, syms)
		observe(e, sceneStart, parseSpans(t, syms, "1 1 client a peer=x"))
		packed(t, e)
		e.Advance(sceneStart + int64(c.after))
		observe(e, sceneStart+int64(c.after), parseSpans(t, syms, "1 2<1 server b"))
		if got := e.Counters().Recalled; got != c.recalled {
			t.Errorf("after %v: %d traces brought back, want %d", c.after, got, c.recalled)
		}
	}
}

// A record that gives other contributions than were shown is not amended: its
// trace counts as late.
func TestPackedUnderOtherHorizon(t *testing.T) {
	syms := collector.NewSymbols()
	archive := newTestArchive()
	e := New(Options{Archive: archive}, syms)
	all := parseSpans(t, syms, "1 1 client a peer=x\n1 2<1 server b")
	for i := range all {
		all[i].span.Start -= 1800e9
	}
	observe(e, sceneStart, all[:1])
	packed(t, e)
	e, err := LoadState(slices.Concat(e.State()...), Options{Archive: archive, Horizon: 25 * time.Minute}, syms)
	if err != nil {
		t.Fatal(err)
	}
	l := new(ledger)
	l.take(e.Flush())
	before := l.edges()
	observe(e, sceneStart+60e9, all[1:])
	e.Advance(sceneStart + 61e9)
	l.take(e.Flush())
	if got := l.edges(); got != before {
		t.Errorf("edges %q, want %q", got, before)
	}
	if c := e.Counters(); c.Late != 1 || c.Recalled != 0 || c.LiveTraces != 1 || c.LiveSpans != 1 {
		t.Errorf("counters %+v, want one late span", c)
	}
	checkAccounts(t, e)
}

// A record is small: names, ids and times of common traces take less than 30
// bytes a span.
func TestPackedSize(t *testing.T) {
	syms := collector.NewSymbols()
	archive := newTestArchive()
	e := New(Options{Archive: archive}, syms)
	load := newLoad(syms, 500)
	for range 500 {
		for _, s := range load.trace(nil, 16, sceneStart) {
			e.Observe(sceneStart, &s, nil)
		}
	}
	packed(t, e)
	size := 0
	for _, k := range archive.kept {
		size += len(k.record)
	}
	if got := float64(size) / (500 * 16); got > 30 {
		t.Errorf("%.1f bytes a span, want at most 30", got)
	} else {
		t.Logf("%.1f bytes a span", got)
	}
}

// Records that are cut or damaged are not taken for others, never panic and
// leave nothing behind.
func TestDamagedRecord(t *testing.T) {
	syms := collector.NewSymbols()
	archive := newTestArchive()
	e := New(Options{Archive: archive}, syms)
	for _, s := range scenes {
		observe(e, sceneStart, parseSpans(t, syms, s.spans))
	}
	packed(t, e)
	bad := 0
	for _, k := range archive.kept {
		for cut := range len(k.record) {
			bad++
			if e.unpack(uint64(1000+bad), k.record[:cut]) != 0 {
				t.Fatalf("a record cut to %d of %d bytes was taken", cut, len(k.record))
			}
		}
	}
	if e.held != 0 || len(e.byLow) != 0 || e.oldest != 0 || bad == 0 {
		t.Errorf("%d records held after %d damaged ones", e.held, bad)
	}
}

// FuzzUnpack holds the reader of records to "a trace or nothing".
func FuzzUnpack(f *testing.F) {
	syms := collector.NewSymbols()
	archive := newTestArchive()
	e := New(Options{Archive: archive}, syms)
	for _, s := range scenes {
		observe(e, sceneStart, parseSpans(f, syms, s.spans))
	}
	e.Advance(sceneStart)
	e.Advance(sceneStart + 10e9)
	for _, k := range archive.kept {
		f.Add(k.record)
	}
	state := slices.Concat(e.State()...)
	f.Fuzz(func(t *testing.T, record []byte) {
		e, err := LoadState(state, Options{}, collector.NewSymbols())
		if err != nil {
			t.Fatal(err)
		}
		if e.unpack(7, record) == 0 && (e.held != 0 || len(e.byLow) != 0) {
			t.Errorf("%d records held", e.held)
		}
		e.Advance(sceneStart + 20e9)
		e.Advance(sceneStart + 2*3600e9)
	})
}

// BenchmarkPacking measures what a span costs to pack and to bring back.
func BenchmarkPacking(b *testing.B) {
	const traces, size = 3000, 16
	syms := collector.NewSymbols()
	archive := newTestArchive()
	e := New(Options{Archive: archive}, syms)
	load := newLoad(syms, 500)
	var lows []uint64
	now := sceneStart
	for range traces {
		spans := load.trace(nil, size, now)
		lows = append(lows, spans[0].Trace.Low())
		for i := range spans {
			e.Observe(now, &spans[i], nil)
		}
	}
	e.Advance(now)
	e.Flush()
	now += 10e9
	e.Advance(now)
	var pack, recall time.Duration
	bytes, spans := 0, 0
	for b.Loop() {
		begin := time.Now()
		for _, low := range lows {
			e.lookUp(low)
		}
		recall += time.Since(begin)
		begin = time.Now()
		for _, low := range lows {
			i := e.byLow[low]
			e.packer.record(e, e.traces.at(i))
			bytes += len(e.packer.buf)
			e.drop(i)
		}
		pack += time.Since(begin)
		spans += traces * size
	}
	b.ReportMetric(float64(pack.Nanoseconds())/float64(spans), "ns-pack/span")
	b.ReportMetric(float64(recall.Nanoseconds())/float64(spans), "ns-recall/span")
	b.ReportMetric(float64(bytes)/float64(spans), "B/span")
}
