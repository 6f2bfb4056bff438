package infer

import (
	"cmp"
	"slices"

	"graphctl/collector"
)

// messagingRoles are the roles that this file is about.
const (
	consumingRoles = 1<<collector.Receive | 1<<collector.Process
	messagingRoles = consumingRoles | 1<<collector.Publish | 1<<collector.Create
)

// messaging is the part of an evaluation that deals with messages.
type messaging struct {
	contexts  []context // of consuming spans, each span's in one piece, by consumer
	buf       []carrier
	agreed    []agreement             // by view
	processed []processedContext      // sorted, without repeats
	firsts    map[int32]firstConsumer // by producer (L1)
	implied   []impliedPublish        // by outgoing span and destination
	outermost map[nestedKey]int32     // where the subtree of the outermost publish ends (U2)
	tops      []int32                 // by view: top of its nest
}

// A context is the creation context of one message that a span consumes (rule
// M4): a linked span, or the outgoing span above.
type context struct {
	consumer int32
	local    int32    // the producer's view, −1 if it is in another trace or unknown
	key      identity // of the producer; an unknown one is told by its ids alone
	link     ref      // zero for the outgoing span above
	known    bool     // the producer is known
	taken    bool     // counted by a process span elsewhere (M5)
	producer carrier  // if known
}

// Kinds of context keys that no span has.
const (
	unknownTarget collector.Kind = 254 // the producer has not arrived
	ambientTarget collector.Kind = 255 // the link is no context
)

// A firstConsumer is the first consuming span, of this trace or another, that
// makes an edge from a producer, other than through its destination.
type firstConsumer struct {
	identity
	start int64
}

// A processedContext says that a service processes the message of a context.
type processedContext struct {
	context identity
	service node
}

func (p processedContext) compare(q processedContext) int {
	return cmp.Or(p.context.compare(q.context), cmp.Compare(p.service, q.service))
}

// processes reports whether p is known.
func (m *messaging) processes(p processedContext) bool {
	_, ok := slices.BinarySearchFunc(m.processed, p, processedContext.compare)
	return ok
}

// processorsOf returns the services that process the message of a context.
func (m *messaging) processorsOf(context identity) []processedContext {
	lo, _ := slices.BinarySearchFunc(m.processed, processedContext{context: context}, processedContext.compare)
	hi := lo
	for hi < len(m.processed) && m.processed[hi].context == context {
		hi++
	}
	return m.processed[lo:hi]
}

// An agreement is what the spans paired with a span name (rule M2): 0 nothing,
// disputed if several things.
type agreement struct {
	destination, broker node
}

const disputed = ^node(0)

func agree(have *node, n node) {
	switch {
	case n == 0:
	case *have == 0:
		*have = n
	case *have != n:
		*have = disputed
	}
}

// readMessages finds what consuming spans consume and how destinations are
// named (rules M2, M4, M5).
func (v *evaluation) readMessages() {
	m := &v.messaging
	m.contexts = m.contexts[:0]
	m.processed = m.processed[:0]
	clear(m.firsts)
	stubs := v.x != nil && len(v.x.stubs) > 0
	if v.roles&messagingRoles == 0 && !stubs {
		return
	}
	if m.firsts == nil {
		m.firsts = map[int32]firstConsumer{}
	}
	v.findProcessBelow()
	for i := range v.spans {
		if v.spans[i].role.Consuming() {
			v.findContexts(int32(i))
		}
	}
	v.noteProcessed()
	v.nameDestinations()
	v.findFirsts()
}

// findProcessBelow marks receive spans with a process span of their service
// below (rule M5), looking through spans that are neither outgoing nor IN.
func (v *evaluation) findProcessBelow() {
	if v.roles&(1<<collector.Process) == 0 {
		return
	}
	for n := len(v.order) - 1; n >= 0; n-- {
		s := &v.spans[v.order[n]]
		if s.parent < 0 || s.role.Outgoing() || s.role == collector.In {
			continue
		}
		p := &v.spans[s.parent]
		if p.service == s.service && (s.role == collector.Process || s.is(processBelow)) {
			p.set(processBelow)
		}
	}
}

