package infer

import "graphctl/collector"

// nameServices gives each span its service (rules N1, N3): that of its
// resource; else, for clients, producers and internal spans, that of the
// parent; else unknown_service.
func (v *evaluation) nameServices() {
	for _, i := range v.order {
		s := &v.spans[i]
		n := v.e.resource(s.r.resource)
		if n.node != 0 {
			s.service, s.side = n.node, n.side
			continue
		}
		if s.parent >= 0 && v.inherits(int(i)) {
			s.service = v.spans[s.parent].service
		} else {
			s.service = n.unknown
		}
		s.side = v.e.side(s.service, n.facet)
	}
}

// inherits reports a kind that takes the service of its parent if its resource
// names none.
func (v *evaluation) inherits(i int) bool {
	switch v.kind(i) {
	case collector.KindClient, collector.KindProducer, collector.KindInternal:
		return true
	}
	return false
}

// ownService returns the service of span i as far as its own resource and kind
// tell, 0 if it depends on a parent.
func (v *evaluation) ownService(i int) node {
	s := &v.spans[i]
	if s.own == 0 && !v.inherits(i) {
		return v.e.resource(s.r.resource).unknown
	}
	return s.own
}
