package graph

import (
	"cmp"
	"iter"
	"strings"
)

// A NodeKind says what a node is.
type NodeKind uint8

// The kinds of nodes. PeerName and Address occur only in subjects: they are
// references which [Builder] resolves to a service or an external node.
const (
	Service   NodeKind = iota + 1 // reports spans of its own
	Database                      // a database, by namespace and host
	Messaging                     // a destination: topic, queue, exchange, or a broker
	External                      // a far side never heard from
	User                          // whoever calls the root spans; one node
	PeerName                      // a far side known by a service's name only
	Address                       // a far side known by host[:port] only
)

var nodeKindNames = [...]string{"", "service", "database", "messaging", "external", "user", "peer", "address"}

func (k NodeKind) String() string { return kindName(nodeKindNames[:], int(k)) }

// An EdgeKind says how a call was made.
type EdgeKind uint8

// The kinds of edges.
const (
	RPC          EdgeKind = iota + 1
	DatabaseCall          // calls on a database
	Message               // messages to, from and between destinations
	Link                  // span links between services outside messaging
)

var edgeKindNames = [...]string{"", "rpc", "database", "messaging", "link"}

func (k EdgeKind) String() string { return kindName(edgeKindNames[:], int(k)) }

// ParseEdgeKind is the inverse of EdgeKind.String for the named kinds.
func ParseEdgeKind(s string) (EdgeKind, bool) {
	for i, n := range edgeKindNames {
		if i > 0 && n == s {
			return EdgeKind(i), true
		}
	}
	return 0, false
}

func kindName(names []string, k int) string {
	if k < len(names) {
		return names[k]
	}
	return "unknown"
}

// A NodeRef names a node, possibly unresolved. Two equal refs are one node.
// Namespace is used by Service and PeerName only. A PeerName's namespace is
// that given with the peer's name; if none was given the namespace of the
// other end of its edge decides on resolution.
type NodeRef struct {
	Kind            NodeKind
	Namespace, Name string
}

// Compare orders refs by namespace, name and kind.
func (n NodeRef) Compare(o NodeRef) int {
	return cmp.Or(
		cmp.Compare(n.Namespace, o.Namespace),
		cmp.Compare(n.Name, o.Name),
		cmp.Compare(n.Kind, o.Kind))
}

// Print returns the printed name: namespace/name or name, with "/" and "%" in a
// service's own namespace or name written %2F and %25, so that no two services
// print alike.
func (n NodeRef) Print() string {
	ns, name := n.Namespace, n.Name
	if n.Kind == Service {
		ns, name = escapeName.Replace(ns), escapeName.Replace(name)
	}
	if ns == "" {
		return name
	}
	return ns + "/" + name
}

var escapeName = strings.NewReplacer("%", "%25", "/", "%2F")

// A SubjectKind says what a subject counts.
type SubjectKind uint8

// The kinds of subjects and the columns of Stats that each uses.
const (
	// OfEdge: calls From → To of Kind; all columns.
	OfEdge SubjectKind = iota + 1
	// OfSpans: accepted spans of the service From whose disposition (paired,
	// root, orphan, …) is Detail; Calls only. Every accepted span is in exactly
	// one. A service lives while it has any.
	OfSpans
	// OfOperation: spans of the service From named Detail; Calls only, coarse.
	OfOperation
	// OfAlias: pairs whose outgoing span had the address Detail and whose
	// server side was the service To; Calls only, coarse. The evidence of rule A1.
	OfAlias
	// OfRule: calls From → To of Kind proved by the rule Detail; Calls only, coarse.
	OfRule
)

// Coarse reports that the subject is kept in hour buckets and above only; the
// buckets of its keys are aligned to the hour.
func (k SubjectKind) Coarse() bool { return k >= OfOperation }

// A Subject is what a counter counts. Unused fields are zero.
type Subject struct {
	Of       SubjectKind
	Kind     EdgeKind
	From, To NodeRef
	Detail   string
}

// Compare orders subjects by kind, ends, edge kind and detail.
func (s Subject) Compare(o Subject) int {
	return cmp.Or(
		cmp.Compare(s.Of, o.Of),
		s.From.Compare(o.From),
		s.To.Compare(o.To),
		cmp.Compare(s.Kind, o.Kind),
		cmp.Compare(s.Detail, o.Detail))
}

// A Facet holds the dimensions of one side of a call that filter and group but
// are not identity. Environments is sorted, without repeats, joined by NUL: in
// nearly all cases one name, several when the callee's spans of one group lie
// in several environments.
type Facet struct {
	Environments, Version, Team string
}

// EachEnvironment yields the facet's environments; none if there is none.
func (f Facet) EachEnvironment() iter.Seq[string] {
	return func(yield func(string) bool) {
		if f.Environments == "" {
			return
		}
		for e := range strings.SplitSeq(f.Environments, "\x00") {
			if !yield(e) {
				return
			}
		}
	}
}

// In reports whether the facet lies in the environment.
func (f Facet) In(environment string) bool {
	for e := range f.EachEnvironment() {
		if e == environment {
			return true
		}
	}
	return false
}

// Facets are the facets of both sides. Subjects of one node use From.
type Facets struct {
	From, To Facet
}

// Compare orders facets field by field.
func (f Facets) Compare(o Facets) int {
	return cmp.Or(f.From.compare(o.From), f.To.compare(o.To))
}

func (f Facet) compare(o Facet) int {
	return cmp.Or(
		cmp.Compare(f.Environments, o.Environments),
		cmp.Compare(f.Version, o.Version),
		cmp.Compare(f.Team, o.Team))
}

// A Key addresses one vector of counters.
type Key struct {
	Bucket  Instant // start of a bucket of Fine, of Coarse for coarse subjects
	Subject SubjectID
	Facets  FacetsID
}

// Compare orders keys by bucket, subject and facets: an order that does not
// depend on the process.
func (k Key) Compare(o Key) int {
	if c := cmp.Compare(k.Bucket, o.Bucket); c != 0 {
		return c
	}
	if k.Subject != o.Subject {
		return k.Subject.Value().Compare(o.Subject.Value())
	}
	if k.Facets != o.Facets {
		return k.Facets.Value().Compare(o.Facets.Value())
	}
	return 0
}

// Aligned reports whether the bucket of k begins where a bucket of its
// subject's width begins. Stores refuse keys that are not aligned.
func (k Key) Aligned() bool {
	width := Fine
	if k.Subject.Of().Coarse() {
		width = Coarse
	}
	return k.Bucket == k.Bucket.Floor(width)
}
