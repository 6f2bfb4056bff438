package main

import (
	"testing"
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

// A link to traces leads to a page of another program and to nothing else.
func TestCheckTraceURL(t *testing.T) {
	for _, good := range []string{
		"",
		"https://jaeger.example/search?service={service}",
		"http://127.0.0.1:3000/explore?q={service}&from={from}&to={to}#x",
		"https://traces.example/{service}/last",
	} {
		if err := checkTraceURL(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"javascript:alert({service})",
		"https://jaeger.example/search",
		"//jaeger.example/{service}",
		"https:///{service}",
		"data:text/html,{service}",
		"https://jaeger.example/{service}?at={cake}",
		"https://jaeger example/{service}",
	} {
		if checkTraceURL(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
