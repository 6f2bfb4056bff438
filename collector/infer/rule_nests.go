package infer

import "graphctl/collector"

// speakForNests decides which outgoing spans that nobody answered count as
// calls (rule U2). Outgoing spans of one service that are connected through
// local spans form a nest: view.nest leads to the next one above. A member is
// counted if nothing below it in the nest is resolved, and nothing above it is
// resolved or counted; so the outermost that has a name speaks.
func (v *evaluation) speakForNests() {
	for n := len(v.order) - 1; n >= 0; n-- { // children before parents
		s := &v.spans[v.order[n]]
		if s.nest >= 0 && s.state&(resolved|resolvedBelow) != 0 {
			v.spans[s.nest].set(resolvedBelow)
		}
	}
	for _, i := range v.order {
		s := &v.spans[i]
		if !s.role.Outgoing() {
			continue
		}
		if s.nest >= 0 && v.spans[s.nest].state&(resolved|counted|covered) != 0 {
			s.set(covered)
		}
		if s.role == collector.Out && s.state&(resolved|resolvedBelow|covered) == 0 && v.e.far(s.r.far).callee != 0 {
			s.set(counted)
		}
	}
}

// countUnanswered counts the calls that nobody answered (rules U1, D1, E2):
// guesses, since the other half may still come.
func (v *evaluation) countUnanswered() {
	for i := range v.spans {
		s := &v.spans[i]
		if !s.is(counted) {
			continue
		}
		far := v.e.far(s.r.far)
		c := contribution{
			subject: v.edge(s.side, v.nodeSide(far.callee), far.kind, far.rule),
			bucket:  v.e.bucket(s.r), calls: 1, client: s.r.duration(), server: absent,
			estimated: estimate(s.r.weight, 1), showAt: v.showAt(s),
		}
		if s.failed() {
			c.errors, c.clientErrors = 1, 1
		}
		v.out = append(v.out, c)
	}
}

// showAt returns when a guess that hangs on s may be shown (rule X2).
func (v *evaluation) showAt(s *view) int64 {
	return max(s.r.arrival+int64(v.e.o.Settle), 1)
}
