package infer_test

import (
	"slices"

	"graphctl/collector"
	"graphctl/graph"
)

func consuming(s *oracleSpan) bool { return s.Role.Consuming() }

// isProducer reports a span that publishes or makes a message's context.
func isProducer(s *oracleSpan) bool {
	return s.Role == collector.Publish || s.Role == collector.Create
}

// findContexts finds the creation contexts of every consuming span (rule M4)
// and which of them count (rule M5).
func (o *oracle) findContexts() {
	for _, s := range o.spans {
		if consuming(s) {
			o.contextsOf(s)
		}
	}
	for _, s := range o.spans {
		switch {
		case !consuming(s) || s.Role == collector.Receive && o.processBelow(s):
		case len(s.contexts) == 0:
			s.consumed = 1
			if s.Messages != collector.NoCount {
				s.consumed = int64(s.Messages)
			}
		default:
			for _, c := range s.contexts {
				if s.Role == collector.Process || !o.processed(s.service, c) {
					s.counted = append(s.counted, c)
				}
			}
			s.consumed = int64(len(s.counted))
		}
	}
}

func (o *oracle) contextsOf(s *oracleSpan) {
	add := func(c messageContext) {
		if !slices.Contains(s.contexts, c) {
			s.contexts = append(s.contexts, c)
		}
	}
	if h := nearestOutgoing(s); h != nil && (isProducer(h) || h.service != s.service) {
		add(messageContext{span: h})
	}
	for _, l := range s.links {
		targets := o.find(l.Trace, l.ID, anySpan)
		if targets == nil {
			add(messageContext{link: l})
		} else if p := first(targets, isProducer); p != nil {
			add(messageContext{span: p})
		}
	}
}

// processBelow reports a process span below the receive span r in its service
// (rule M5): reached through spans that neither call out nor are called.
func (o *oracle) processBelow(r *oracleSpan) bool {
	for _, p := range o.spans {
		if p.Role != collector.Process || p.service != r.service {
			continue
		}
		for t := p.parent; t != nil && t.service == r.service && !outgoing(t) && !isIn(t); t = t.parent {
			if t == r {
				return true
			}
		}
	}
	return false
}

// processed reports whether a process span of the service has the context.
func (o *oracle) processed(service graph.NodeRef, c messageContext) bool {
	return first(o.spans, func(p *oracleSpan) bool {
		return p.Role == collector.Process && p.service == service && slices.Contains(p.contexts, c)
	}) != nil
}

// partners are the spans that s is paired with by parent or link (rule M2).
func (o *oracle) partners(s *oracleSpan) (found []*oracleSpan) {
	if consuming(s) {
		for _, c := range s.contexts {
			if c.span != nil && isProducer(c.span) {
				found = append(found, c.span)
			}
		}
		return found
	}
	for _, t := range o.spans {
		if slices.Contains(t.contexts, messageContext{span: s}) {
			found = append(found, t)
		}
	}
	return found
}

// ownDestination is the destination that a span itself names.
func ownDestination(s *oracleSpan) string {
	if s.far.Destination == "" || s.far.MsgSystem == "" {
		return s.far.Destination
	}
	return s.far.MsgSystem + ":" + s.far.Destination
}

// ownBroker is the broker that a span itself names.
func ownBroker(s *oracleSpan) string {
	switch {
	case s.far.MsgSystem != "":
		return s.far.MsgSystem
	case s.far.Peer != "":
		return s.far.Peer
	}
	return address(&s.far)
}

// agreed returns the one name that the spans give, "" if none or several.
func agreed(spans []*oracleSpan, name func(*oracleSpan) string) string {
	found := ""
	for _, s := range spans {
		switch n := name(s); {
		case n == "" || n == found:
		case found != "":
			return ""
		default:
			found = n
		}
	}
	return found
}

// destinationName is the name of the destination, without falling back to a
// broker (rule M2).
func (o *oracle) destinationName(s *oracleSpan) string {
	if n := ownDestination(s); n != "" {
		return n
	}
	return agreed(o.partners(s), ownDestination)
}

func (o *oracle) named(s *oracleSpan) bool { return o.destinationName(s) != "" }