// findContexts appends the contexts of consuming span i without repeats.
func (v *evaluation) findContexts(i int32) {
	m := &v.messaging
	lo := len(m.contexts)
	for _, l := range v.linksOf(int(i)) {
		if c := v.contextOf(i, l); c.key.kind != ambientTarget {
			m.contexts = append(m.contexts, c)
		}
	}
	if h := v.spans[i].half; h >= 0 {
		m.contexts = append(m.contexts, context{
			consumer: i, local: h, key: v.identity(int(h)), known: true, producer: v.carrier(int(h)),
		})
	}
	found := m.contexts[lo:]
	slices.SortStableFunc(found, func(a, b context) int { return a.key.compare(b.key) })
	found = slices.CompactFunc(found, func(a, b context) bool { return a.key == b.key })
	m.contexts = m.contexts[:lo+len(found)]
}

// contextOf returns the context that a link of consuming span i leads to.
// Links to known spans that neither publish nor create are ambient (M4).
func (v *evaluation) contextOf(i int32, l ref) context {
	m := &v.messaging
	c := context{consumer: i, local: -1, link: l}
	m.buf = v.linked(l, m.buf[:0])
	for _, p := range m.buf {
		if p.role == collector.Publish || p.role == collector.Create {
			c.key, c.known, c.producer = p.identity, true, p
			if l.low == v.t.low {
				c.local = v.find(p.identity)
			}
			return c
		}
	}
	c.key = unknownKey(l)
	if len(m.buf) > 0 {
		c.key.kind = ambientTarget
	}
	return c
}

func unknownKey(l ref) identity {
	return identity{low: l.low, high: l.high, id: l.id, kind: unknownTarget}
}

// localContext returns the key of the context that a link to this trace leads
// to.
func (v *evaluation) localContext(l ref) identity {
	found := v.carriers(l.high, l.id)
	for _, c := range found {
		if v.spans[c].publishes() {
			return v.identity(int(c))
		}
	}
	k := unknownKey(l)
	if len(found) > 0 {
		k.kind = ambientTarget
	}
	return k
}

// noteProcessed notes which services process which contexts, and takes those
// contexts from receive spans (rule M5).
func (v *evaluation) noteProcessed() {
	m := &v.messaging
	for k := range m.contexts {
		c := &m.contexts[k]
		if s := &v.spans[c.consumer]; s.role == collector.Process {
			m.processed = append(m.processed, processedContext{c.key, s.service})
		}
	}
	if v.x != nil {
		for i := range v.x.stubs {
			if s := &v.x.stubs[i]; s.role == collector.Process {
				m.processed = append(m.processed, processedContext{v.localContext(s.target), v.e.sides[s.side].node})
			}
		}
	}
	slices.SortFunc(m.processed, processedContext.compare)
	m.processed = slices.Compact(m.processed)
	for k := range m.contexts {
		c := &m.contexts[k]
		s := &v.spans[c.consumer]
		if s.role != collector.Receive {
			continue
		}
		c.taken = m.processes(processedContext{c.key, s.service})
		if !c.taken && c.link.low != v.t.low && v.x != nil {
			f := v.x.fact(c.link)
			c.taken = f != nil && slices.Contains(f.processedBy, s.service)
		}
	}
}

// nameDestinations names what each publishing span publishes to and each
// consuming span consumes from (rule M2).
func (v *evaluation) nameDestinations() {
	m := &v.messaging
	m.agreed = cleared(m.agreed, len(v.spans))
	for k := range m.contexts {
		c := &m.contexts[k]
		if !c.known || c.producer.role == collector.Out {
			continue
		}
		a := &m.agreed[c.consumer]
		agree(&a.destination, c.producer.destination)
		agree(&a.broker, c.producer.broker)
		if c.local >= 0 {
			far := v.e.far(v.spans[c.consumer].r.far)
			a = &m.agreed[c.local]
			agree(&a.destination, far.destination)
			agree(&a.broker, far.broker)
		}
	}
	v.hearStubs()
	for i := range v.spans {
		s := &v.spans[i]
		if 1<<s.role&messagingRoles == 0 {
			continue
		}
		s.final = v.destination(int32(i))
		if s.role == collector.Publish && s.final != 0 {
			s.set(resolved)
		}
	}
}

