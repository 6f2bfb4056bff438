package live

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"graphctl/graph"
)

// topology is which services and calls there are, what they are called, and
// their numbers.
type topology struct {
	names    *graph.Builder // decides what a subject's ends stand for
	stale    bool           // evidence changed, or two names clash: decide all again
	services map[graph.NodeRef]*service
	prints   map[string]int // how many services print alike
	calls    map[callKey]*call

	doubled int // prints that more than one service has

	epoch                 string // names the numbering
	epochs                int    // begun after the first
	nextService, nextCall uint64 // next numbers
	maxID                 uint64 // numbers lie below

	serviceList []*service // by number
	callList    []*call    // by number
	swept       bool       // the lists hold nothing forgotten
	changes     changes    // numbers removed since the last publication
}

type callKey struct {
	from, to *service
	kind     graph.EdgeKind
}

// service is a node in the window. It lives while it has spans or calls.
type service struct {
	ref       graph.NodeRef
	in        []*call // each at its position
	out       int     // calls from it
	spans     bool
	touched   bool // a call into it changed
	forgotten bool // not in the window any more
	row       Service
	told
}

// call is an edge in the window: the sum of one subject or, where names stand
// for the same service, several. It lives while it has any.
type call struct {
	from, to  *service
	edges     *edge // the first of a list
	total     total
	position  int32 // in to.in
	touched   bool
	forgotten bool
	row       Call
	told
}

func (c *call) key() callKey { return callKey{c.from, c.to, c.row.Kind} }

// told says what followers know of a row.
type told struct {
	pending bool          // it moved a little that they were not told
	since   graph.Instant // when they were told last
	renamed bool          // to be told with all fields
}

// touch marks c, and the service that it calls, to be looked at.
func (c *call) touch() { c.touched, c.to.touched = true, true }

func (t *topology) init(epoch string) {
	t.names = graph.NewBuilder(graph.Filter{})
	t.services = make(map[graph.NodeRef]*service)
	t.prints = make(map[string]int)
	t.calls = make(map[callKey]*call)
	t.epoch = epoch
	t.maxID = maxID
	t.swept = true
}

// attach counts e in the call that its ends stand for, and no more where it
// counted before.
func (t *topology) attach(e *edge) {
	sub := e.subject.Value()
	from, to := t.names.Resolve(sub.From, sub.To), t.names.Resolve(sub.To, sub.From)
	if c := e.call; c != nil && c.from.ref == from && c.to.ref == to {
		return
	}
	k := callKey{t.service(from), t.service(to), sub.Kind}
	c := t.calls[k]
	if c == nil {
		c = t.newCall(k)
	}
	c.touch()
	if e.call != nil {
		t.detach(e) // after the services are held by the new call
	}
	e.call, e.next, c.edges = c, c.edges, e
	if e.early != nil {
		c.total.merge(e.early)
		e.early = nil
	}
}

func (t *topology) newCall(k callKey) *call {
	c := &call{from: k.from, to: k.to, position: int32(len(k.to.in))}
	c.from.out++
	c.to.in = append(c.to.in, c)
	c.row = Call{ID: uint32(t.nextCall), From: c.from.row.ID, To: c.to.row.ID, Kind: k.kind}
	t.nextCall++
	t.calls[k] = c
	t.callList = append(t.callList, c)
	return c
}

// detach takes e out of its call, and the call out of the window if nothing is
// left of it.
func (t *topology) detach(e *edge) {
	c := e.call
	at := &c.edges
	for *at != e {
		at = &(*at).next
	}
	*at, e.call, e.next = e.next, nil, nil
	c.touch()
	if c.edges != nil {
		return
	}
	delete(t.calls, c.key())
	c.forgotten, t.swept = true, false
	if c.row.born != 0 {
		t.changes.removedCalls = append(t.changes.removedCalls, removal{c.row.ID, c.row.born})
	}
	c.from.out--
	c.to.leave(c)
	t.release(c.from)
	t.release(c.to)
}

// leave takes c out of the calls into s.
func (s *service) leave(c *call) {
	last := len(s.in) - 1
	s.in[c.position] = s.in[last]
	s.in[c.position].position = c.position
	s.in[last] = nil
	s.in = s.in[:last]
}

// service returns the service of ref, made if new.
func (t *topology) service(ref graph.NodeRef) *service {
	s := t.services[ref]
	if s != nil {
		return s
	}
	name := ref.Print()
	s = &service{ref: ref, touched: true}
	s.row = Service{ID: uint32(t.nextService), Name: name, Namespace: ref.Namespace, Label: ref.Name, Kind: ref.Kind}
	t.nextService++
	t.services[ref] = s
	t.serviceList = append(t.serviceList, s)
	if t.prints[name]++; t.prints[name] == 2 {
		t.doubled++
	}
	t.stale = t.stale || t.clashes(name)
	return s
}