// destination is the printed name of the destination or broker (rule M2).
func (o *oracle) destination(s *oracleSpan) string {
	if n := o.destinationName(s); n != "" {
		return n
	}
	if n := ownBroker(s); n != "" {
		return n
	}
	return agreed(o.partners(s), ownBroker)
}

func messagingNode(name string) graph.NodeRef {
	return graph.NodeRef{Kind: graph.Messaging, Name: name}
}

// publishesTo is the destination that s feeds, "" if none. A publisher without
// destination name above a server span publishes nowhere else (rule P4).
func (o *oracle) publishesTo(s *oracleSpan) string {
	if s.Role != collector.Publish || !o.named(s) && o.hasIn(s) {
		return ""
	}
	return o.destination(s)
}

// publishes counts publisher → destination (rules M1, M4 and U2).
func (o *oracle) publishes() {
	for _, s := range o.spans {
		to := o.publishesTo(s)
		if to == "" || o.publishedAbove(s, to) {
			continue
		}
		c := &oracleCall{
			from: s.service, to: messagingNode(to), kind: graph.Message, start: s.Start,
			fromF: s.facet(), half: s, publish: true, weight: s.Weight,
		}
		c.stats.Calls = max(1, int64(s.Messages))
		if s.Messages == collector.NoCount {
			c.stats.Calls = max(1, distinct(s.links))
		}
		c.stats.Errors = c.stats.Calls * boolCount(s.failed())
		c.stats.ClientErrors = c.stats.Errors
		o.calls = append(o.calls, c)
	}
}

// publishedAbove reports an outer publish to the same destination in the nest.
func (o *oracle) publishedAbove(s *oracleSpan, to string) bool {
	for a := nestParent(s); a != nil; a = nestParent(a) {
		if o.publishesTo(a) == to {
			return true
		}
	}
	return false
}

func distinct(links []collector.Link) int64 {
	seen := map[collector.Link]bool{}
	for _, l := range links {
		seen[l] = true
	}
	return int64(len(seen))
}

// pushed counts the IN spans below a publisher as consumers (rule M7).
func (o *oracle) pushed(h *oracleSpan, ins []*oracleSpan) {
	for _, s := range ins {
		c := &oracleCall{
			from: messagingNode(o.destinationName(h)), to: s.service, kind: graph.Message,
			start: s.Start, toF: s.facet(), weight: min(h.Weight, s.Weight),
		}
		c.stats.Calls = 1
		c.answered(s)
		o.calls = append(o.calls, c)
	}
}

// consumptions counts destination → consumer (rules M1, M4, M5), routes (M6)
// and direct edges (M3).
func (o *oracle) consumptions() {
	for _, s := range o.spans {
		if s.consumed == 0 {
			continue
		}
		from := o.destination(s)
		if from == "" {
			o.direct(s)
			continue
		}
		c := &oracleCall{
			from: messagingNode(from), to: s.service, kind: graph.Message,
			start: s.Start, toF: s.facet(), weight: s.Weight,
		}
		c.stats.Calls = s.consumed
		c.stats.Errors = s.consumed * boolCount(s.failed())
		c.stats.ServerErrors = c.stats.Errors
		c.serverDuration = []int64{s.duration()}
		o.calls = append(o.calls, c)
		o.routes(s, from)
	}
}

// routes joins the producers' destinations to that of s (rule M6).
func (o *oracle) routes(s *oracleSpan, to string) {
	for _, m := range s.counted {
		if m.span == nil || !isProducer(m.span) {
			continue
		}
		from := o.destination(m.span)
		if from == "" || from == to {
			continue
		}
		c := &oracleCall{
			from: messagingNode(from), to: messagingNode(to), kind: graph.Message, start: s.Start,
			fromF: m.span.facet(), toF: s.facet(), weight: min(s.Weight, m.span.Weight),
		}
		c.stats.Calls = 1
		o.calls = append(o.calls, c)
	}
}

