package infer_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"graphctl/collector"
)

// epoch is when the generated spans start; nothing hangs on it.
const epoch = int64(1_760_000_000) * int64(time.Second)

// A generator makes random spans out of a small world, so that names, ids and
// times meet often.
type generator struct {
	*rand.Rand
	resources []collector.Resource
	traces    []collector.TraceID
	ids       []collector.SpanID
	wild      bool // anything may be anything's parent
	spans     []received
}

// randomSpans returns deliveries of up to some dozens, now and then more than a
// hundred, spans of a few linked traces, repetitions not included.
func randomSpans(rng *rand.Rand) []received {
	g := &generator{Rand: rng, wild: rng.IntN(3) == 0}
	g.world()
	n := 2 + g.IntN(8+g.IntN(24))
	if g.chance(3) { // traces too long to be scanned
		n += g.IntN(150)
		for i := range g.IntN(150) {
			g.ids = append(g.ids, collector.SpanID{6: 1, 7: byte(i)})
		}
	}
	for range n {
		g.spans = append(g.spans, g.span())
	}
	return g.spans
}

// chance is true p times of 100.
func (g *generator) chance(p int) bool { return g.IntN(100) < p }

func pick[T any](g *generator, of ...T) T { return of[g.IntN(len(of))] }

func (g *generator) world() {
	for range 2 + g.IntN(4) {
		r := collector.Resource{Name: pick(g, "a", "b", "c", "d"), Environment: pick(g, "", "prod", "test")}
		if g.chance(20) {
			r.Namespace = "n"
		}
		if g.chance(12) {
			r.Name = ""
		}
		r.Version = pick(g, "", "1", "2")
		g.resources = append(g.resources, r)
	}
	for range 1 + g.IntN(3) {
		var t collector.TraceID
		binary.BigEndian.PutUint64(t[8:], 1+uint64(g.IntN(4)))
		if g.chance(60) {
			t[0] = byte(1 + g.IntN(2))
		}
		g.traces = append(g.traces, t)
	}
	for i := range 3 + g.IntN(40) {
		g.ids = append(g.ids, collector.SpanID{7: byte(1 + i)})
	}
}

func (g *generator) span() received {
	var s collector.Span
	s.Trace, s.ID = pick(g, g.traces...), pick(g, g.ids...)
	s.Weight = collector.WeightOne
	if g.chance(10) {
		s.Weight *= int64(1) << g.IntN(25)
	}
	s.Messages = collector.NoCount
	s.Kind = collector.Kind(g.IntN(6))
	resource := pick(g, g.resources...)
	s.Start = epoch + int64(g.IntN(40))*int64(time.Second)
	if len(g.spans) > 0 && g.chance(85) {
		resource = g.parent(&s, resource)
	}
	s.End = s.Start + int64(g.IntN(8)-1)*int64(10*time.Millisecond)
	far := g.far(&s)
	if g.chance(20) {
		s.Flags |= collector.Failed
	}
	if g.chance(10) {
		s.Flags |= collector.ParentRemote
	}
	if g.chance(5) {
		s.Flags |= collector.Triggered
	}
	if s.Role.Outgoing() && g.chance(10) || s.Role.Consuming() && g.chance(20) {
		s.Messages = int32(g.IntN(4))
	}
	return received{Span: s, resource: resource, far: far, links: g.links(&s)}
}

// parent hangs s under a span that was made before, most often as instrumented
// services do, and returns its resource.
func (g *generator) parent(s *collector.Span, resource collector.Resource) collector.Resource {
	p := &g.spans[g.IntN(len(g.spans))]
	s.Parent = p.ID
	if g.wild {
		if g.chance(10) {
			s.Parent = pick(g, g.ids...)
		}
		return resource
	}
	s.Trace = p.Trace
	s.Start = p.Start + int64(g.IntN(4))*int64(5*time.Millisecond)
	if g.chance(5) {
		s.Trace[0] = 0
	}
	if g.chance(5) {
		s.ID = p.ID // a shared span id
		s.Parent = p.Parent
	}
	callee := p.Kind == collector.KindClient || p.Kind == collector.KindProducer
	if callee && g.chance(70) {
		s.Kind = pick(g, collector.KindServer, collector.KindServer, collector.KindConsumer)
		return resource
	}
	if g.chance(70) {
		s.Kind = pick(g, collector.KindInternal, collector.KindClient, collector.KindClient, collector.KindProducer, collector.KindConsumer)
		return p.resource
	}
	return resource
}

