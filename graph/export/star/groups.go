package star

import (
	"cmp"
	"slices"
	"strings"

	"graphctl/graph"
)

// maxGroups bounds the arcs; the namespaces beyond share one.
const maxGroups = 4096

// kindPlaces is the order of the ring from twelve o'clock: people first, what
// is called last.
var kindPlaces = map[graph.NodeKind]int{graph.User: 0, graph.Service: 1, graph.Messaging: 2, graph.Database: 3, graph.External: 4}

var kindNames = map[graph.NodeKind]string{
	graph.Service: "services", graph.Database: "databases", graph.Messaging: "messaging", graph.External: "external", graph.User: "users",
}

// kindHues are the hues of far sides, however many namespaces there are.
var kindHues = map[graph.NodeKind]int{graph.Database: 3, graph.Messaging: 4, graph.External: 6, graph.User: 6}

// fewHues is the order in which up to four parents take their hues.
var fewHues = [...]int{0, 2, 1, 7}

// A groupKey names a group: a namespace, or a kind of far side.
type groupKey struct {
	kind      graph.NodeKind
	namespace string
}

// groupServices tells each service its group and returns the groups in the
// order of the ring. Which namespaces share the last group, when there are too
// many, follows from the order of the services.
func groupServices(services []service) []group {
	type entry struct {
		group
		key    groupKey
		parent string
	}
	var entries []*entry
	byKey := map[groupKey]*entry{}
	members := make([]*entry, len(services))
	for i := range services {
		s := &services[i]
		key := groupKey{kind: s.kind}
		if _, far := kindHues[s.kind]; !far {
			key = groupKey{graph.Service, s.namespace}
		}
		if byKey[key] == nil && len(byKey) >= maxGroups {
			key = groupKey{kind: graph.Service}
		}
		e := byKey[key]
		if e == nil {
			e = &entry{key: key}
			e.kind, e.name = key.kind, cmp.Or(key.namespace, kindNames[key.kind])
			e.parent = parentOf(e.name)
			byKey[key] = e
			entries = append(entries, e)
		}
		e.count++
		members[i] = e
	}
	slices.SortFunc(entries, func(a, b *entry) int {
		return cmp.Or(
			cmp.Compare(kindPlaces[a.kind], kindPlaces[b.kind]), compareNames(a.parent, b.parent),
			compareNames(a.name, b.name), compareNames(a.key.namespace, b.key.namespace))
	})
	place := make(map[*entry]int, len(entries))
	groups := make([]group, len(entries))
	for i, e := range entries {
		e.group.parent = i
		if i > 0 && e.kind == graph.Service && entries[i-1].kind == graph.Service && e.parent == entries[i-1].parent {
			e.group.parent = entries[i-1].group.parent
		}
		place[e], groups[i] = i, e.group
	}
	for i, e := range members {
		services[i].group = place[e]
	}
	paint(groups)
	return groups
}

// parentOf returns what stands before the first dot or slash of a namespace.
func parentOf(namespace string) string {
	if i := strings.IndexAny(namespace, "./"); i > 0 {
		return namespace[:i]
	}
	return namespace
}

// paint gives each parent its hue: one each while eight suffice, else
// neighbours share.
func paint(groups []group) {
	parents := 0
	numbers := make([]int, len(groups))
	for i := range groups {
		if groups[i].kind != graph.Service {
			continue
		}
		if i == 0 || groups[i-1].kind != graph.Service || groups[i].parent != groups[i-1].parent {
			parents++
		}
		numbers[i] = parents - 1
	}
	for i := range groups {
		switch n := numbers[i]; {
		case groups[i].kind != graph.Service:
			groups[i].hue = kindHues[groups[i].kind]
		case parents <= len(fewHues):
			groups[i].hue = fewHues[n]
		case parents <= hueCount:
			groups[i].hue = n
		default:
			groups[i].hue = n * hueCount / parents
		}
	}
}