// direct counts producer → consumer where nobody names a destination (rule M3).
func (o *oracle) direct(s *oracleSpan) {
	producers := knownProducers(s.counted)
	slices.SortFunc(producers, (*oracleSpan).compare)
	if len(producers) == 0 && s.called && s.half == nil {
		c := &oracleCall{from: s.parent.service, fromF: s.parent.facet(), weight: s.Weight}
		o.directCall(c, s, nil, true)
	}
	for i, p := range producers {
		c := &oracleCall{from: p.service, fromF: p.facet(), half: p, crossing: s, weight: min(s.Weight, p.Weight)}
		if p.Role == collector.Create { // never counted: on no side of a messaging edge (rules K2 and L1)
			c.half = nil
		}
		o.directCall(c, s, p, i == 0)
	}
}

func (o *oracle) directCall(c *oracleCall, s, producer *oracleSpan, timed bool) {
	c.to, c.kind, c.start, c.toF = s.service, graph.Message, s.Start, s.facet()
	clientFailed := producer != nil && producer.failed()
	c.stats.Calls = 1
	c.stats.ClientErrors = boolCount(clientFailed)
	c.stats.ServerErrors = boolCount(s.failed())
	c.stats.Errors = max(c.stats.ClientErrors, c.stats.ServerErrors)
	if timed {
		c.serverDuration = []int64{s.duration()}
	}
	o.calls = append(o.calls, c)
}

func knownProducers(contexts []messageContext) (found []*oracleSpan) {
	for _, m := range contexts {
		if m.span != nil {
			found = append(found, m.span)
		}
	}
	return found
}

// standIns counts the publishes that nobody recorded (rule M1): one for each
// plain OUT span and destination below it, and one for each crossing without an
// outgoing half that no known producer explains.
func (o *oracle) standIns() {
	type publish struct {
		half *oracleSpan
		to   string
	}
	below := map[publish][]*oracleSpan{}
	for _, s := range o.spans {
		if !consuming(s) || !s.called {
			continue
		}
		to := o.destination(s)
		switch {
		case to == "" || s.half != nil && s.half.Role != collector.Out:
		case s.half != nil && o.publishedAbove(s.half, to): // rule U2
		case s.half != nil:
			k := publish{s.half, to}
			below[k] = append(below[k], s)
		case len(knownProducers(s.contexts)) == 0:
			c := &oracleCall{
				from: s.parent.service, to: messagingNode(to), kind: graph.Message, start: s.Start,
				fromF: s.parent.facet(), weight: s.Weight,
			}
			c.stats.Calls = 1
			o.calls = append(o.calls, c)
		}
	}
	for k, consumers := range below {
		c := &oracleCall{
			from: k.half.service, to: messagingNode(k.to), kind: graph.Message, start: k.half.Start,
			fromF: k.half.facet(), half: k.half, crossing: consumers[0],
			weight: min(k.half.Weight, smallest(consumers...)),
		}
		c.stats.Calls = 1
		c.stats.Errors, c.stats.ClientErrors = boolCount(k.half.failed()), boolCount(k.half.failed())
		o.calls = append(o.calls, c)
	}
}

// linkCalls counts links between services outside messaging (rule K3).
func (o *oracle) linkCalls() {
	for _, s := range o.spans {
		if s.Role != collector.Out && s.Role != collector.In && s.Role != collector.Local {
			continue
		}
		var linked []*oracleSpan
		for _, l := range s.links {
			targets := o.find(l.Trace, l.ID, anySpan)
			if len(targets) == 0 || s.parent != nil && slices.Contains(targets, s.parent) ||
				s.half != nil && slices.Contains(targets, s.half) {
				continue
			}
			if t := targets[0]; t.service != s.service && !slices.Contains(linked, t) {
				linked = append(linked, t)
			}
		}
		for _, t := range linked {
			c := &oracleCall{
				from: t.service, to: s.service, kind: graph.Link, start: s.Start,
				fromF: t.facet(), toF: s.facet(), weight: min(s.Weight, t.Weight),
			}
			c.stats.Calls = 1
			c.stats.Errors, c.stats.ServerErrors = boolCount(s.failed()), boolCount(s.failed())
			o.calls = append(o.calls, c)
		}
	}
}
