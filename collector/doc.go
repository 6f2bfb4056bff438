// Package collector is the vocabulary of intake: a span reduced to what a call
// graph needs, and the contracts between those who receive spans and those who
// read them.
//
// Receivers decode a request into a [Batch] of fixed-size, pointer-free spans
// and hand it to a [Sink]. What the rules read from attributes is reduced while
// decoding: facts of the resource are interned as one [Resource], facts about
// the far side as one [Far], both through [Symbols], so that a span carries two
// numbers and not a dozen strings.
package collector
