// Package lan is the private network of the sample company: names instead of
// addresses.
//
// All services of the company run in one process and listen on free ports of
// 127.0.0.1. Real ones find each other by names such as maps.rides.internal,
// and instrumentation records those names in server.address. A Network keeps
// that so: Listen claims a name, DialContext finds it, and the connection says
// that its far end is the name.
package lan

import (
	"context"
	"fmt"
	"net"
	"sync"
)

// A Network maps names, host:port, to the loopback addresses behind them. The
// zero value is an empty network. Its methods may be called in parallel.
type Network struct {
	mu    sync.RWMutex
	hosts map[string]string // name to address; never shrinks, bounded by the listeners opened
}

// Listen opens a listener on a free port of 127.0.0.1 and gives it the name,
// which has the form host:port. The caller owns the listener. A name that is
// taken is an error.
func (n *Network) Listen(name string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(name); err != nil {
		return nil, fmt.Errorf("lan: listen %s: %w", name, err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("lan: listen %s: %w", name, err)
	}
	if err := n.claim(name, l.Addr().String()); err != nil {
		return nil, fmt.Errorf("%w (and closing: %v)", err, l.Close())
	}
	return l, nil
}

// Name gives a name to a listener that another package opened.
func (n *Network) Name(name, address string) error {
	return n.claim(name, address)
}

func (n *Network) claim(name, address string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if taken, ok := n.hosts[name]; ok {
		return fmt.Errorf("lan: name %s: taken by %s", name, taken)
	}
	if n.hosts == nil {
		n.hosts = make(map[string]string)
	}
	n.hosts[name] = address
	return nil
}

// DialContext connects to a name. Its signature is the one that net/http,
// gRPC and Redis clients ask for. A name that nobody claimed fails as a name
// does that DNS does not know.
func (n *Network) DialContext(ctx context.Context, network, name string) (net.Conn, error) {
	n.mu.RLock()
	address, ok := n.hosts[name]
	n.mu.RUnlock()
	if !ok {
		return nil, &net.DNSError{Err: "no such host on the company network", Name: name, IsNotFound: true}
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return conn{Conn: c, remote: addr(name)}, nil
}

// conn is a connection whose far end goes by its name.
type conn struct {
	net.Conn
	remote addr
}

func (c conn) RemoteAddr() net.Addr { return c.remote }

type addr string

func (addr) Network() string  { return "tcp" }
func (a addr) String() string { return string(a) }
