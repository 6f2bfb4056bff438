// Package graph is the vocabulary of the call graph: who calls whom, how
// often, how fast, and since when.
//
// Everything known is one sparse sum of integers: (time bucket, [Subject],
// [Facets]) → [Stats]. Knowledge is combined by addition, which commutes,
// associates, has a zero and an inverse. So parts may arrive in any order, a
// late correction is a subtraction and an addition, a rollup is a sum and a
// comparison is a difference. To keep this true nothing in Stats is a float, a
// minimum, a maximum or a last value; those are computed when a [Graph] is
// read.
//
// A [Delta] is a change of that sum, a [Batch] a delta with the identity that
// makes its application idempotent, and a [Store] keeps the sum and answers a
// [Query] with a [Graph]. Names that cannot be decided from one trace (which
// service answers at an address, whether a peer's name is a service) are kept
// unresolved in the sum and decided by [Builder] on every read.
//
// The package is pure: no clock, lock, goroutine or I/O.
package graph
