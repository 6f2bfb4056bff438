package infer

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"graphctl/collector"
)

// load makes traces of a small fleet: each request passes through a chain of
// services with client and server spans, local work and a database call.
type load struct {
	rng       *rand.Rand
	resources []collector.Sym
	databases []collector.Sym
	addresses []collector.Sym
	names     []collector.Sym
}

func newLoad(syms *collector.Symbols, services int) *load {
	l := &load{rng: rand.New(rand.NewPCG(1, 2))}
	for i := range services {
		name := fmt.Sprintf("service-%d", i)
		l.resources = append(l.resources, syms.InternResource(collector.Resource{
			Namespace: "shop", Name: name, Environment: "production", Version: "1.2.3",
		}))
		l.databases = append(l.databases, syms.InternFar(collector.Far{
			DBSystem: "postgresql", DBNamespace: name, Host: "pg.internal", Port: 5432,
		}))
		l.addresses = append(l.addresses, syms.InternFar(collector.Far{Host: name + ".internal", Port: 8080}))
		l.names = append(l.names, syms.Intern([]byte("GET /"+name)))
	}
	return l
}

// trace appends a trace of n spans that starts at start.
func (l *load) trace(spans []collector.Span, n int, start int64) []collector.Span {
	var t collector.TraceID
	binary.BigEndian.PutUint64(t[:8], l.rng.Uint64())
	binary.BigEndian.PutUint64(t[8:], l.rng.Uint64())
	at := l.rng.IntN(len(l.resources))
	var parent collector.SpanID
	for i := range n {
		var id collector.SpanID
		binary.BigEndian.PutUint64(id[:], l.rng.Uint64())
		s := collector.Span{
			Trace: t, ID: id, Parent: parent, Start: start + int64(i)*1e6, Weight: collector.WeightOne,
			Messages: collector.NoCount, Resource: l.resources[at], Name: l.names[at],
		}
		s.End = s.Start + int64(l.rng.IntN(50e6))
		switch i % 4 {
		case 0:
			s.Kind, s.Role = collector.KindServer, collector.In
			parent = id
		case 1:
			s.Kind, s.Role = collector.KindInternal, collector.Local
		case 2:
			s.Kind, s.Role, s.Far = collector.KindClient, collector.Out, l.databases[at]
		case 3:
			at = (at + 1 + l.rng.IntN(3)) % len(l.resources)
			s.Kind, s.Role, s.Far = collector.KindClient, collector.Out, l.addresses[at]
			parent = id
		}
		spans = append(spans, s)
	}
	return spans
}

// BenchmarkEngine measures what one span costs from Observe to Flush, at
// 100,000 spans a second of log time, by the size of a trace and the number of
// ticks over which it arrives.
func BenchmarkEngine(b *testing.B) {
	for _, c := range []struct{ spans, ticks int }{{16, 1}, {16, 2}, {16, 4}, {2, 1}, {2000, 1}, {50000, 1}} {
		b.Run(fmt.Sprintf("spans=%d/ticks=%d", c.spans, c.ticks), func(b *testing.B) {
			benchmarkEngine(b, c.spans, c.ticks)
		})
	}
}

func benchmarkEngine(b *testing.B, size, ticks int) {
	const aTick = 50_000 // spans
	syms := collector.NewSymbols()
	e := New(Options{Horizon: 20 * time.Second}, syms)
	l := newLoad(syms, 500)
	now := int64(1_760_000_000e9)
	parts := make([][]collector.Span, ticks) // spans by how many ticks late they arrive
	var trace []collector.Span
	b.ReportAllocs()
	b.ResetTimer()
	seen := 0
	for seen < b.N || seen == 0 {
		b.StopTimer()
		for n := 0; n < aTick; n += size {
			trace = l.trace(trace[:0], size, now)
			for i, s := range trace {
				p := i * ticks / size
				parts[p] = append(parts[p], s)
			}
		}
		b.StartTimer()
		for i := range parts[0] {
			e.Observe(now, &parts[0][i], nil)
		}
		seen += len(parts[0])
		e.Advance(now)
		if seen/aTick%2 == 0 {
			e.Flush()
		}
		copy(parts, parts[1:])
		parts[ticks-1] = nil
		now += int64(Tick)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(seen), "ns/span")
}
