package graph

import "time"

// An Instant is a point in time in nanoseconds since the Unix epoch. time.Time
// is used only at the edges of the program.
type Instant int64

// InstantOf converts t.
func InstantOf(t time.Time) Instant { return Instant(t.UnixNano()) }

// Time converts t to a time.Time in UTC.
func (t Instant) Time() time.Time { return time.Unix(0, int64(t)).UTC() }

// Floor returns the start of the bucket of width d that holds t. Buckets are
// aligned to the Unix epoch; t before the epoch floors downward.
func (t Instant) Floor(d time.Duration) Instant {
	r := t % Instant(d)
	if r < 0 {
		r += Instant(d)
	}
	return t - r
}

// Ceil returns the smallest bucket boundary of width d that is not before t.
func (t Instant) Ceil(d time.Duration) Instant {
	f := t.Floor(d)
	if f < t {
		f += Instant(d)
	}
	return f
}

// Widths of the kept time buckets. Deltas are written in buckets of Fine; the
// coarser ones are sums of finer ones.
const (
	Fine   = 10 * time.Second
	Medium = time.Minute
	Coarse = time.Hour
)
