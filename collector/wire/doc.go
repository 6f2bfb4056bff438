// Package wire is the binary form of reduced spans and of the names in them.
// docs/format.md describes it byte by byte, under Span log.
//
// Spans refer to names by the numbers of the process that writes. A file
// therefore carries definitions, in front of the spans that need them, and who
// reads it maps its numbers to their own with Names. Symbols 0 and 1 mean the
// same everywhere and are not defined.
package wire
