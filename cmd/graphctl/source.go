package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"graphctl/graph"
	"graphctl/graph/boltstore"
	"graphctl/graph/export"
)

// readOptions are the flags of commands that read a graph.
type readOptions struct {
	server, db, input      string
	from, to, at           string
	namespace, environment string
	kind, focus, direction string
	hops                   int
}

func (o *readOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	o.addServer(cmd)
	f.StringVar(&o.db, "db", "", "read the `file` graph.db of a stopped server instead")
	f.StringVar(&o.input, "input", "", "read a graph written by export --json instead; - is standard input")
	f.StringVar(&o.from, "from", "", "start of the window: a `time` in RFC 3339, or relative like -15m or -2d")
	f.StringVar(&o.to, "to", "", "end of the window, a `time` as in --from; now if missing")
	f.StringVar(&o.at, "at", "", "instead of --from and --to: the bucket that holds this `time`")
	o.addFilters(cmd)
	cmd.MarkFlagsMutuallyExclusive("server", "db", "input")
}

func (o *readOptions) addFilters(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.namespace, "namespace", "", "only nodes of this service `namespace`, and their neighbours")
	f.StringVar(&o.environment, "environment", "", "only calls with a half in this deployment environment, by `name`")
	f.StringVar(&o.kind, "kind", "", "only edges of this `kind`: rpc, database, messaging, link")
	f.StringVar(&o.focus, "focus", "", "only what is reached from the node with this `id`")
	f.IntVar(&o.hops, "hops", 1, "how many calls away from --focus")
	f.StringVar(&o.direction, "direction", "both", "of the hops: up (callers), down (callees) or both")
}

func (o *readOptions) addServer(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.server, "server", "http://127.0.0.1:4319", "`URL` of a running server")
}

// query checks the flags and returns what they ask for.
func (o *readOptions) query(now time.Time) (q graph.Query, err error) {
	for _, t := range []struct {
		flag, value string
		to          *graph.Instant
	}{{"from", o.from, &q.From}, {"to", o.to, &q.To}, {"at", o.at, &q.At}} {
		if *t.to, err = graph.ParseInstant(t.value, now); err != nil {
			return q, usagef("--%s=%s: %w", t.flag, t.value, err)
		}
	}
	switch {
	case q.At != 0 && (q.From != 0 || q.To != 0):
		return q, usagef("--at is a window of its own; give it alone, or --from and --to")
	case q.From != 0 && q.To != 0 && q.From >= q.To:
		return q, usagef("--from must be before --to")
	case o.hops < 1:
		return q, usagef("--hops must be at least 1")
	}
	q.Namespace, q.Environment, q.Focus, q.Hops = o.namespace, o.environment, o.focus, o.hops
	var ok bool
	if o.kind != "" {
		if q.Kind, ok = graph.ParseEdgeKind(o.kind); !ok {
			return q, usagef("--kind=%s: kinds are rpc, database, messaging, link", o.kind)
		}
	}
	if q.Direction, ok = graph.ParseDirection(o.direction); !ok {
		return q, usagef("--direction=%s: directions are up, down, both", o.direction)
	}
	return q, nil
}

// read returns the graph that the flags ask for.
func (o *readOptions) read(ctx context.Context, in io.Reader) (*graph.Graph, error) {
	q, err := o.query(time.Now())
	if err != nil {
		return nil, err
	}
	var g *graph.Graph
	switch {
	case o.db != "":
		g, err = readDB(ctx, o.db, q)
	case o.input != "":
		g, err = readInput(o.input, in, q)
	default:
		g, err = o.readServer(ctx, q)
	}
	if err != nil {
		return nil, err
	}
	if q.Focus != "" {
		if _, ok := g.Node(q.Focus); !ok {
			return nil, hint{fmt.Errorf("no node has the id %q in that window and selection", q.Focus), `"graphctl services -o name" lists the ids`}
		}
	}
	return g, nil
}

func readDB(ctx context.Context, path string, q graph.Query) (*graph.Graph, error) {
	s, err := boltstore.OpenReadOnly(path, boltstore.Options{})
	if err != nil {
		return nil, explainStore(err)
	}
	defer s.Close()
	return s.Read(ctx, q)
}

func readInput(path string, in io.Reader, q graph.Query) (*graph.Graph, error) {
	switch {
	case q.From != 0 || q.To != 0 || q.At != 0:
		return nil, usagef("--input holds one window; --from, --to and --at need --server or --db")
	case q.Environment != "":
		return nil, usagef("--input does not say which half of a call lies where; --environment needs --server or --db")
	}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	g, err := export.ReadJSON(in)
	if err != nil {
		return nil, hint{fmt.Errorf("%s: %w", path, err), `--input takes what "graphctl export --json" writes`}
	}
	return q.Filter.Apply(g), nil
}

// readServer asks a running server.
func (o *readOptions) readServer(ctx context.Context, q graph.Query) (*graph.Graph, error) {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, t := range map[string]graph.Instant{"from": q.From, "to": q.To, "at": q.At} {
		if t != 0 {
			set(name, t.Time().Format(time.RFC3339Nano))
		}
	}
	set("namespace", q.Namespace)
	set("environment", q.Environment)
	set("kind", o.kind)
	if q.Focus != "" {
		set("focus", q.Focus)
		set("hops", strconv.Itoa(q.Hops))
		set("direction", o.direction)
	}
	body, err := o.get(ctx, "/api/v1/graph?"+v.Encode())
	if err != nil {
		return nil, err
	}
	g, err := export.ReadJSON(bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("answer of %s: %w", o.server, err)
	}
	return g, nil
}

const (
	serverTimeout = 60 * time.Second
	maxAnswer     = 1 << 30 // bytes
)

// get returns the body of a path of the server.
func (o *readOptions) get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(o.server, "/")+path, nil)
	if err != nil || req.URL.Host == "" {
		return nil, usagef("--server=%s: not a URL like http://127.0.0.1:4319", o.server)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		var op *url.Error
		if errors.As(err, &op) {
			err = op.Err
		}
		return nil, hint{fmt.Errorf("ask %s: %w", o.server, err),
			`is "graphctl serve" running there? --server names another, --db reads the file of a stopped one`}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", o.server, err)
	}
	if res.StatusCode != http.StatusOK {
		var e struct{ Error struct{ Message string } }
		if json.Unmarshal(body, &e) != nil || e.Error.Message == "" {
			e.Error.Message = res.Status
		}
		return nil, fmt.Errorf("%s: %s", o.server, e.Error.Message)
	}
	return body, nil
}