// hearStubs lets consuming spans of other traces name what they consume.
func (v *evaluation) hearStubs() {
	if v.x == nil {
		return
	}
	for i := range v.x.stubs {
		s := &v.x.stubs[i]
		if !s.role.Consuming() {
			continue
		}
		if k := v.localContext(s.target); k.kind < unknownTarget {
			a := &v.messaging.agreed[v.find(k)]
			agree(&a.destination, s.destination)
			agree(&a.broker, s.broker)
		}
	}
}

// destination returns the destination of a messaging span, 0 if nothing names
// it: its own, else what paired spans agree on, else the broker, else what
// paired spans agree on as the broker.
func (v *evaluation) destination(i int32) node {
	far, a := v.e.far(v.spans[i].r.far), v.messaging.agreed[i]
	for _, n := range []node{far.destination, a.destination, far.broker, a.broker} {
		if n != 0 && n != disputed {
			return n
		}
	}
	return 0
}

// isNamed reports whether a destination's own name is known for span i, and not
// just a broker (rules P4, M7).
func (v *evaluation) isNamed(i int32) bool {
	a := v.messaging.agreed[i].destination
	return v.e.far(v.spans[i].r.far).destination != 0 || a != 0 && a != disputed
}

// findFirsts finds the first consuming span without a destination of each
// producer: a direct edge to it carries the producer's duration, unless that is
// on another edge (L1).
func (v *evaluation) findFirsts() {
	m := &v.messaging
	for k := range m.contexts {
		c := &m.contexts[k]
		s := &v.spans[c.consumer]
		if c.local >= 0 && s.final == 0 && !c.taken && !(s.role == collector.Receive && s.is(processBelow)) {
			v.offerFirst(c.local, s.r.start, v.identity(int(c.consumer)))
		}
	}
	if v.x == nil {
		return
	}
	for i := range v.x.stubs {
		s := &v.x.stubs[i]
		if !s.role.Consuming() || s.below || s.destination != 0 || s.broker != 0 {
			continue
		}
		k := v.localContext(s.target)
		taken := m.processes(processedContext{k, v.e.sides[s.side].node})
		if k.kind >= unknownTarget || taken && s.role == collector.Receive {
			continue
		}
		v.offerFirst(v.find(k), s.start, s.from)
	}
}

// offerFirst notes that a consuming span makes an edge from producer. A span
// that only makes a context is on no side of a messaging edge (K2, L1).
func (v *evaluation) offerFirst(producer int32, start int64, id identity) {
	if v.spans[producer].role == collector.Create {
		return
	}
	have, ok := v.messaging.firsts[producer]
	if !ok || v.e.compare(start, id, have.start, have.identity) < 0 {
		v.messaging.firsts[producer] = firstConsumer{id, start}
	}
}

// messagesOf returns how many messages consuming span i consumed that are
// counted at it (rules M4, M5).
func (v *evaluation) messagesOf(i int32, contexts []context) int32 {
	s := &v.spans[i]
	if s.role == collector.Receive && s.is(processBelow) {
		return 0
	}
	if len(contexts) == 0 {
		if s.r.messages == collector.NoCount {
			return 1
		}
		return s.r.messages
	}
	n := int32(0)
	for k := range contexts {
		if !contexts[k].taken {
			n++
		}
	}
	return n
}

// messagesSent returns how many messages a publishing span sent (rule M4).
func (v *evaluation) messagesSent(i int32) int32 {
	if n := v.spans[i].r.messages; n != collector.NoCount {
		return max(n, 1)
	}
	links := slices.Clone(v.linksOf(int(i)))
	slices.SortFunc(links, ref.compare)
	return int32(max(len(slices.Compact(links)), 1))
}
