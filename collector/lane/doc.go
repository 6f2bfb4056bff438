// Package lane drives inference: it writes spans to the log, shares them out to
// engines and emits the changes of the graph.
//
// A [Router] is the sink of all receivers. A batch is taken whole or refused
// whole with collector.ErrBusy. What is taken is appended to the span log first,
// under the lock that also orders the queues, so that every engine sees the
// spans in the order of the log. Traces are shared out by their id; each lane
// has one goroutine, one infer.Engine and one archive, which nobody else touches
// while it works.
//
// Each infer.Tick a tick is written to the log and queued behind the spans
// before it. When all lanes have come to it the engines evaluate in step, and
// the sum of their changes is emitted as one graph.Batch, whose sequence number
// is the tick's. Time is read when a record is appended and never goes back, so
// everything that is emitted is a function of the log.
//
// A checkpoint (the engines at a tick, the archives' segments, the place in the
// log) is written once a minute, as soon as the store holds what was emitted up
// to it. [Open] and [Router.Recover] begin with the checkpoint and replay the
// log behind it; batches that the store holds already are not emitted again.
// When the checkpoint or the store is lost, a new line begins: it takes over the
// spans of the log that the store has not heard of.
//
// Order, which makes the promises hold after a power cut: call [Router.Sync]
// before each commit of the store; checkpoints look for the store's progress by
// themselves.
//
// To stop without loss: cancel Run's context and wait for Run, which drains the
// queues; let the store commit what was emitted; then call [Router.Checkpoint]
// and [Router.Close].
package lane
