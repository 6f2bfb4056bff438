package graph

import "time"

// A Graph is the answer to a query: nodes and edges sorted by id.
type Graph struct {
	// From and To are the bounds in force: the window asked for, widened
	// outward to the buckets kept there. Both are zero if nothing is kept.
	From, To Instant
	// Resolution is the width of the widest bucket that was read, 0 if none.
	Resolution time.Duration
	Nodes      []Node
	Edges      []Edge
}

// A Node of a graph.
type Node struct {
	// ID is the printed name, unique in the graph: that of NodeRef.Print, or
	// kind:name for a node that is no service and prints like another node.
	ID           string
	Kind         NodeKind // never PeerName or Address
	Namespace    string   // as sent
	Name         string   // as sent
	Environments []string // sorted; of its own spans and of its calls' near half
	Teams        []string // sorted; of its own spans
	Spans        int64    // own spans in the window
	First, Last  Instant  // start of the first and end of the last bucket that holds it
}

// An Edge of a graph: calls of one kind between two nodes.
type Edge struct {
	From, To    string // ids of nodes
	Kind        EdgeKind
	Stats       Stats
	First, Last Instant // start of the first and end of the last bucket that holds calls
}

// A Query selects a graph. The zero value selects all that is kept.
type Query struct {
	// From and To bound the window, From inclusive, To exclusive; zero is open.
	From, To Instant
	// At, if not zero and neither bound is set, selects the bucket that holds it.
	At Instant
	Filter
}

// A Filter selects a part of a graph. The zero value selects all.
type Filter struct {
	Namespace   string    // nodes of the namespace and their neighbours' edges
	Environment string    // rule N2: edges with at least one half there, services with a span there
	Kind        EdgeKind  // edges of the kind and their ends
	Focus       string    // id of a node; keeps what is reached within Hops
	Hops        int       // from Focus; below 1 means 1
	Direction   Direction // of the hops from Focus
}

// A Direction says which edges hops follow.
type Direction uint8

// Both is the zero value.
const (
	Both Direction = iota
	Up             // towards callers
	Down           // towards callees
)

// ParseDirection reads "both", "up" or "down"; "" is Both.
func ParseDirection(s string) (Direction, bool) {
	switch s {
	case "", "both":
		return Both, true
	case "up":
		return Up, true
	case "down":
		return Down, true
	}
	return 0, false
}
