package infer

import "graphctl/collector"

// resolveParents finds the parent of each span (rules P1, P2, P3, P6).
func (v *evaluation) resolveParents() {
	for i := range v.spans {
		s := &v.spans[i]
		if p := v.sharedHalf(i); p >= 0 {
			s.parent = p
			continue
		}
		switch s.r.parent {
		case 0:
			s.set(parentless)
		case s.r.id: // names itself: no known parent (P6)
		default:
			s.parent = v.pickParent(i)
		}
	}
}

// sharedHalf returns the outgoing span that carries the ids of the IN or
// consuming span i (rule P2).
func (v *evaluation) sharedHalf(i int) int32 {
	s := &v.spans[i]
	if s.role != collector.In && !s.role.Consuming() {
		return -1
	}
	loose := int32(-1)
	n := 0
	for c := v.withID(s.r.id, 0); c >= 0 && n < maxCarriers; c = v.withID(s.r.id, c+1) {
		n++
		o := &v.spans[c]
		switch {
		case !o.role.Outgoing():
		case o.r.high == s.r.high:
			return c
		case loose < 0 && (o.r.high == 0 || s.r.high == 0):
			loose = c
		}
	}
	return loose
}

// pickParent returns which of the spans that carry i's parent id is its parent
// (rule P3), −1 if none has arrived.
func (v *evaluation) pickParent(i int) int32 {
	s := &v.spans[i]
	found := v.carriers(s.r.high, s.r.parent)
	switch len(found) {
	case 0:
		return -1
	case 1:
		return found[0]
	}
	if s.role == collector.In || v.kind(i) == collector.KindConsumer {
		if c := v.first(found, v.isClientHalf); c >= 0 {
			return c
		}
	}
	own := v.ownService(i)
	same := func(c int32) bool { return own != 0 && v.ownService(int(c)) == own }
	if c := v.first(found, func(c int32) bool { return same(c) && v.isServerHalf(c) }); c >= 0 {
		return c
	}
	if c := v.first(found, same); c >= 0 {
		return c
	}
	if c := v.first(found, v.isServerHalf); c >= 0 {
		return c
	}
	return found[0]
}

func (v *evaluation) first(found []int32, fits func(int32) bool) int32 {
	for _, c := range found {
		if fits(c) {
			return c
		}
	}
	return -1
}

func (v *evaluation) isClientHalf(c int32) bool {
	k := v.kind(int(c))
	return k == collector.KindClient || k == collector.KindProducer
}

func (v *evaluation) isServerHalf(c int32) bool {
	role := v.spans[c].role
	return role == collector.In || role.Consuming()
}

// kind returns the kind that span i counts as (rule K1).
func (v *evaluation) kind(i int) collector.Kind {
	s := &v.spans[i]
	if k := s.r.kind(); k != collector.KindUnspecified {
		return k
	}
	if s.role == collector.Local {
		return collector.KindInternal
	}
	return collector.KindClient
}

// cutRings takes the parent from the first span of each ring (rule P6), then
// puts parents before children.
func (v *evaluation) cutRings() {
	v.linkChildren()
	v.order = v.order[:0]
	for i := range v.spans {
		if v.spans[i].parent < 0 {
			v.visit(int32(i))
		}
	}
	for i := 0; len(v.order) < len(v.spans); i++ {
		if v.spans[i].leave == 0 {
			v.visit(v.cutRingAbove(int32(i)))
		}
	}
}

// linkChildren lists the children of each span in order.
func (v *evaluation) linkChildren() {
	for i := len(v.spans) - 1; i >= 0; i-- {
		s := &v.spans[i]
		if s.parent >= 0 {
			p := &v.spans[s.parent]
			s.sibling = p.child
			p.child = int32(i)
		}
	}
}

// visit appends root and all below it to the order.
func (v *evaluation) visit(root int32) {
	i := root
	for {
		v.order = append(v.order, i)
		if c := v.spans[i].child; c >= 0 {
			i = c
			continue
		}
		for {
			s := &v.spans[i]
			s.leave = int32(len(v.order))
			if i == root {
				return
			}
			if s.sibling >= 0 {
				i = s.sibling
				break
			}
			i = s.parent
		}
	}
}

// cutRingAbove finds the ring that the parents of i lead into, takes the parent
// from its first span and returns that.
func (v *evaluation) cutRingAbove(i int32) int32 {
	v.path = v.path[:0]
	for v.spans[i].leave == 0 {
		v.spans[i].leave = -1
		v.path = append(v.path, i)
		i = v.spans[i].parent
	}
	first := i
	for j := v.spans[i].parent; j != i; j = v.spans[j].parent {
		first = min(first, j)
	}
	for _, j := range v.path {
		v.spans[j].leave = 0
	}
	v.unlinkChild(first)
	return first
}

// unlinkChild makes span i a root.
func (v *evaluation) unlinkChild(i int32) {
	p := &v.spans[v.spans[i].parent]
	if p.child == i {
		p.child = v.spans[i].sibling
	} else {
		c := p.child
		for v.spans[c].sibling != i {
			c = v.spans[c].sibling
		}
		v.spans[c].sibling = v.spans[i].sibling
	}
	v.spans[i].parent, v.spans[i].sibling = -1, -1
}
