// Package infer turns spans into the calls that they prove.
//
// Belief is held per trace: a pure function of a trace's spans, and of what
// linked traces told about theirs, gives the trace's contributions to the
// graph. When a trace has changed, an [Engine] computes the function again and
// emits the new contributions minus the old ones. Arrival order, batching and
// repetition therefore cannot matter: the sum of all that was emitted depends
// only on the set of spans seen. Time decides when a guess is shown
// ([Options.Settle]) and how long a trace can still be amended
// ([Options.Horizon]), never what is true.
//
// An Engine is a state machine. It has no clock, goroutine, lock or I/O:
// callers pass the time and drive it,
//
//	e := infer.New(infer.Options{}, symbols)
//	e.Observe(now, span, links) // for each span
//	e.Advance(now)              // each tick of half a second
//	delta := e.Flush()          // nil if the shown graph did not change
//
// and it is not safe for concurrent use. Memory is bounded; what is forced out
// by a bound, or comes too late to be joined, is counted ([Counters]).
//
// With an [Archive] a trace that nothing has come for in a while leaves memory
// as a record of some 20 bytes a span, and comes back when something does: it is
// evaluated without a word, which gives what it contributed, and goes on as if
// it had never left.
//
// Several engines share a graph if each gets the traces of its lane ([LaneOf],
// [Options.Lane]) and all are advanced together, with [AdvanceAll] and, once what
// that changed was flushed, [EvaluateLong]. Together they emit in each tick what
// one engine alone would, but for counts by the hour, which wait for other turns.
//
// Where a rule lives: what a span is comes with it (collector.Role); who is
// whose parent in rule_parents.go; whose service in rule_services.go; which
// outgoing span belongs to a crossing, and pairs, in rule_crossings.go; nests
// of outgoing spans in rule_nests.go; what an unanswered span points at in
// rule_names.go; messages in rule_messaging.go; links in rule_links.go; roots
// and orphans in rule_roots.go. The order in which they run is in eval.go.
package infer
