package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"graphctl/collector/lane"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	data                     string
	listen, otlpGRPC         string
	otlpHTTP, zipkin         string
	settle, horizon          time.Duration
	sync                     string
	log                      string
	lanes                    int
	maxDisk                  byteSize
	retainFine, retainMinute time.Duration
	retention                time.Duration
	teamAttribute            string
	allowedHosts             []string
	insecure                 bool
	selfTraces               string
	traceURL                 string
	debug                    bool
}

func (o *serveOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.listen, "listen", "127.0.0.1:4319", "`address` of the web page and API; port 0 picks one")
	f.StringVar(&o.otlpGRPC, "otlp-grpc", "127.0.0.1:4317", "`address` for OTLP over gRPC; empty: off")
	f.StringVar(&o.otlpHTTP, "otlp-http", "127.0.0.1:4318", "`address` for OTLP over HTTP; empty: off")
	f.StringVar(&o.zipkin, "zipkin", "", "`address` for Zipkin v2, usually 127.0.0.1:9411; empty: off")
	f.DurationVar(&o.settle, "settle", 5*time.Second, "how long a call waits for its other half before a guess is shown")
	f.DurationVar(&o.horizon, "horizon", time.Hour, "how late a span may come and still join its trace; at least 20m")
	f.StringVar(&o.log, "log", "on", "span log: on, or off to give up what is open in a crash")
	f.StringVar(&o.sync, "sync", "1s", "when the span log is safe against power cuts: 1s (each second) or batch (before a span is acknowledged)")
	o.maxDisk = defaultMaxDisk
	f.Var(&o.maxDisk, "max-disk", "`size` of the data directory; above it the horizon and the finest history become shorter, oldest first")
	f.IntVar(&o.lanes, "lanes", 0, "lanes of inference in a new data directory; 0: half of the processors")
	f.DurationVar(&o.retainFine, "retention-10s", 6*time.Hour, "how long 10 s buckets are kept")
	f.DurationVar(&o.retainMinute, "retention-1m", 3*24*time.Hour, "how long 1 min buckets are kept")
	f.DurationVar(&o.retention, "retention", 400*24*time.Hour, "how long 1 h buckets are kept")
	f.StringVar(&o.teamAttribute, "team-attribute", "team", "resource `attribute` that names a service's team")
	f.StringSliceVar(&o.allowedHosts, "allowed-host", nil, "`name` under which the web port may be reached, beside loopback; may be repeated")
	f.BoolVar(&o.insecure, "insecure", false, "listen on addresses that are not loopback, without any authentication")
	f.StringVar(&o.traceURL, "trace-url", "", "`link` from a service to its traces in another program: http or https, with {service}, {from} and {to} (ms since 1970) to be filled in")
	f.StringVar(&o.selfTraces, "self-traces", "", "OTLP/gRPC `endpoint`, like http://host:4317, for graphctl's own spans; empty: none are made")
	f.BoolVar(&o.debug, "debug", false, "serve profiles of the program under /debug/pprof/ of the web port, which must be a loopback address")
}

func newServe(io streams) *cobra.Command {
	var o serveOptions
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Receive spans and serve the graph",
		Long: `Receive spans over OTLP (and Zipkin v2), keep the call graph in the data
directory, and serve the web page, the API and the live stream.

When it is ready it prints one line for each listener. SIGTERM or Ctrl-C stops
it: requests in hand are finished, open calls are saved, and a later start goes
on where it stopped. A second signal ends it at once.

A span is acknowledged when the span log has it: the death of the process loses
nothing, and a power cut at most the last second (--sync=batch: nothing). A span
that comes late, up to --horizon, still joins its trace.

There is no authentication yet, so it listens on loopback addresses only unless
--insecure is given.`,
		Example: `  graphctl serve
  graphctl serve --data /var/lib/graphctl --retention 720h
  graphctl serve --otlp-grpc 0.0.0.0:4317 --insecure      # trusts its network
  GRAPHCTL_LISTEN=127.0.0.1:8080 graphctl serve`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(); err != nil {
				return err
			}
			s, err := newServer(cmd.Context(), o, io.err)
			if err != nil {
				return err
			}
			s.announce(io.err)
			return s.run(cmd.Context())
		},
	}
	o.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&o.data, "data", defaultData(), "`directory` that holds the graph; made if missing")
	return cmd
}

// defaultData is where the XDG base directory specification puts data.
func defaultData() string {
	base := os.Getenv("XDG_DATA_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "graphctl-data"
		}
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "graphctl")
}

// minHorizon is how late spans must at least be waited for.
const minHorizon = 20 * time.Minute

// check refuses what cannot be served.
func (o *serveOptions) check() error {
	switch {
	case o.log != "on" && o.log != "off":
		return usagef("--log=%s: must be on or off", o.log)
	case o.sync != "1s" && o.sync != "batch":
		return usagef("--sync=%s: must be 1s or batch", o.sync)
	case o.lanes < 0 || o.lanes > lane.MaxLanes:
		return usagef("--lanes=%d: must lie between 0 and %d", o.lanes, lane.MaxLanes)
	case o.maxDisk < minMaxDisk:
		return usagef("--max-disk=%v: must be at least %v", o.maxDisk, minMaxDisk)
	case o.settle < 0 || o.settle > time.Minute:
		return usagef("--settle=%v: must lie between 0 and 1m", o.settle)
	case o.horizon < minHorizon || o.horizon > 24*time.Hour:
		return usagef("--horizon=%v: must lie between %v and 24h", o.horizon, minHorizon)
	case o.retainFine < time.Hour || o.retainMinute < o.retainFine || o.retention < o.retainMinute:
		return usagef("retention must be at least 1h for 10 s buckets, and not shorter for coarser ones: have %v, %v, %v", o.retainFine, o.retainMinute, o.retention)
	}
	if err := checkDebug(o.debug, o.listen); err != nil {
		return err
	}
	if err := checkTraceURL(o.traceURL); err != nil {
		return err
	}
	if o.insecure {
		return nil
	}
	for _, l := range []struct{ flag, address string }{
		{"listen", o.listen}, {"otlp-grpc", o.otlpGRPC}, {"otlp-http", o.otlpHTTP}, {"zipkin", o.zipkin},
	} {
		if l.address != "" && !isLoopback(l.address) {
			return usageError{hint{
				fmt.Errorf("--%s=%s is not a loopback address, and anybody who reaches it could read or write the graph", l.flag, l.address),
				"give --insecure if the network is trusted, or bind 127.0.0.1 and put an authenticating proxy before it",
			}}
		}
	}
	return nil
}

// checkTraceURL refuses a template that is no link to a page: a browser would
// run a javascript: URL.
func checkTraceURL(template string) error {
	if template == "" {
		return nil
	}
	// Braces are not allowed in a URL; digits stand for what is filled in.
	u, err := url.Parse(strings.NewReplacer("{service}", "0", "{from}", "0", "{to}", "0").Replace(template))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", strings.ContainsAny(u.String(), "{}"):
		return usagef("--trace-url=%s: give a link like https://traces.example/search?service={service}&start={from}&end={to}", template)
	case !strings.Contains(template, "{service}"):
		return usagef("--trace-url=%s: {service} is missing", template)
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

// listen opens a listener for a flag; nil for an empty address.
func listen(flag, address string) (net.Listener, error) {
	if address == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, hint{fmt.Errorf("--%s: %w", flag, err), "is another graphctl or collector running? Give another address, or port 0 for a free one"}
	}
	return l, nil
}

// addressOf returns the address of l, "" for none.
func addressOf(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}
