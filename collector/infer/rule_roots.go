package infer

import (
	"graphctl/collector"
	"graphctl/graph"
)

// countRoots counts the calls of IN spans whose caller is not among the spans
// (rules R1, R2): guesses, since the caller may still come. Without a name
// there is no edge (rule R3).
func (v *evaluation) countRoots() {
	for i := range v.spans {
		s := &v.spans[i]
		if s.role != collector.In || s.is(known) || v.isRestarted(int32(i)) {
			continue
		}
		caller, rule := v.e.far(s.r.far).caller, RuleCaller
		if caller == 0 && s.is(parentless) && s.r.flags&collector.Triggered == 0 {
			caller, rule = v.e.user, RuleUser
		}
		if caller == 0 {
			continue
		}
		c := contribution{
			subject: v.edge(v.nodeSide(caller), s.side, graph.RPC, rule),
			bucket:  v.e.bucket(s.r), calls: 1, client: absent, server: s.r.duration(),
			estimated: estimate(s.r.weight, 1), showAt: v.showAt(s),
		}
		if s.failed() {
			c.errors, c.serverErrors = 1, 1
		}
		v.out = append(v.out, c)
	}
}
