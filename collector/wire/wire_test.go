package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"graphctl/collector"
	"pgregory.net/rapid"
)

const base = 1_760_000_000e9

// fleet returns a table with n names of each kind.
func fleet(n int) *collector.Symbols {
	syms := collector.NewSymbols()
	for i := range n {
		name := fmt.Sprint("service-", i)
		syms.InternResource(collector.Resource{Namespace: "shop", Name: name, Version: "1.2.3"})
		syms.InternFar(collector.Far{Host: name + ".internal", Port: uint16(i)})
		syms.Intern([]byte("GET /" + name))
	}
	return syms
}

// anyID draws ids that are now new, now seen before.
func anyID[T ~[8]byte | ~[16]byte](t *rapid.T, seen *[]T, label string) T {
	if len(*seen) > 0 && rapid.Bool().Draw(t, label+" again") {
		return rapid.SampledFrom(*seen).Draw(t, label)
	}
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], rapid.Uint64Min(1).Draw(t, label))
	binary.BigEndian.PutUint64(id[8:], rapid.Uint64().Draw(t, label+" low"))
	var as T
	switch p := any(&as).(type) {
	case *collector.TraceID:
		copy(p[:], id[:])
	case *collector.SpanID:
		copy(p[:], id[:])
	}
	*seen = append(*seen, as)
	return as
}

// anyBatch draws a batch of whatever a receiver may make, with numbers below n.
func anyBatch(t *rapid.T, n int) *collector.Batch {
	b := new(collector.Batch)
	var traces []collector.TraceID
	var ids []collector.SpanID
	sym := rapid.Map(rapid.IntRange(0, n-1), func(n int) collector.Sym { return collector.Sym(n) })
	when := rapid.OneOf(rapid.Int64(), rapid.Int64Range(base-1e9, base+1e9),
		rapid.SampledFrom([]int64{0, math.MinInt64, math.MaxInt64}))
	for range rapid.IntRange(0, 40).Draw(t, "spans") {
		s := collector.Span{
			Trace: anyID(t, &traces, "trace"), ID: anyID(t, &ids, "id"),
			Start: when.Draw(t, "start"), End: when.Draw(t, "end"),
			Resource: sym.Draw(t, "resource"), Far: sym.Draw(t, "far"), Name: sym.Draw(t, "name"),
			Weight: collector.WeightOne, Messages: collector.NoCount, FirstLink: uint32(len(b.Links)),
			Kind:  collector.Kind(rapid.IntRange(0, int(collector.KindConsumer)).Draw(t, "kind")),
			Role:  collector.Role(rapid.IntRange(0, int(collector.Settle)).Draw(t, "role")),
			Flags: collector.Flags(rapid.IntRange(0, 7).Draw(t, "flags")),
		}
		if rapid.Bool().Draw(t, "has parent") {
			s.Parent = anyID(t, &ids, "parent")
		}
		if rapid.Bool().Draw(t, "rare") {
			s.Weight = rapid.Int64Range(collector.WeightOne, collector.MaxWeight).Draw(t, "weight")
			s.Messages = rapid.Int32Range(collector.NoCount, math.MaxInt32).Draw(t, "messages")
			s.Links = uint16(rapid.OneOf(rapid.IntRange(0, 3), rapid.Just(collector.MaxLinks)).Draw(t, "links"))
			for range s.Links {
				b.Links = append(b.Links, collector.Link{Trace: traces[0], ID: ids[0]})
			}
		}
		b.Spans = append(b.Spans, s)
	}
	return b
}

// Every span comes back as it was, with its links, behind what is there.
func TestSpansRoundTrip(t *testing.T) {
	const names = 200
	syms := fleet(names - fixed)
	all := CountsOf(syms)
	defs := AppendNames(nil, syms, Counts{}, all)
	rapid.Check(t, func(t *rapid.T) {
		want := anyBatch(t, names)
		if !all.Covers(want) {
			t.Fatal("the names of the fleet are not covered")
		}
		src := AppendSpans(nil, base, want)
		var n Names
		if err := n.Read(defs, syms); err != nil {
			t.Fatal(err)
		}
		var got collector.Batch
		for range 2 { // the second time behind the first
			first, links := len(got.Spans), uint32(len(got.Links))
			if err := n.ReadSpans(src, base, &got); err != nil {
				t.Fatal(err)
			}
			for i, s := range want.Spans {
				s.FirstLink += links
				if got.Spans[first+i] != s {
					t.Fatalf("span %d is %+v, want %+v", i, got.Spans[first+i], s)
				}
				if !slices.Equal(got.LinksOf(&got.Spans[first+i]), want.LinksOf(&want.Spans[i])) {
					t.Fatalf("span %d has other links", i)
				}
			}
			if len(got.Spans) != first+len(want.Spans) {
				t.Fatalf("%d spans, want %d", len(got.Spans)-first, len(want.Spans))
			}
		}
	})
}

