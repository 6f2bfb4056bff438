package lan_test

import (
	"errors"
	"net"
	"testing"

	"graphctl/sampleapps/lan"
)

// A connection says that its far end is the name that was dialled, because
// that is what instrumentation records as server.address.
func TestDialKeepsTheName(t *testing.T) {
	var n lan.Network
	l, err := n.Listen("maps.example:9000")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, err := n.DialContext(t.Context(), "tcp", "maps.example:9000")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, want := c.RemoteAddr().String(), "maps.example:9000"; got != want {
		t.Errorf("remote address: got %s, want %s", got, want)
	}
}

func TestUnknownNameIsNotFound(t *testing.T) {
	var n lan.Network
	_, err := n.DialContext(t.Context(), "tcp", "nobody.example:80")
	var dns *net.DNSError
	if !errors.As(err, &dns) || !dns.IsNotFound {
		t.Errorf("got %v, want a DNS error that says not found", err)
	}
}

func TestNameIsClaimedOnce(t *testing.T) {
	var n lan.Network
	if err := n.Name("db.example:1", "127.0.0.1:1"); err != nil {
		t.Fatal(err)
	}
	if l, err := n.Listen("db.example:1"); err == nil {
		l.Close()
		t.Error("a second listener took the name of the first")
	}
	if l, err := n.Listen("no port"); err == nil {
		l.Close()
		t.Error("a name without a port was accepted")
	}
}
