package graph

import (
	"testing"
	"time"
)

// Times are RFC 3339, or relative to now.
func TestParseInstant(t *testing.T) {
	now := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"now":                       now,
		"-15m":                      now.Add(-15 * time.Minute),
		"-2h30m":                    now.Add(-150 * time.Minute),
		"-7d":                       now.AddDate(0, 0, -7),
		"-1.5d":                     now.Add(-36 * time.Hour),
		"-0s":                       now,
		"2026-01-01T00:00:00Z":      time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"2026-01-01T02:00:00+02:00": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := ParseInstant(text, now); err != nil || got != InstantOf(want) {
			t.Errorf("%q is %v, %v, want %v", text, got.Time(), err, want)
		}
	}
	if got, err := ParseInstant("", now); err != nil || got != 0 {
		t.Errorf("nothing is %v, %v, want no bound", got, err)
	}
	for _, text := range []string{"yesterday", "15m", "+15m", "-", "--15m", "-15", "-99999d", "1600000000", "2026-01-01", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"} {
		if got, err := ParseInstant(text, now); err == nil {
			t.Errorf("%q is %v, error %v", text, got, err)
		}
	}
}
