package graph

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

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

// What ParseInstant refuses, in words for people.
var (
	errTime     = errors.New("a time is RFC 3339, like 2026-01-31T10:00:00Z, or relative, like -15m")
	errRelative = errors.New("a relative time is like -15m, -2h30m or -7d")
	errEra      = errors.New("times lie between 1970 and 2261")
)

// ParseInstant reads a time as users write it: RFC 3339, "now", or a duration
// before now like -15m or -2d. "" is the zero Instant, which is no bound; any
// other time is after it.
func ParseInstant(s string, now time.Time) (Instant, error) {
	switch {
	case s == "":
		return 0, nil
	case s == "now":
		return InstantOf(now), nil
	case strings.HasPrefix(s, "-"):
		d, ok := parseDuration(s[1:])
		if !ok {
			return 0, errRelative
		}
		return InstantOf(now.Add(-d)), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return 0, errTime
	}
	if t.Year() < 1970 || t.Year() > 2261 {
		return 0, errEra
	}
	return max(InstantOf(t), 1), nil
}

// parseDuration reads a duration of at most 100 years; beside Go's units d is a
// day.
func parseDuration(s string) (time.Duration, bool) {
	const day = 24 * time.Hour
	const longest = 36525 * day
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0) || n > float64(longest/day) {
			return 0, false
		}
		return time.Duration(math.Round(n * float64(day))), true
	}
	d, err := time.ParseDuration(s)
	return d, err == nil && d >= 0 && d <= longest && !strings.HasPrefix(s, "-") && !strings.HasPrefix(s, "+")
}
