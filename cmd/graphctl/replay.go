package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/collector/otlp"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

func newReplay(io streams) *cobra.Command {
	var out outputOptions
	var team string
	cmd := &cobra.Command{
		Use:   "replay FILE...",
		Short: "Print the graph of trace files, without a server",
		Long: `Read trace files and print the graph of all the spans in them. A file holds OTLP
export requests: JSON, one request or one after the other, or one request in
protobuf; gzip or not. - is standard input.

Spans keep their own times, however old. The order of files and of spans does
not matter, and a span that comes twice counts once.`,
		Example: `  graphctl replay traces.jsonl.gz
  graphctl replay a.json b.pb -o dot | dot -Tsvg > graph.svg
  curl -s http://collector/dump | graphctl replay - -o json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{hint{errors.New("replay needs files"), `"-" is standard input; see "graphctl replay --help"`}}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := replayWriter(&out, io)
			if err != nil {
				return err
			}
			r := newReplayer(team, io)
			for _, path := range args {
				if err := r.file(cmd.Context(), path); err != nil {
					return err
				}
			}
			g, err := r.graph(cmd.Context())
			if err != nil {
				return err
			}
			return write(g)
		},
	}
	cmd.Flags().StringVarP(&out.format, "output", "o", "table", "`format`: table, wide, "+formatNames(formats()))
	cmd.Flags().StringVar(&out.layout, "layout", "", "layout `engine` of a picture")
	cmd.Flags().StringVar(&out.file, "file", "", "write to this `file` instead of standard output")
	cmd.Flags().StringVar(&team, "team-attribute", "team", "resource `attribute` that names a service's team")
	return cmd
}

// replayWriter returns what writes a graph as the flags say.
func replayWriter(out *outputOptions, io streams) (func(*graph.Graph) error, error) {
	if out.format == "table" || out.format == "wide" {
		if out.file != "" {
			return nil, usagef("--file needs a format of its own: %s", formatNames(formats()))
		}
		return func(g *graph.Graph) error { return edgeTable(g).write(io.out, out.format) }, nil
	}
	f, err := out.find()
	if err != nil {
		return nil, err
	}
	return func(g *graph.Graph) error { return out.write(io.out, f, g) }, nil
}

// A replayer feeds files to an engine without a horizon.
type replayer struct {
	engine   *infer.Engine
	decoder  *otlp.Decoder
	io       streams
	progress *progress
	spans    int
	rejected int
}

func newReplayer(team string, io streams) *replayer {
	symbols := collector.NewSymbols()
	return &replayer{
		engine:   infer.New(infer.Options{Horizon: -1, MaxSpans: -1}, symbols),
		decoder:  otlp.NewDecoder(symbols, otlp.DecodeOptions{TeamAttribute: team}),
		io:       io,
		progress: newProgress(io.err),
	}
}

// file reads one file.
func (r *replayer) file(ctx context.Context, path string) error {
	defer r.progress.clear()
	in := r.io.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	if err := r.read(ctx, path, in); err != nil {
		return hint{fmt.Errorf("%s: %w", path, err), "replay takes OTLP export requests in JSON or protobuf, gzip or not"}
	}
	return nil
}

func (r *replayer) read(ctx context.Context, path string, in io.Reader) error {
	b := bufio.NewReaderSize(in, 1<<16)
	if magic, err := b.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(b)
		if err != nil {
			return err
		}
		defer z.Close()
		b = bufio.NewReaderSize(z, 1<<16)
	}
	first, err := firstByte(b)
	switch {
	case errors.Is(err, io.EOF):
		return nil // an empty file is an empty protobuf request
	case err != nil:
		return err
	case first == '{':
		return r.readJSON(ctx, path, b)
	}
	body, err := io.ReadAll(io.LimitReader(b, maxRequest+1))
	switch {
	case err != nil:
		return err
	case len(body) > maxRequest:
		return errRequestTooLong
	}
	return r.request(ctx, path, body, r.decoder.Proto)
}

// firstByte returns the first byte that is not white space, without reading it:
// no protobuf request begins with white space and a brace.
func firstByte(b *bufio.Reader) (byte, error) {
	for n := 1; ; n++ {
		p, err := b.Peek(n)
		if len(p) < n {
			return 0, err
		}
		if c := p[n-1]; c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c, nil
		}
	}
}

// readJSON reads requests that follow each other.
func (r *replayer) readJSON(ctx context.Context, path string, in io.Reader) error {
	lines := &lineCounter{r: in}
	values := json.NewDecoder(lines)
	for n := 1; ; n++ {
		var raw json.RawMessage
		err := values.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = r.request(ctx, path, raw, r.decoder.JSON)
		}
		line := lines.lineAt(values.InputOffset())
		if err != nil {
			return fmt.Errorf("request %d, by line %d: %w", n, line, err)
		}
	}
}

// request feeds one request to the engine. Its spans arrive at the time of
// their own, so that nothing about them depends on when they are replayed.
func (r *replayer) request(ctx context.Context, path string, body []byte, decode func([]byte, func(*collector.Batch) error) (otlp.Result, error)) error {
	res, err := decode(body, func(b *collector.Batch) error {
		for i := range b.Spans {
			s := &b.Spans[i]
			r.engine.Observe(s.Start, s, b.LinksOf(s))
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	r.spans += res.Spans
	if res.Rejected > 0 {
		r.rejected += res.Rejected
		r.progress.clear()
		fmt.Fprintf(r.io.err, "graphctl: %s: %s\n", path, res.Message)
	}
	r.progress.show("%s: %d spans", path, r.spans)
	return nil
}

// graph settles everything and returns the graph.
func (r *replayer) graph(ctx context.Context) (*graph.Graph, error) {
	r.progress.show("working out %d spans", r.spans)
	defer r.progress.clear()
	r.engine.SettleAll()
	store := memstore.New()
	if d := r.engine.Flush(); d != nil {
		if err := store.Apply(ctx, []graph.Batch{{Seq: 1, Delta: d}}); err != nil {
			return nil, err
		}
	}
	return store.Read(ctx, graph.Query{})
}

// maxRequest bounds a request in bytes: what is longer is no request.
const maxRequest = 1 << 30

var errRequestTooLong = fmt.Errorf("a request of more than %d MiB", maxRequest>>20)

// A lineCounter knows the lines of what was read through it and asked for.
type lineCounter struct {
	r      io.Reader
	read   int64
	asked  int64   // the last offset asked for
	line   int     // lines before it
	breaks []int64 // offsets of the newlines behind it
}

func (l *lineCounter) Read(p []byte) (int, error) {
	if l.read-l.asked > maxRequest {
		return 0, errRequestTooLong
	}
	n, err := l.r.Read(p)
	for i := 0; i < n; {
		k := bytes.IndexByte(p[i:n], '\n')
		if k < 0 {
			break
		}
		l.breaks = append(l.breaks, l.read+int64(i+k))
		i += k + 1
	}
	l.read += int64(n)
	return n, err
}

// lineAt returns the line of an offset, counted from 1. Offsets must not go
// back.
func (l *lineCounter) lineAt(offset int64) int {
	passed := 0
	for passed < len(l.breaks) && l.breaks[passed] < offset {
		passed++
	}
	l.breaks = slices.Delete(l.breaks, 0, passed)
	l.line += passed
	l.asked = offset
	return l.line + 1
}

// progress writes one line that changes, on a terminal only.
type progress struct {
	w     io.Writer
	on    bool
	shown bool
	last  time.Time
}

func newProgress(w io.Writer) *progress {
	f, ok := w.(*os.File)
	if !ok {
		return &progress{}
	}
	info, err := f.Stat()
	return &progress{w: w, on: err == nil && info.Mode()&os.ModeCharDevice != 0}
}

func (p *progress) show(format string, args ...any) {
	if !p.on || time.Since(p.last) < 100*time.Millisecond {
		return
	}
	p.last, p.shown = time.Now(), true
	fmt.Fprintf(p.w, "\r\x1b[K"+format, args...)
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}
