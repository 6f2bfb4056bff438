package main

import (
	"strings"
	"testing"
	"time"

	"graphctl/graph"
)

// Only what cannot be reached from elsewhere counts as loopback.
func TestIsLoopback(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, "[::ffff:127.0.0.1]:1": true,
		"0.0.0.0:1": false, ":1": false, "[::]:1": false, "10.0.0.1:1": false, "example.org:1": false,
		"localhost.example.org:1": false, "127.0.0.1": false, "": false,
	} {
		if got := isLoopback(address); got != want {
			t.Errorf("isLoopback(%q) = %v, want %v", address, got, want)
		}
	}
}

// Times are RFC 3339, or relative to now.
func TestParseTime(t *testing.T) {
	now := time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"now":                       now,
		"-15m":                      now.Add(-15 * time.Minute),
		"-2h30m":                    now.Add(-150 * time.Minute),
		"-7d":                       now.AddDate(0, 0, -7),
		"-0s":                       now,
		"2026-01-01T00:00:00Z":      time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		"2026-01-01T02:00:00+02:00": time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseTime("from", text, now); err != nil || got != graph.InstantOf(want) {
			t.Errorf("%q is %v, %v, want %v", text, got.Time(), err, want)
		}
	}
	if got, err := parseTime("from", "", now); err != nil || got != 0 {
		t.Errorf("nothing is %v, %v, want no bound", got, err)
	}
	for _, text := range []string{"yesterday", "15m", "+15m", "-", "--15m", "-15", "-1.5d", "-99999d", "1600000000", "2026-01-01", "0001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"} {
		if got, err := parseTime("from", text, now); err == nil || !strings.Contains(err.Error(), "--from="+text) {
			t.Errorf("%q is %v, error %v", text, got, err)
		}
	}
}

// The data directory follows the XDG base directories.
func TestDefaultData(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	t.Setenv("XDG_DATA_HOME", "")
	if got, want := defaultData(), "/home/ada/.local/share/graphctl"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	t.Setenv("XDG_DATA_HOME", "/data")
	if got, want := defaultData(), "/data/graphctl"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
