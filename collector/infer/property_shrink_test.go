package infer_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"graphctl/collector"
)

// shrink drops and simplifies steps as long as they still fail.
func shrink(steps []step, fails func([]step) bool) []step {
	for again := true; again; {
		again = false
		for size := len(steps); size > 0; size /= 2 {
			for i := 0; i+size <= len(steps); {
				if less := slices.Delete(slices.Clone(steps), i, i+size); fails(less) {
					steps, again = less, true
				} else {
					i += size
				}
			}
		}
		for i := range steps {
			for _, simplify := range simplifications {
				st := steps[i]
				if st.span != nil {
					s := *st.span
					s.links = slices.Clone(s.links)
					st.span = &s
				}
				if !simplify(&st) {
					continue
				}
				simpler := slices.Clone(steps)
				simpler[i] = st
				if fails(simpler) {
					steps, again = simpler, true
				}
			}
		}
	}
	return steps
}

// simplifications change a step to a simpler one and report whether they did.
var simplifications = []func(*step) bool{
	func(s *step) bool { return change(&s.wait, 0) },
	onSpan(func(s *received) bool { return change(&s.far, collector.Far{}) && roleFits(s) }),
	onSpan(func(s *received) bool { return change(&s.far.Peer, "") && roleFits(s) }),
	onSpan(func(s *received) bool { return change(&s.far.PeerNamespace, "") }),
	onSpan(func(s *received) bool { return change(&s.far.Host, "") && change(&s.far.Port, 0) }),
	onSpan(func(s *received) bool { return change(&s.far.Host, "") }),
	onSpan(func(s *received) bool { return change(&s.far.Port, 0) }),
	onSpan(func(s *received) bool { return change(&s.far.Function, "") }),
	onSpan(func(s *received) bool { return change(&s.far.RPCService, "") }),
	onSpan(func(s *received) bool { return change(&s.far.DBSystem, "") && roleFits(s) }),
	onSpan(func(s *received) bool { return change(&s.far.DBNamespace, "") && roleFits(s) }),
	onSpan(func(s *received) bool { return change(&s.far.MsgSystem, "") && roleFits(s) }),
	onSpan(func(s *received) bool { return change(&s.far.Destination, "") && roleFits(s) }),
	onSpan(func(s *received) bool { return change(&s.Weight, collector.WeightOne) }),
	onSpan(func(s *received) bool { return change(&s.Messages, collector.NoCount) }),
	onSpan(func(s *received) bool { return change(&s.Flags, 0) }),
	onSpan(func(s *received) bool { return change(&s.Parent, collector.SpanID{}) }),
	onSpan(func(s *received) bool { return change(&s.resource.Environment, "") }),
	onSpan(func(s *received) bool { return change(&s.resource.Version, "") }),
	onSpan(func(s *received) bool { return change(&s.resource.Namespace, "") }),
	onSpan(func(s *received) bool {
		d := s.End - s.Start
		return change(&s.Start, epoch) && change(&s.End, epoch+d)
	}),
	onSpan(func(s *received) bool { return change(&s.End, s.Start) }),
	onSpan(func(s *received) bool {
		if len(s.links) == 0 {
			return false
		}
		s.links = s.links[1:]
		return true
	}),
	onSpan(func(s *received) bool {
		if len(s.links) == 0 {
			return false
		}
		s.links = s.links[:len(s.links)-1]
		return true
	}),
}

func onSpan(f func(*received) bool) func(*step) bool {
	return func(s *step) bool { return s.span != nil && f(s.span) }
}

func change[T comparable](v *T, to T) bool {
	changed := *v != to
	*v = to
	return changed
}

// roleFits reports whether a span with these attributes can have its role.
func roleFits(s *received) bool {
	messaging := s.far.MsgSystem != "" || s.far.Destination != ""
	switch s.Kind {
	case collector.KindClient:
		return messaging == (s.Role != collector.Out)
	case collector.KindUnspecified:
		return s.Role == collector.Local || messaging == (s.Role != collector.Out) && (messaging || s.far.Peer != "" || s.far.HasDatabase())
	}
	return true
}

var (
	kindNames = [...]string{"unspecified", "internal", "server", "client", "producer", "consumer"}
	roleNames = [...]string{"local", "in", "out", "publish", "create", "receive", "process", "settle"}
)

// describe prints steps so that a person can follow them.
func describe(steps []step) string {
	var b strings.Builder
	for _, st := range steps {
		if st.wait > 0 {
			fmt.Fprintf(&b, "   wait %v\n", st.wait)
		}
		if st.reload {
			fmt.Fprintf(&b, "   reload\n")
		}
		if st.span == nil {
			continue
		}
		s := st.span
		fmt.Fprintf(&b, "   span %s", spanName(s.Trace, s.ID))
		if !s.Parent.IsZero() {
			fmt.Fprintf(&b, " under %x", int(s.Parent[6])<<8|int(s.Parent[7]))
		}
		fmt.Fprintf(&b, " %s/%s of %s/%q", kindNames[s.Kind], roleNames[s.Role], s.resource.Namespace, s.resource.Name)
		fmt.Fprintf(&b, " +%v %v", time.Duration(s.Start-epoch), time.Duration(s.End-s.Start))
		if e := s.resource.Environment + s.resource.Version; e != "" {
			fmt.Fprintf(&b, " env=%q version=%q", s.resource.Environment, s.resource.Version)
		}
		if !s.far.IsZero() {
			fmt.Fprintf(&b, " far=%+v", s.far)
		}
		if s.Weight != collector.WeightOne {
			fmt.Fprintf(&b, " weight=%d", s.Weight/collector.WeightOne)
		}
		if s.Messages != collector.NoCount {
			fmt.Fprintf(&b, " messages=%d", s.Messages)
		}
		for i, name := range []string{"failed", "parent-remote", "triggered"} {
			if s.Is(1 << i) {
				b.WriteString(" " + name)
			}
		}
		for _, l := range s.links {
			fmt.Fprintf(&b, " link=%s", spanName(l.Trace, l.ID))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// spanName prints the bytes of ids that generated spans use.
func spanName(t collector.TraceID, id collector.SpanID) string {
	name := fmt.Sprintf("%x:%x/%x", t[0], t[15], int(id[6])<<8|int(id[7]))
	if id[0] != 0 {
		name += "?"
	}
	return name
}
