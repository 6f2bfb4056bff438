package infer

import (
	"cmp"
	"slices"

	"graphctl/collector"
	"graphctl/graph"
)

// An impliedPublish is a plain OUT span above a consuming span of another
// service: it stands for the publish that nobody recorded (rule M1).
type impliedPublish struct {
	out         int32
	destination node
	consumer    int32
}

// nestedKey names a destination within a nest (rule U2).
type nestedKey struct {
	top         int32
	destination node
}

// countPublishes counts messages into destinations (rules M1, M4): what
// publishing spans sent, and what plain OUT spans must have sent. Of nested
// publishes to one destination the outermost counts (U2).
func (v *evaluation) countPublishes() {
	m := &v.messaging
	m.implied = m.implied[:0]
	if v.roles&messagingRoles == 0 {
		return
	}
	v.findImplied()
	clear(m.outermost)
	m.tops = cleared(m.tops, len(v.spans))
	for n, i := range v.order {
		s := &v.spans[i]
		if !s.role.Outgoing() {
			continue
		}
		m.tops[i] = i
		if s.nest >= 0 {
			m.tops[i] = m.tops[s.nest]
		}
		switch s.role {
		case collector.Publish:
			v.countPublish(i, n)
		case collector.Out:
			v.countImplied(i, n)
		}
	}
}

// countPublish counts the messages of publishing span i, the nth in order.
func (v *evaluation) countPublish(i int32, n int) {
	s := &v.spans[i]
	if s.final == 0 || s.is(inPair) && !v.isNamed(i) {
		return // nobody knows where to, or a pair that publishes nowhere else (P4)
	}
	if v.isNested(i, s.final, n) {
		return
	}
	if v.messaging.outermost == nil {
		v.messaging.outermost = map[nestedKey]int32{}
	}
	v.messaging.outermost[nestedKey{v.messaging.tops[i], s.final}] = s.leave
	c := contribution{
		subject: v.edge(s.side, v.nodeSide(s.final), graph.Message, RulePublish),
		bucket:  v.e.bucket(s.r), calls: v.messagesSent(i), client: s.r.duration(), server: absent,
	}
	c.estimated = estimate(s.r.weight, c.calls)
	if s.failed() {
		c.errors, c.clientErrors = c.calls, c.calls // a failed batch fails all its messages (E2)
	}
	s.set(spoken)
	v.out = append(v.out, c)
}

// isNested reports whether a span above i, the nth in order, publishes to the
// same destination in the same nest.
func (v *evaluation) isNested(i int32, destination node, n int) bool {
	leave, ok := v.messaging.outermost[nestedKey{v.messaging.tops[i], destination}]
	return ok && int32(n) < leave
}

// findImplied lists plain OUT spans above consuming spans that have a
// destination.
func (v *evaluation) findImplied() {
	m := &v.messaging
	for i := range v.spans {
		s := &v.spans[i]
		if s.role.Consuming() && s.half >= 0 && s.final != 0 && v.spans[s.half].role == collector.Out {
			m.implied = append(m.implied, impliedPublish{s.half, s.final, int32(i)})
		}
	}
	slices.SortFunc(m.implied, func(a, b impliedPublish) int {
		return cmp.Or(cmp.Compare(a.out, b.out), cmp.Compare(a.destination, b.destination), cmp.Compare(a.consumer, b.consumer))
	})
}

// impliedBy returns the publishes that OUT span i stands for.
func (v *evaluation) impliedBy(i int32) []impliedPublish {
	all := v.messaging.implied
	lo, _ := slices.BinarySearchFunc(all, i, func(p impliedPublish, i int32) int { return cmp.Compare(p.out, i) })
	hi := lo
	for hi < len(all) && all[hi].out == i {
		hi++
	}
	return all[lo:hi]
}

// countImplied counts one call of OUT span i, the nth in order, to each
// destination that it must have published to.
func (v *evaluation) countImplied(i int32, n int) {
	ps := v.impliedBy(i)
	if len(ps) == 0 {
		return
	}
	s := &v.spans[i]
	speaker := -1 // contribution that carries the client's duration
	for len(ps) > 0 {
		to, first, weight := ps[0].destination, ps[0].consumer, s.r.weight
		for len(ps) > 0 && ps[0].destination == to {
			weight = min(weight, v.spans[ps[0].consumer].r.weight)
			ps = ps[1:]
		}
		if v.isNested(i, to, n) {
			continue
		}
		c := contribution{
			subject: v.edge(s.side, v.nodeSide(to), graph.Message, RuleImpliedPublish),
			bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: absent,
			estimated: estimate(weight, 1),
		}
		if s.failed() {
			c.errors, c.clientErrors = 1, 1
		}
		me := v.identity(int(first))
		v.offerFirst(i, v.spans[first].r.start, me)
		if v.messaging.firsts[i].identity == me {
			speaker = len(v.out)
		}
		v.out = append(v.out, c)
	}
	if speaker >= 0 && !s.is(inPair) && !v.crossesBeforeConsumer(i) {
		v.out[speaker].client = s.r.duration()
		s.set(spoken)
	}
}

// crossesBeforeConsumer reports whether OUT span i has a member before its first
// consuming span (rule L1).
func (v *evaluation) crossesBeforeConsumer(i int32) bool {
	lo, _ := slices.BinarySearchFunc(v.members, i, func(m member, i int32) int { return cmp.Compare(m.out, i) })
	for _, m := range v.members[lo:] {
		if m.out != i {
			break
		}
		if v.beforeConsumer(m) {
			return true
		}
	}
	return false
}

