// Package archive keeps traces that have been quiet on disk, so that a late span
// finds its trace for as long as the horizon without the horizon being in
// memory. A trace is an opaque record under the low 64 bits of its id.
//
//	Keep ──► open segment ──(full, or Seal)──► sealed segments ──(expired)──► Release
//	         table: trace → place              memory: filters of groups, hints, fences
//	         buffer, file                      file: records, index, footer
//
// Records are appended to a segment file through one buffer. When the segment is
// full or Seal is called, an index sorted by trace is written behind them. Of a
// sealed segment memory holds fences, every 256th trace of that index, and
// hints, a small filter. A larger filter, one for a group of neighbouring
// segments, says whether a trace may be in any of them. A question about a trace
// that was never kept, by far the most frequent one, costs one cache line of the
// table and one of each filter, of which there are four to six, some ten while
// the load rises. A question about a trace that was kept looks through the hints
// of its group, newest first, and costs two reads and one for each five segments
// passed over.
//
// What is visible is a function of the arguments: a record is there if its
// lastSeen is greater than the oldest of the question. So a replay from a
// checkpoint finds what the first run found. Callers keep two rules: the
// lastSeen of one trace never goes back, nor does oldest from call to call.
//
// Costs: 36 bytes a trace on disk besides its record; 16 to 22 bits a trace in
// memory, bounded by Options.FilterBytes; 16 bytes a slot of the table, at most
// 8 MiB; one open file a segment. An Archive belongs to one goroutine; only
// Stats may be called from others.
//
// Damage never yields a wrong record: each record, each block of the index and
// each footer has a checksum, and a record names its trace. A damaged record is
// an error and not the older one of the same trace, which would be wrong. Where
// a whole segment is lost that cannot be told, and older records of its traces
// are found again: few traces are kept twice, and refusing all that is older
// would lose far more.
package archive
