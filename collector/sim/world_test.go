package sim

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

// A span is one that the world sends, without numbers of a process.
type span struct {
	trace, id, parent uint64
	kind              collector.Kind
	role              collector.Role
	service, peer     string
	destination       string // of messages
	failed            bool
	start             time.Time
	took              time.Duration
	links             []collector.Link

	at time.Time // when it is sent first
}

// A request is some spans that are sent together.
type request struct {
	spans []*span
	acked time.Time // zero: not yet
}

// world makes the traffic of a run: calls, some unanswered, some failed, some
// with a half that is minutes late, and messages that link traces.
func world(rng *rand.Rand, begin time.Time, length time.Duration) []*request {
	var spans []*span
	id := uint64(0)
	next := func() uint64 { id++; return id*0x9e3779b97f4a7c15 | 1 }
	for range 20 + rng.IntN(40) {
		trace := next()
		at := begin.Add(time.Duration(rng.Int64N(int64(length))))
		spans = append(spans, callsOf(rng, trace, at, length, next)...)
		if rng.IntN(4) == 0 {
			spans = append(spans, messagesOf(rng, at, next)...)
		}
	}
	slices.SortStableFunc(spans, func(a, b *span) int { return a.at.Compare(b.at) })
	var requests []*request
	for len(spans) > 0 {
		n := min(1+rng.IntN(6), len(spans))
		requests = append(requests, &request{spans: spans[:n]})
		spans = spans[n:]
	}
	return requests
}

func service(rng *rand.Rand) string { return fmt.Sprintf("s%d", rng.IntN(6)) }

// callsOf makes a chain of calls.
func callsOf(rng *rand.Rand, trace uint64, at time.Time, length time.Duration, next func() uint64) []*span {
	var spans []*span
	parent := uint64(0)
	caller := service(rng)
	for range 1 + rng.IntN(3) {
		client := &span{trace: trace, id: next(), parent: parent, kind: collector.KindClient, role: collector.Out, service: caller,
			start: at, took: time.Duration(rng.IntN(1e9)), failed: rng.IntN(8) == 0, at: at}
		spans = append(spans, client)
		if rng.IntN(6) == 0 { // nobody answers
			client.peer = "legacy"
			break
		}
		callee := service(rng)
		server := &span{trace: trace, id: next(), parent: client.id, kind: collector.KindServer, role: collector.In, service: callee,
			start: at, took: client.took / 2, failed: rng.IntN(8) == 0, at: at}
		for _, half := range []*span{client, server} {
			switch rng.IntN(8) {
			case 0:
				half.at = at.Add(time.Duration(rng.Int64N(int64(length))))
			case 1:
				half.at = at.Add(time.Duration(rng.IntN(20)) * time.Second)
			}
		}
		spans = append(spans, server)
		parent, caller = server.id, callee
	}
	return spans
}

// messagesOf makes a producer and consumers of its message in other traces.
func messagesOf(rng *rand.Rand, at time.Time, next func() uint64) []*span {
	sent := &span{trace: next(), id: next(), kind: collector.KindProducer, role: collector.Publish, service: service(rng),
		start: at, took: time.Millisecond, destination: "orders", at: at}
	spans := []*span{sent}
	for range 1 + rng.IntN(3) {
		later := at.Add(time.Duration(rng.IntN(120)) * time.Second)
		spans = append(spans, &span{trace: next(), id: next(), kind: collector.KindConsumer, role: collector.Process, service: service(rng),
			start: later, took: time.Millisecond, at: later, destination: "orders", links: []collector.Link{sent.link()}})
	}
	return spans
}

func (s *span) link() (l collector.Link) {
	binary.BigEndian.PutUint64(l.Trace[8:], s.trace)
	binary.BigEndian.PutUint64(l.ID[:], s.id)
	return l
}

// batch returns spans as the process with syms has them.
func batch(spans []*span, syms *collector.Symbols) *collector.Batch {
	b := new(collector.Batch)
	for _, s := range spans {
		l := s.link()
		r := collector.Span{
			Trace: l.Trace, ID: l.ID, Start: s.start.UnixNano(), End: s.start.Add(s.took).UnixNano(),
			Weight: collector.WeightOne, Messages: collector.NoCount, Kind: s.kind, Role: s.role,
			Resource: syms.InternResource(collector.Resource{Namespace: "shop", Name: s.service}),
			Name:     syms.Intern([]byte("op-" + s.service)),
		}
		if s.parent != 0 {
			binary.BigEndian.PutUint64(r.Parent[:], s.parent)
		}
		if s.failed {
			r.Flags |= collector.Failed
		}
		if s.peer != "" || s.destination != "" {
			f := collector.Far{Peer: s.peer}
			if s.destination != "" {
				f.MsgSystem, f.Destination = "kafka", s.destination
			}
			r.Far = syms.InternFar(f)
		}
		r.FirstLink, r.Links = uint32(len(b.Links)), uint16(len(s.links))
		b.Links = append(b.Links, s.links...)
		b.Spans = append(b.Spans, r)
	}
	return b
}

// expected returns what one engine, which never stops, makes of all requests.
func expected(requests []*request) (*memstore.Store, int) {
	syms := collector.NewSymbols()
	e := infer.New(infer.Options{}, syms)
	n := 0
	for _, q := range requests {
		b := batch(q.spans, syms)
		n += len(b.Spans)
		for i := range b.Spans {
			e.Observe(q.spans[i].at.UnixNano(), &b.Spans[i], b.LinksOf(&b.Spans[i]))
		}
	}
	e.SettleAll()
	store := memstore.New()
	apply(store, e.Flush())
	return store, n
}

func apply(store *memstore.Store, d *graph.Delta) {
	if d == nil {
		return
	}
	if err := store.Apply(context.Background(), []graph.Batch{{Origin: graph.Origin{Epoch: 1}, Seq: 1, Delta: d}}); err != nil {
		panic(err)
	}
}