// beforeConsumer reports whether a member comes before the first consuming span
// of its outgoing span.
func (v *evaluation) beforeConsumer(m member) bool {
	c, ok := v.messaging.firsts[m.out]
	if !ok {
		return true
	}
	start, id := v.memberIdentity(m)
	return v.e.compare(start, id, c.start, c.identity) < 0
}

// countMessages counts messages out of destinations, between them, and past
// them where no destination is known (rules M1, M3, M6).
func (v *evaluation) countMessages() {
	contexts := v.messaging.contexts
	for i := range v.spans {
		s := &v.spans[i]
		if !s.role.Consuming() {
			continue
		}
		n := 0
		for n < len(contexts) && contexts[n].consumer == int32(i) {
			n++
		}
		own := contexts[:n]
		contexts = contexts[n:]
		messages := v.messagesOf(int32(i), own)
		bare := v.isBareCrossing(s, own)
		switch {
		case s.final != 0:
			if bare {
				v.countBarePublish(s)
			}
			v.countConsumed(s, messages)
			if messages > 0 {
				v.countRoutes(s, own)
			}
		case messages > 0:
			v.countDirect(int32(i), own, bare)
		}
	}
}

// isBareCrossing reports a consuming span whose parent is of another service
// that recorded no publish of what it consumes (rule M1).
func (v *evaluation) isBareCrossing(s *view, own []context) bool {
	return s.is(crossing) && s.half < 0 && !slices.ContainsFunc(own, func(c context) bool { return c.known })
}

// countBarePublish counts a publish that only the crossing to s proves.
func (v *evaluation) countBarePublish(s *view) {
	v.out = append(v.out, contribution{
		subject: v.edge(v.spans[s.parent].side, v.nodeSide(s.final), graph.Message, RuleImpliedPublish),
		bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: absent,
		estimated: estimate(s.r.weight, 1),
	})
}

// countConsumed counts what a consuming span took from its destination.
func (v *evaluation) countConsumed(s *view, messages int32) {
	if messages == 0 {
		return
	}
	s.set(consumed)
	c := contribution{
		subject: v.edge(v.nodeSide(s.final), s.side, graph.Message, RuleConsume),
		bucket:  v.e.bucket(s.r), calls: messages, client: absent, server: s.r.duration(),
		estimated: estimate(s.r.weight, messages),
	}
	if s.failed() {
		c.errors, c.serverErrors = messages, messages
	}
	v.out = append(v.out, c)
}

// countRoutes counts messages that went from the producer's destination to
// another, from which they were consumed (rule M6).
func (v *evaluation) countRoutes(s *view, own []context) {
	for k := range own {
		c := &own[k]
		p := v.producer(c)
		if c.taken || !c.known || p.role == collector.Out || p.final == 0 || p.final == s.final {
			continue
		}
		from := v.e.side(p.final, v.e.sides[p.side].facet)
		to := v.e.side(s.final, v.e.sides[s.side].facet)
		v.out = append(v.out, contribution{
			subject: v.edge(from, to, graph.Message, RuleRoute),
			bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: absent,
			estimated: estimate(min(s.r.weight, p.weight), 1),
		})
	}
}

// producer returns what is known of a context's producer by now.
func (v *evaluation) producer(c *context) *carrier {
	if c.local >= 0 {
		c.producer = v.carrier(int(c.local))
	}
	return &c.producer
}

// countDirect counts the messages of consuming span i that went from service to
// service through a destination that nobody names (rule M3): one for each known
// producer; for a bare crossing one.
func (v *evaluation) countDirect(i int32, own []context, bare bool) {
	s := &v.spans[i]
	first := -1 // the producer on whose edge the consumer's duration goes
	for k := range own {
		c := &own[k]
		if c.taken || !c.known {
			continue
		}
		if first < 0 || v.e.compare(c.producer.start, c.key, own[first].producer.start, own[first].key) < 0 {
			first = k
		}
	}
	me := v.identity(int(i))
	for k := range own {
		c := &own[k]
		if c.taken || !c.known {
			continue
		}
		p := v.producer(c)
		n := v.directCall(s, p.side, min(p.weight, s.r.weight))
		if p.failed {
			n.errors, n.clientErrors = 1, 1
		}
		if p.first == me && !p.spoken {
			n.client = p.duration
		}
		if k == first {
			n.server = s.r.duration()
		}
		v.out = append(v.out, n)
	}
	if first < 0 && bare {
		n := v.directCall(s, v.spans[s.parent].side, s.r.weight)
		n.server = s.r.duration()
		v.out = append(v.out, n)
	}
	if first >= 0 || bare {
		s.set(consumed)
	}
}

func (v *evaluation) directCall(s *view, from side, weight int64) contribution {
	c := contribution{
		subject: v.edge(from, s.side, graph.Message, RuleDirect),
		bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: absent,
		estimated: estimate(weight, 1),
	}
	if s.failed() {
		c.errors, c.serverErrors = 1, 1
	}
	return c
}

// countPushes counts IN spans that a named destination called (rule M7).
func (v *evaluation) countPushes(out int32, ins []member) {
	o := &v.spans[out]
	from := v.nodeSide(o.final)
	for _, m := range ins {
		s := &v.spans[m.span]
		c := contribution{
			subject: v.edge(from, s.side, graph.Message, RulePush),
			bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: s.r.duration(),
			estimated: estimate(min(s.r.weight, o.r.weight), 1),
		}
		if s.failed() {
			c.errors, c.serverErrors = 1, 1
		}
		v.out = append(v.out, c)
	}
}
