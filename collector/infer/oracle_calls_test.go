package infer_test

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"graphctl/collector"
	"graphctl/graph"
)

// answersIn returns the spans for which s is the outgoing half, by the service
// that was called.
func (o *oracle) answersOf(s *oracleSpan) map[graph.NodeRef][]*oracleSpan {
	by := map[graph.NodeRef][]*oracleSpan{}
	for _, a := range o.answers[s] {
		if !a.Role.Consuming() { // messages: rules M1 and M3
			by[a.service] = append(by[a.service], a)
		}
	}
	return by
}

// hasIn reports whether an IN span answers s.
func (o *oracle) hasIn(s *oracleSpan) bool { return first(o.answers[s], isIn) != nil }

// groups counts, for each outgoing span and each called service, the calls of
// rules C1 to C3, P4 and P5; below a publisher with a destination those of M7.
func (o *oracle) groups() {
	for _, h := range o.spans {
		if !outgoing(h) {
			continue
		}
		for service, members := range o.answersOf(h) {
			ins := slices.DeleteFunc(slices.Clone(members), func(s *oracleSpan) bool { return !isIn(s) })
			switch {
			case len(ins) == 0:
				o.boundary(h, service, members)
			case h.Role == collector.Publish && o.named(h):
				o.pushed(h, ins)
			default:
				o.pair(h, service, ins)
			}
		}
	}
}

// boundary counts spans of another service under an outgoing span where no
// server span was recorded (rules P5 and C2).
func (o *oracle) boundary(h *oracleSpan, service graph.NodeRef, members []*oracleSpan) {
	c := &oracleCall{
		from: h.service, to: service, kind: graph.RPC, start: h.Start,
		fromF: h.facet(), toF: members[0].facet(),
		half: h, crossing: members[0], weight: min(h.Weight, smallest(members...)),
	}
	c.toF.Environments = environments(members)
	c.stats.Calls = 1
	c.stats.Errors, c.stats.ClientErrors = boolCount(h.failed()), boolCount(h.failed())
	o.calls = append(o.calls, c)
}

// pair counts an outgoing half and its IN spans in one service (rules P4, C1,
// E2 and L2) and leaves evidence for rule A1.
func (o *oracle) pair(h *oracleSpan, service graph.NodeRef, ins []*oracleSpan) {
	c := &oracleCall{
		from: h.service, to: service, kind: graph.RPC, start: h.Start,
		fromF: h.facet(), toF: ins[0].facet(),
		half: h, in: ins[0], crossing: ins[0], weight: min(h.Weight, smallest(ins...)),
	}
	c.toF.Environments = environments(ins)
	switch {
	case h.far.HasDatabase():
		c.kind = graph.DatabaseCall
	case h.Role == collector.Publish && h.far.MsgSystem != "":
		c.kind = graph.Message
	}
	c.stats.Calls = int64(len(ins))
	for _, s := range ins {
		c.stats.ServerErrors += boolCount(s.failed())
		c.serverDuration = append(c.serverDuration, s.duration())
	}
	c.stats.ClientErrors = boolCount(h.failed())
	c.stats.Errors = max(c.stats.ServerErrors, c.stats.ClientErrors)
	all := 0
	for _, s := range o.answers[h] {
		if isIn(s) {
			all++
		}
	}
	if network := h.duration() - ins[0].duration(); all == 1 && network >= 0 {
		c.stats.NetworkSum, c.stats.NetworkCount = network, 1
	}
	o.calls = append(o.calls, c)
	if a := address(&h.far); h.Role == collector.Out && a != "" && !loopback(h.far.Host) {
		sub := graph.Subject{Of: graph.OfAlias, To: service, Detail: a}
		o.add(h.Start, graph.Coarse, sub, graph.Facets{}, &graph.Stats{Calls: 1})
	}
}

