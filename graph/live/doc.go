// Package live keeps the last hour of the call graph in memory and tells
// followers what changes in it.
//
// A [Window] is fed with the same batches as the store. Once a second it
// publishes: it lets leave what is older than the window, decides again what
// names stand for where the evidence changed (with [graph.Builder], so that it
// shows what the store would answer), and makes the newest values of every
// service and call known as an immutable [Snapshot] with a sequence number.
//
// Here a service is a node of any kind and a call is an edge: the words of
// docs/protocol.md. Both have numbers that are not used twice in an epoch.
//
// Nothing is queued for a follower. The window remembers which numbers each of
// the last History publications changed; a [Feed] is a place in that sequence.
// Who comes late gets one [Update] with the union of what was missed and the
// newest values, or a snapshot when the sequence no longer reaches back.
//
// What is kept for each subject of the sum: calls and errors of each minute of
// the last hour, and the buckets of the last minute with their sketches, packed.
// A minute or bucket that leaves is forgotten exactly, whatever amendments it
// got before.
//
// Apply, Advance, Snapshot and Follow may be called in parallel; a Feed belongs
// to one goroutine.
package live