// release drops s if nothing holds it.
func (t *topology) release(s *service) {
	if s.spans || s.out > 0 || len(s.in) > 0 || s.forgotten {
		return
	}
	delete(t.services, s.ref)
	s.forgotten, t.swept = true, false
	name := s.ref.Print()
	t.stale = t.stale || t.clashes(name)
	switch t.prints[name]--; t.prints[name] {
	case 0:
		delete(t.prints, name)
	case 1:
		t.doubled--
	}
	if s.row.born != 0 {
		t.changes.removedServices = append(t.changes.removedServices, removal{s.row.ID, s.row.born})
	}
}

// clashes reports that a service of this name may change the ids of others:
// one prints like it, or it prints like the form in which some are told apart.
func (t *topology) clashes(name string) bool {
	return t.prints[name] > 1 || t.doubled > 0 && strings.Contains(name, ":")
}

// sweep drops what was forgotten from the lists. What is new stands at their
// ends, so they stay sorted by number.
func (t *topology) sweep() {
	if t.swept {
		return
	}
	t.swept = true
	t.serviceList = slices.DeleteFunc(t.serviceList, func(s *service) bool { return s.forgotten })
	t.callList = slices.DeleteFunc(t.callList, func(c *call) bool { return c.forgotten })
}

// renumber begins a new epoch when the numbers run out, and reports it.
func (t *topology) renumber(first string) bool {
	if max(t.nextService, t.nextCall) < t.maxID {
		return false
	}
	t.epochs++
	t.epoch = fmt.Sprintf("%s.%d", first, t.epochs)
	t.nextService, t.nextCall = 0, 0
	for _, s := range t.serviceList {
		s.row.ID, s.row.life, s.touched = uint32(t.nextService), life{}, true
		t.nextService++
	}
	for _, c := range t.callList {
		c.row.ID, c.row.life, c.touched = uint32(t.nextCall), life{}, true
		c.row.From, c.row.To = c.from.row.ID, c.to.row.ID
		t.nextCall++
	}
	t.changes = changes{}
	return true
}

// settle brings services and calls in line with what is counted: attaches what
// has calls, detaches what has none, and decides all names again if the
// evidence changed.
func (w *Window) settle(news []*edge) {
	t := &w.topology
	decided := t.stale
	if decided {
		w.decide()
		news = slices.Collect(maps.Values(w.edges))
	}
	slices.SortFunc(news, func(a, b *edge) int { return a.subject.Value().Compare(b.subject.Value()) })
	for _, e := range news {
		if e.minutes.calls > 0 {
			t.attach(e)
		}
	}
	for h, e := range w.edges {
		if e.call != nil && e.minutes.calls <= 0 {
			t.detach(e)
		}
		if e.minutes.n == 0 {
			delete(w.edges, h)
		}
	}
	if decided {
		w.settleSpans()
	}
	if t.stale {
		if !decided {
			w.decide()
		}
		w.name()
	}
	t.stale = false
}

// settleSpans makes services with spans nodes, and lets go those without.
func (w *Window) settleSpans() {
	t := &w.topology
	for _, ref := range slices.SortedFunc(maps.Keys(w.spans), graph.NodeRef.Compare) {
		p := w.spans[ref]
		if p.minutes.calls > 0 {
			s := t.service(ref)
			s.spans = true
			s.settleHome(p.home)
		} else if s := t.services[ref]; s != nil {
			s.spans = false
			t.release(s)
		}
		if p.minutes.n == 0 && len(p.hours) == 0 {
			delete(w.spans, ref)
		}
	}
}

// decide takes the evidence into account.
func (w *Window) decide() {
	w.counted.Rebuilds++
	w.topology.names = w.builder()
}

// builder returns one that knows the evidence.
func (w *Window) builder() *graph.Builder {
	b := graph.NewBuilder(graph.Filter{})
	for ref, p := range w.spans {
		sub := graph.Subject{Of: graph.OfSpans, From: ref}
		if p.minutes.calls > 0 {
			b.Cell(graph.Key{Subject: sub.ID()}, &one, 0)
		}
		b.Evidence(sub, p.hours.sum())
	}
	for h, n := range w.aliases {
		b.Evidence(h.Value(), n.sum())
	}
	return b
}

// one is the counters of a subject of which nothing matters but that it is there.
var one = graph.Stats{Calls: 1}

// name gives services the ids that a graph of the window gives them.
func (w *Window) name() {
	b := w.builder()
	for h, e := range w.edges {
		if e.minutes.calls > 0 {
			b.Cell(graph.Key{Subject: h}, &one, 0)
		}
	}
	for _, n := range b.Graph(0, 0, 0).Nodes {
		ref := graph.NodeRef{Kind: n.Kind, Namespace: n.Namespace, Name: n.Name}
		s := w.topology.services[ref]
		if s.row.Name != n.ID {
			s.row.Name, s.renamed = n.ID, true
		}
	}
}