// far draws attributes and the role that they give (rules K1 and K2).
func (g *generator) far(s *collector.Span) (f collector.Far) {
	if g.chance(25) {
		f.Peer = pick(g, "a", "p", "q")
		if g.chance(20) {
			f.PeerNamespace = "n"
		}
	}
	if g.chance(35) {
		f.Host, f.Port = pick(g, "h1", "h2", "127.0.0.1", "10.0.0.1"), pick[uint16](g, 0, 8080, 80, 443)
	}
	client := s.Kind == collector.KindClient || s.Kind == collector.KindUnspecified
	if client && g.chance(15) || g.chance(2) {
		f.DBSystem, f.DBNamespace = pick(g, "", "postgresql", "mysql"), pick(g, "", "db")
		f.Port = pick[uint16](g, 0, 5432, 3306, 8080)
	}
	if f.Host == "" {
		f.Port = 0
	}
	messaging := s.Kind == collector.KindProducer || s.Kind == collector.KindConsumer
	if messaging && g.chance(75) || client && g.chance(15) {
		f.MsgSystem, f.Destination = pick(g, "", "kafka", "rabbitmq"), pick(g, "", "t1", "t2")
	}
	s.Role = g.role(s.Kind, &f)
	if f.HasDatabase() || s.Role != collector.Out && s.Role != collector.In {
		f.PeerNamespace = ""
	}
	switch s.Role {
	case collector.Local, collector.Settle:
		return collector.Far{}
	case collector.In:
		return collector.Far{Peer: f.Peer, PeerNamespace: f.PeerNamespace}
	case collector.Out:
		if g.chance(5) {
			f.Function = "c"
		}
		if g.chance(10) {
			f.RPCService = "rpc.Service"
		}
	}
	return f
}

func (g *generator) role(k collector.Kind, f *collector.Far) collector.Role {
	switch k {
	case collector.KindServer:
		return collector.In
	case collector.KindInternal:
		return collector.Local
	case collector.KindUnspecified:
		if f.Peer == "" && !f.HasDatabase() && f.MsgSystem == "" && f.Destination == "" {
			return collector.Local
		}
		k = collector.KindClient
	}
	if k == collector.KindClient && f.MsgSystem == "" && f.Destination == "" {
		return collector.Out
	}
	switch {
	case g.chance(50):
		return pick(g, collector.Publish, collector.Create, collector.Receive, collector.Process, collector.Settle)
	case k == collector.KindConsumer:
		return collector.Process
	}
	return collector.Publish
}

// links point to spans of any trace, to the parent, and to spans that never
// come.
func (g *generator) links(s *collector.Span) (links []collector.Link) {
	for g.chance(20) || s.Role.Consuming() && g.chance(30) {
		l := collector.Link{Trace: s.Trace, ID: s.Parent}
		switch {
		case len(g.spans) > 0 && !g.chance(15):
			t := &g.spans[g.IntN(len(g.spans))]
			l = collector.Link{Trace: t.Trace, ID: t.ID}
		case g.chance(80) || l.ID.IsZero():
			l = collector.Link{Trace: pick(g, g.traces...), ID: collector.SpanID{0: 9, 7: byte(g.IntN(2))}}
		}
		links = append(links, l)
	}
	return links
}

// copyOf returns another delivery of r: most often the same, else one that
// differs in all that a copy may differ in.
func (g *generator) copyOf(r received) received {
	if !g.chance(25) {
		return r
	}
	c := g.span()
	c.Trace, c.ID, c.Kind = r.Trace, r.ID, r.Kind
	for range 20 { // the kind decides the role
		if c.far = g.far(&c.Span); g.chance(50) {
			break
		}
	}
	environment := c.resource.Environment
	c.resource = r.resource
	c.resource.Environment = environment
	c.Start, c.End = r.Start, r.End
	if g.chance(50) {
		c.Start += int64(g.IntN(3)-1) * int64(5*time.Millisecond)
		c.End += int64(g.IntN(3)-1) * int64(10*time.Millisecond)
	}
	c.links = slices.Clone(c.links)
	return c
}

// intern gives r the numbers of syms.
func (r *received) intern(syms *collector.Symbols) {
	r.Resource = syms.InternResource(r.resource)
	r.Far = syms.InternFar(r.far)
	r.Name = syms.Intern([]byte("op"))
	r.form = string(syms.AppendForm(nil, &r.Span, r.links))
}