// What is cut short or has a byte too many is refused.
func TestSpansCutShort(t *testing.T) {
	syms := fleet(20)
	defs := AppendNames(nil, syms, Counts{}, CountsOf(syms))
	rapid.Check(t, func(t *rapid.T) {
		b := anyBatch(t, 20)
		src := AppendSpans(nil, base, b)
		var n Names
		if err := n.Read(defs, syms); err != nil {
			t.Fatal(err)
		}
		cut := rapid.IntRange(0, len(src)-1).Draw(t, "cut")
		if err := n.ReadSpans(src[:cut], base, new(collector.Batch)); !errors.Is(err, ErrMalformed) {
			t.Errorf("cut to %d of %d bytes: %v", cut, len(src), err)
		}
		if err := n.ReadSpans(append(src, 0), base, new(collector.Batch)); !errors.Is(err, ErrMalformed) {
			t.Errorf("with a byte more: %v", err)
		}
	})
}

// Spans that no receiver makes are refused, whatever is wrong with them.
func TestSpansMalformed(t *testing.T) {
	const trace, id = "\x01abcdefghijklmno", "\x01abcdefg"
	span := func(head, kinds byte, rest string) string { return "\x01" + string([]byte{head, kinds}) + rest }
	const times = "\x00\x00"
	good := span(sameResource, 0, trace+id+times+"\x00")
	links := func(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }
	for name, src := range map[string]string{
		"kind 6":              span(sameResource, 6, trace+id+times+"\x00"),
		"trace 3":             span(sameResource|3, 0, trace+id+times+"\x00"),
		"no trace before":     span(sameResource|traceBefore, 0, id+times+"\x00"),
		"empty trace slot":    span(sameResource|traceSlot, 0, "\x05"+id+times+"\x00"),
		"zero trace":          span(sameResource, 0, strings.Repeat("\x00", 16)+id+times+"\x00"),
		"zero id":             span(sameResource, 0, trace+strings.Repeat("\x00", 8)+times+"\x00"),
		"empty id slot":       span(sameResource|idSlot, 0, trace+"\x05"+times+"\x00"),
		"zero parent":         span(sameResource|parentInFull, 0, trace+id+strings.Repeat("\x00", 8)+times+"\x00"),
		"empty parent slot":   span(sameResource|parentSlot, 0, trace+id+"\x05"+times+"\x00"),
		"no span before":      span(sameResource|parentBefore, 0, trace+id+times+"\x00"),
		"unknown name":        span(sameResource, 0, trace+id+times+"\x02"),
		"unknown resource":    span(0, 0, trace+id+times+"\x00\x02"),
		"unknown far side":    span(sameResource|hasFar, 0, trace+id+times+"\x00\x02"),
		"unknown rare field":  span(sameResource|hasMore, 0, "\x20"+trace+id+times+"\x00"),
		"end after the start": span(sameResource|hasMore, 0, string(rune(endsEarlier))+trace+id+times+"\x00"),
		"weight 0":            span(sameResource|hasMore, 0, string(rune(hasWeight))+trace+id+times+"\x00\x00"),
		"weight too large":    span(sameResource|hasMore, 0, string(rune(hasWeight))+trace+id+times+"\x00"+links(collector.MaxWeight+1)),
		"too many messages":   span(sameResource|hasMore, 0, string(rune(hasMessages))+trace+id+times+"\x00"+links(1<<31)),
		"too many links": span(sameResource|hasMore, 0, string(rune(hasLinks))+trace+id+times+"\x00"+links(collector.MaxLinks+1)+
			strings.Repeat(trace+id, collector.MaxLinks+1)),
		"too few links":      span(sameResource|hasMore, 0, string(rune(hasLinks))+trace+id+times+"\x00"+links(2)+trace+id),
		"link without trace": span(sameResource|hasMore, 0, string(rune(hasLinks))+trace+id+times+"\x00"+links(1)+strings.Repeat("\x00", 16)+id),
		"link without id":    span(sameResource|hasMore, 0, string(rune(hasLinks))+trace+id+times+"\x00"+links(1)+trace+strings.Repeat("\x00", 8)),
		"many spans":         "\xff\xff\xff\xff\x0f" + good[1:],
	} {
		var n Names
		if err := n.ReadSpans([]byte(src), base, new(collector.Batch)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	var n Names
	if err := n.ReadSpans([]byte(good), base, new(collector.Batch)); err != nil {
		t.Errorf("a good span: %v", err)
	}
}

// A process with other numbers reads the same names, in as many definitions as
// the writer likes.
func TestNamesCarryOver(t *testing.T) {
	from, to := fleet(100), fleet(3)
	to.Intern([]byte("another"))
	to.InternResource(collector.Resource{Name: "another"})
	to.InternFar(collector.Far{Host: "another"})
	var n Names
	all := CountsOf(from)
	for c := (Counts{}); c != all; {
		next := c.Next(all, 7)
		if err := n.Read(AppendNames(nil, from, c, next), to); err != nil {
			t.Fatal(err)
		}
		c = next
	}
	for y := range collector.Sym(102) {
		var b collector.Batch
		s := collector.Span{Trace: collector.TraceID{1}, ID: collector.SpanID{1}, Name: y, Resource: y, Far: y,
			Weight: collector.WeightOne, Messages: collector.NoCount}
		src := AppendSpans(nil, base, &collector.Batch{Spans: []collector.Span{s}})
		if err := n.ReadSpans(src, base, &b); err != nil {
			t.Fatal(err)
		}
		got := b.Spans[0]
		if to.Text(got.Name) != from.Text(y) || to.Resource(got.Resource) != from.Resource(y) || to.Far(got.Far) != from.Far(y) {
			t.Errorf("name %d reads %q, %v, %v", y, to.Text(got.Name), to.Resource(got.Resource), to.Far(got.Far))
		}
	}
	n.Reset() // the next file begins anew
	if err := n.Read(AppendNames(nil, from, Counts{}, all), to); err != nil {
		t.Error(err)
	}
}

// Names beyond the bound of the reader's table are Other to it.
func TestNamesFold(t *testing.T) {
	from, to := fleet(2), collector.NewLimitedSymbols(collector.SymbolLimits{Names: 2})
	var n Names
	if err := n.Read(AppendNames(nil, from, Counts{}, CountsOf(from)), to); err != nil {
		t.Fatal(err)
	}
	if n.texts[1] <= collector.Other || n.resources[0] != collector.Other || n.fars[1] != collector.Other {
		t.Errorf("the names read are %v", n)
	}
}

// Definitions that do not follow those before, and those that are no keys, are
// refused.
func TestNamesMalformed(t *testing.T) {
	for name, src := range map[string]string{
		"empty":         "",
		"number 3":      "\x03\x01\x01a\x02\x00\x02\x00",
		"too many":      "\x02\x7f\x01a\x02\x00\x02\x00",
		"text short":    "\x02\x01\x7fa\x02\x00\x02\x00",
		"no resource":   "\x02\x00\x02\x01\x01a\x02\x00",
		"no far":        "\x02\x00\x02\x00\x02\x01\x01a",
		"a series less": "\x02\x00\x02\x00",
		"a byte more":   "\x02\x00\x02\x00\x02\x00a",
	} {
		var n Names
		if err := n.Read([]byte(src), collector.NewSymbols()); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Counts cover what is below them, and the fixed symbols always.
func TestCovers(t *testing.T) {
	span := func(name, resource, far collector.Sym) *collector.Batch {
		return &collector.Batch{Spans: []collector.Span{{}, {Name: name, Resource: resource, Far: far}, {}}}
	}
	for _, c := range []struct {
		counts Counts
		b      *collector.Batch
		want   bool
	}{
		{Counts{}, span(1, 1, 1), true},
		{Counts{}, span(2, 0, 0), false},
		{Counts{5, 6, 7}, span(4, 5, 6), true},
		{Counts{5, 6, 7}, span(5, 5, 6), false},
		{Counts{5, 6, 7}, span(4, 6, 6), false},
		{Counts{5, 6, 7}, span(4, 5, 7), false},
	} {
		if got := c.counts.Covers(c.b); got != c.want {
			t.Errorf("%v covers %+v: %v", c.counts, c.b.Spans[1], got)
		}
	}
}

// load is 512 spans of traces of 16, side by side or interleaved as where each
// service sends its own.
func load(interleaved bool) *collector.Batch {
	rng := rand.New(rand.NewPCG(1, 2))
	b := new(collector.Batch)
	for range 32 {
		var trace collector.TraceID
		binary.BigEndian.PutUint64(trace[:8], rng.Uint64())
		binary.BigEndian.PutUint64(trace[8:], rng.Uint64())
		var parent collector.SpanID
		start := base - rng.Int64N(1e9)
		for i := range 16 {
			s := collector.Span{
				Trace: trace, Parent: parent, Start: start + int64(i)*1e6 + rng.Int64N(1e6), Weight: collector.WeightOne,
				Messages: collector.NoCount, Resource: collector.Sym(2 + rng.IntN(2000)), Name: collector.Sym(2 + rng.IntN(2000)),
			}
			binary.BigEndian.PutUint64(s.ID[:], rng.Uint64())
			s.End = s.Start + rng.Int64N(50e6)
			switch i % 4 {
			case 0:
				s.Kind, s.Role, s.Flags, parent = collector.KindServer, collector.In, collector.ParentRemote, s.ID
			case 3:
				s.Kind, s.Role, s.Far, parent = collector.KindClient, collector.Out, collector.Sym(2+rng.IntN(2000)), s.ID
			default:
				s.Kind, s.Role = collector.KindInternal, collector.Local
			}
			b.Spans = append(b.Spans, s)
		}
	}
	if interleaved {
		rng.Shuffle(len(b.Spans), func(i, j int) { b.Spans[i], b.Spans[j] = b.Spans[j], b.Spans[i] })
	}
	return b
}

func benchmarkLoads(b *testing.B, f func(b *testing.B, spans *collector.Batch)) {
	for _, interleaved := range []bool{false, true} {
		b.Run(map[bool]string{false: "side-by-side", true: "shuffled"}[interleaved], func(b *testing.B) {
			spans := load(interleaved)
			b.ReportAllocs()
			f(b, spans)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(spans.Spans)), "ns/span")
		})
	}
}

func BenchmarkAppendSpans(b *testing.B) {
	benchmarkLoads(b, func(b *testing.B, spans *collector.Batch) {
		var dst []byte
		for b.Loop() {
			dst = AppendSpans(dst[:0], base, spans)
		}
		b.ReportMetric(float64(len(dst))/float64(len(spans.Spans)), "B/span")
	})
}

func BenchmarkReadSpans(b *testing.B) {
	syms := fleet(2000)
	var n Names
	if err := n.Read(AppendNames(nil, syms, Counts{}, CountsOf(syms)), syms); err != nil {
		b.Fatal(err)
	}
	benchmarkLoads(b, func(b *testing.B, spans *collector.Batch) {
		src := AppendSpans(nil, base, spans)
		var to collector.Batch
		for b.Loop() {
			to.Reset()
			if err := n.ReadSpans(src, base, &to); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkCovers(b *testing.B) {
	benchmarkLoads(b, func(b *testing.B, spans *collector.Batch) {
		c := Counts{5000, 5000, 5000}
		for b.Loop() {
			if !c.Covers(spans) {
				b.Fatal("not covered")
			}
		}
	})
}

// Writing and reading allocate nothing once buffers have grown, and a span of a
// usual request takes 23.4 bytes, of one whose traces are shuffled 32.7.
func TestSpansCost(t *testing.T) {
	syms := fleet(2000)
	var n Names
	if err := n.Read(AppendNames(nil, syms, Counts{}, CountsOf(syms)), syms); err != nil {
		t.Fatal(err)
	}
	for interleaved, most := range map[bool]float64{false: 23.5, true: 32.7} {
		b := load(interleaved)
		var dst []byte
		var to collector.Batch
		round := func() {
			dst = AppendSpans(dst[:0], base, b)
			to.Reset()
			if err := n.ReadSpans(dst, base, &to); err != nil {
				t.Fatal(err)
			}
		}
		round()
		if got := testing.AllocsPerRun(10, round); got != 0 {
			t.Errorf("%v allocations", got)
		}
		if got := float64(len(dst)) / float64(len(b.Spans)); got > most {
			t.Errorf("%.2f bytes a span, want at most %.1f", got, most)
		}
	}
}