// environments joins the environments of the spans, sorted, without repeats. A
// span that tells none adds none.
func environments(spans []*oracleSpan) string {
	var all []string
	for _, s := range spans {
		if s.resource.Environment != "" {
			all = append(all, s.resource.Environment)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\x00")
}

// crossingsWithoutHalf counts crossings that no outgoing span recorded (rules
// P5, C2 and C3), save those into consuming spans.
func (o *oracle) crossingsWithoutHalf() {
	for _, s := range o.spans {
		if !s.called || s.half != nil || s.Role.Consuming() {
			continue
		}
		c := &oracleCall{
			from: s.parent.service, to: s.service, kind: graph.RPC, start: s.Start,
			fromF: s.parent.facet(), toF: s.facet(), weight: s.Weight,
		}
		c.stats.Calls = 1
		if isIn(s) {
			c.answered(s)
		}
		o.calls = append(o.calls, c)
	}
}

// answered takes errors and duration from the IN span s alone (rules E2 and L1).
func (c *oracleCall) answered(s *oracleSpan) {
	c.stats.Errors, c.stats.ServerErrors = boolCount(s.failed()), boolCount(s.failed())
	c.serverDuration = []int64{s.duration()}
}

// roots applies rules R1 and R2.
func (o *oracle) roots() {
	for _, s := range o.spans {
		if !isIn(s) || s.parent != nil || s.restart != nil {
			continue
		}
		c := &oracleCall{to: s.service, kind: graph.RPC, start: s.Start, toF: s.facet(), weight: s.Weight}
		switch {
		case s.far.Peer != "":
			c.from = graph.NodeRef{Kind: graph.PeerName, Namespace: s.far.PeerNamespace, Name: s.far.Peer}
		case s.parentless && !s.Is(collector.Triggered):
			c.from = graph.NodeRef{Kind: graph.User, Name: "user"}
		default:
			continue
		}
		c.stats.Calls = 1
		c.answered(s)
		o.calls = append(o.calls, c)
	}
}

// nestParent is the next outgoing span above s in its nest (rule U2).
func nestParent(s *oracleSpan) *oracleSpan {
	if s.parent == nil || s.parent.service != s.service {
		return nil
	}
	return nearestOutgoing(s)
}

// resolved reports that somebody answered the outgoing span s, or that it
// publishes to a known destination (rule U2).
func (o *oracle) resolved(s *oracleSpan) bool {
	return len(o.answers[s]) > 0 || s.Role == collector.Publish && o.destination(s) != ""
}

// resolvedBelow reports a resolved member below s in its nest.
func (o *oracle) resolvedBelow(s *oracleSpan) bool {
	for _, t := range o.spans {
		if outgoing(t) && t != s && o.resolved(t) {
			for a := nestParent(t); a != nil; a = nestParent(a) {
				if a == s {
					return true
				}
			}
		}
	}
	return false
}

// speaks reports that s is a call nobody answered and that speaks for its nest
// (rules U1 and U2).
func (o *oracle) speaks(s *oracleSpan) bool {
	told, ok := o.told[s]
	if !ok {
		told = o.tells(s)
		o.told[s] = told
	}
	return told
}

func (o *oracle) tells(s *oracleSpan) bool {
	far, _ := unansweredTarget(&s.far)
	if s.Role != collector.Out || o.resolved(s) || far == (graph.NodeRef{}) || o.resolvedBelow(s) {
		return false
	}
	for a := nestParent(s); a != nil; a = nestParent(a) {
		if o.resolved(a) || o.speaks(a) {
			return false
		}
	}
	return true
}

// unanswered counts the calls of rule U1.
func (o *oracle) unanswered() {
	for _, s := range o.spans {
		if !o.speaks(s) {
			continue
		}
		to, kind := unansweredTarget(&s.far)
		c := &oracleCall{from: s.service, to: to, kind: kind, start: s.Start, fromF: s.facet(), half: s, weight: s.Weight}
		c.stats.Calls = 1
		c.stats.Errors, c.stats.ClientErrors = boolCount(s.failed()), boolCount(s.failed())
		o.calls = append(o.calls, c)
	}
}

// unansweredTarget names the far side of a call that nobody answered (rules U1,
// D1 and D2), zero if nothing does.
func unansweredTarget(f *collector.Far) (graph.NodeRef, graph.EdgeKind) {
	switch {
	case f.HasDatabase():
		return graph.NodeRef{Kind: graph.Database, Name: databaseName(f)}, graph.DatabaseCall
	case f.Peer != "":
		return graph.NodeRef{Kind: graph.PeerName, Namespace: f.PeerNamespace, Name: f.Peer}, graph.RPC
	case f.Function != "":
		return graph.NodeRef{Kind: graph.PeerName, Name: f.Function}, graph.RPC
	case f.Host != "":
		return graph.NodeRef{Kind: graph.Address, Name: address(f)}, graph.RPC
	case f.RPCService != "":
		return graph.NodeRef{Kind: graph.External, Name: f.RPCService}, graph.RPC
	}
	return graph.NodeRef{}, 0
}

// defaultPorts of the database systems that the generated spans use.
var defaultPorts = map[string]uint16{"postgresql": 5432, "mysql": 3306, "redis": 6379, "mongodb": 27017, "elasticsearch": 9200}

func databaseName(f *collector.Far) string {
	if f.Peer != "" {
		return f.Peer
	}
	host := f.Host
	if host != "" && f.Port != 0 && f.Port != defaultPorts[f.DBSystem] {
		host = join(host, f.Port)
	}
	switch {
	case f.DBNamespace != "" && host != "":
		return f.DBNamespace + "@" + host
	case host != "":
		return host
	case f.DBNamespace != "":
		return f.DBNamespace
	}
	return f.DBSystem
}

// address prints host and port as rule U1 says.
func address(f *collector.Far) string {
	if f.Host == "" || f.Port == 0 || f.Port == 80 || f.Port == 443 {
		return f.Host
	}
	return join(f.Host, f.Port)
}

func join(host string, port uint16) string { return host + ":" + strconv.Itoa(int(port)) }

// loopback reports an address that means the caller's own machine (rule A1).
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsUnspecified())
}
