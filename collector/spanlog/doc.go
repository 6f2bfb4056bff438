// Package spanlog keeps reduced spans on disk in the order in which they
// arrived, until a checkpoint covers them.
//
// A log is a folder of files that are only appended to. A record is a batch of
// spans, a tick, or a cut of the archive's horizon; its place is a Position. An
// opened log is replayed, then goes on in a new file: names have the numbers of
// the process that wrote the file, and each file defines its own.
// docs/format.md describes the bytes, under Span log.
//
// What Append has returned a position for survives the end of the process, and a
// power cut once a later Sync has returned. What is refused is a
// collector.BusyError and leaves no trace: the sender comes again. After a
// failed fsync nobody knows what is on disk, and the log takes nothing until
// its owner has written a checkpoint that covers everything and called Begin.
//
// Append, Tick, Cut, Begin, Replay and Close must not run in parallel with one
// another. Sync, Drop and Stats may run in parallel with all of them.
package spanlog
