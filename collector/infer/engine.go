package infer

import (
	"errors"
	"time"

	"graphctl/collector"
	"graphctl/graph"
)

// Options of an Engine. The zero value selects the defaults.
type Options struct {
	// Settle: guesses (calls by the user, calls that nobody answered, callers
	// known by name only) stay hidden so long after the span arrived. Default
	// 5 s; negative: shown at once.
	Settle time.Duration
	// Horizon: a trace is forgotten when no span of it arrived for so long.
	// Default 1 h. Negative: none, for a replay: nothing is forgotten and
	// spans keep their own times however old.
	Horizon time.Duration
	// MaxSpans bounds the spans (and links) in memory, default 1,000,000. Over
	// it the traces that were quiet longest are forgotten early, and counted.
	// Negative: no bound.
	MaxSpans int
}

// An Engine infers the call graph from spans. Use New or LoadState.
type Engine struct {
	o    Options
	syms *collector.Symbols
}

// New returns an empty engine that reads names from syms.
func New(o Options, syms *collector.Symbols) *Engine {
	return &Engine{o: o, syms: syms}
}

// Observe takes in a span and its links, which are borrowed for the call. now is Unix
// time in ns; a step back is held at the highest time seen.
func (e *Engine) Observe(now int64, s *collector.Span, links []collector.Link) {}

// Advance evaluates the traces that changed, shows guesses that have settled
// and forgets what is beyond the horizon. Call it each half second.
func (e *Engine) Advance(now int64) {}

// SettleAll evaluates all that changed and shows every guess: the end of a
// replay.
func (e *Engine) SettleAll() {}

// Flush returns the change of the shown graph since the last Flush, without
// zeros; nil if there is none. The delta is the caller's.
func (e *Engine) Flush() *graph.Delta { return nil }

// AppendState appends everything that is needed to go on later, names as
// strings, and returns the extended slice. What was not flushed is included.
func (e *Engine) AppendState(dst []byte) []byte { return dst }

// ErrState reports a state that LoadState cannot read: damaged, cut, or of
// another version.
var ErrState = errors.New("unreadable engine state")

// LoadState returns an engine that goes on where AppendState left off. Numbers
// of names are those of syms, which may be new. Contributions flushed before
// are not emitted again.
func LoadState(state []byte, o Options, syms *collector.Symbols) (*Engine, error) {
	return New(o, syms), nil
}
