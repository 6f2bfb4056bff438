package main

import (
	"fmt"
	"net/http"
	"net/http/pprof"
	"strings"

	"graphctl/graph/api"
)

// debugPath is where profiles of the running program are served with --debug.
const debugPath = "/debug/pprof/"

// checkDebug refuses profiles on an address that others can reach: they tell
// how the program was started and let anybody make it work.
func checkDebug(on bool, listen string) error {
	if !on || isLoopback(listen) {
		return nil
	}
	return usageError{hint{
		fmt.Errorf("--debug: --listen=%s is not a loopback address", listen),
		"profiles are served on loopback only; bind 127.0.0.1 and forward the port",
	}}
}

// withDebug serves profiles beside next if on is set. They are for who comes
// to a loopback name, not for who was let through by --allowed-host.
func withDebug(on bool, next http.Handler) http.Handler {
	if !on {
		return next
	}
	profiles := http.NewServeMux()
	profiles.HandleFunc(debugPath, pprof.Index)
	profiles.HandleFunc(debugPath+"cmdline", pprof.Cmdline)
	profiles.HandleFunc(debugPath+"profile", pprof.Profile)
	profiles.HandleFunc(debugPath+"symbol", pprof.Symbol)
	profiles.HandleFunc(debugPath+"trace", pprof.Trace)
	local := api.AllowHosts(profiles, api.Hosts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, debugPath) {
			local.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}
