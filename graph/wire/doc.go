// Package wire is the one binary form of what a graph sums up.
//
// A [Rows] is up to [MaxRows] vectors of counters of one time bucket, each with
// the number of what it counts. It is written as two values, counters and
// sketches, so that who needs no quantiles need not read the sketches; sketches
// cannot be read without the counters. Both are lists of numbered columns. A
// column holds, row after row, the difference between a counter and what the
// columns before it let expect, as a variable-length integer: a column in which
// all comes as expected is left out. Columns are compressed one by one.
//
// docs/format.md has every byte. Readers take hostile input: what they are given
// is checked, and what they hold is bounded by it.
package wire
