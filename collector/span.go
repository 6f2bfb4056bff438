package collector

import "encoding/binary"

// A TraceID is the 16 bytes of an OpenTelemetry trace id. 64-bit tracers leave
// the first eight zero.
type TraceID [16]byte

// Low returns the low 64 bits, which name the trace for inference: tracers of
// 64 and of 128 bits meet there (rule P1).
func (t TraceID) Low() uint64 { return binary.BigEndian.Uint64(t[8:]) }

// IsZero reports an invalid id.
func (t TraceID) IsZero() bool { return t == TraceID{} }

// A SpanID is the 8 bytes of an OpenTelemetry span id.
type SpanID [8]byte

// IsZero reports an invalid id; as a parent, none.
func (s SpanID) IsZero() bool { return s == SpanID{} }

// A Kind is an OTLP span kind as sent. Unknown values are KindUnspecified.
type Kind uint8

// The OTLP span kinds, with OTLP's numbers.
const (
	KindUnspecified Kind = iota
	KindInternal
	KindServer
	KindClient
	KindProducer
	KindConsumer
)

// A Role is what a span does for the graph (rules K1 and K2): a function of its
// kind and attributes alone.
type Role uint8

// The roles. Publish, Create and Out are the outgoing roles.
const (
	Local   Role = iota // work inside a service
	In                  // a server span
	Out                 // a client span that is no messaging span
	Publish             // sends messages
	Create              // makes a message's context; never counted
	Receive             // consumes: fetches messages
	Process             // consumes: works on messages
	Settle              // acknowledges; does nothing
)

// Outgoing reports whether the role is Publish, Create or Out.
func (r Role) Outgoing() bool { return r == Out || r == Publish || r == Create }

// Consuming reports whether the role is Receive or Process.
func (r Role) Consuming() bool { return r == Receive || r == Process }

// Flags are boolean facts of a span.
type Flags uint8

const (
	// Failed: the span failed by rule E1.
	Failed Flags = 1 << iota
	// ParentRemote: OTLP flags & 0x300 == 0x300 (rule C3).
	ParentRemote
	// Triggered: faas.trigger is set to something other than http (rule R1).
	Triggered
)

// WeightOne is the weight of a span that was not sampled. A span's weight is in
// 1/WeightOne and at most MaxWeight (rule W1).
const (
	WeightOne = 1 << 16
	MaxWeight = WeightOne << 24
)

// NoCount is the Messages of a span without messaging.batch.message_count.
const NoCount = -1

// MaxLinks is how many links of a span are kept; the rest is counted.
const MaxLinks = 1024

// A Span is a span reduced to what a call graph needs: 104 bytes, no pointers.
// Trace and ID are never zero.
type Span struct {
	Trace      TraceID
	ID, Parent SpanID // Parent zero: none
	Start, End int64  // Unix ns as sent; values past the range of int64 are clamped. End may be before Start
	Weight     int64  // 1/WeightOne; WeightOne or more
	Resource   Sym    // of a Resource
	Far        Sym    // of a Far; 0 if nothing is known of the far side
	Name       Sym    // span name (operation)
	Messages   int32  // messaging.batch.message_count, 0 or more, or NoCount
	FirstLink  uint32 // index in Batch.Links
	Links      uint16 // count there, at most MaxLinks
	Kind       Kind
	Role       Role
	Flags      Flags
}

// Is reports whether all of f are set.
func (s *Span) Is(f Flags) bool { return s.Flags&f == f }

// A Link points from a span to another, often in another trace. Neither id is
// zero.
type Link struct {
	Trace TraceID
	ID    SpanID
}

// A Batch is some spans of one request. A receiver reuses its batch: who wants
// to keep spans copies them.
type Batch struct {
	Spans []Span
	Links []Link
}

// LinksOf returns the links of s, a span of b.
func (b *Batch) LinksOf(s *Span) []Link {
	return b.Links[s.FirstLink : s.FirstLink+uint32(s.Links)]
}

// Reset empties b and keeps its memory.
func (b *Batch) Reset() { b.Spans, b.Links = b.Spans[:0], b.Links[:0] }
