package company

import (
	"sync/atomic"
	"time"
)

// A Switch is on for a while and then off again. The zero value is off. Its
// methods may be called in parallel.
type Switch struct {
	until atomic.Int64 // Unix nanoseconds
}

// For turns the switch on for d from now, whatever was set before.
func (s *Switch) For(d time.Duration) { s.until.Store(time.Now().Add(d).UnixNano()) }

// Off turns the switch off.
func (s *Switch) Off() { s.until.Store(0) }

// On reports whether the switch is on.
func (s *Switch) On() bool { return s.Left() > 0 }

// Left is how much longer the switch stays on; 0 if it is off.
func (s *Switch) Left() time.Duration {
	return max(0, time.Until(time.Unix(0, s.until.Load())))
}
