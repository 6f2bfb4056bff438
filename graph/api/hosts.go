package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Hosts says under which names the web port may be reached.
type Hosts struct {
	// Allowed are names beside the loopback ones, without port; case does not
	// matter.
	Allowed []string
}

// AllowHosts lets requests through to next whose Host is a loopback name, the
// address that the connection came in on, or allowed; others get 421. A page
// that had its own name resolve to this machine is kept out by that. It wraps
// everything that the web port serves.
func AllowHosts(next http.Handler, o Hosts) http.Handler {
	allowed := map[string]bool{"localhost": true}
	for _, name := range o.Allowed {
		allowed[hostName(name)] = true
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := hostName(r.Host)
		if allowed[name] || ownAddress(name, r) {
			next.ServeHTTP(w, r)
			return
		}
		secure(w.Header())
		f := failure{http.StatusMisdirectedRequest, "host", "this server does not answer to that host name; start it with --allowed-host to allow one"}
		f.write(w)
	})
}

// hostName returns the name in a Host header in lower case, without port,
// brackets and final dot.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		host = host[1 : len(host)-1]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// ownAddress reports whether name is a loopback address, or the one that the
// connection of r came in on.
func ownAddress(name string, r *http.Request) bool {
	ip, err := netip.ParseAddr(name)
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return false
	}
	at, err := netip.ParseAddrPort(local.String())
	return err == nil && at.Addr().Unmap().WithZone("") == ip
}
