// Package graphviz draws a graph as SVG and PNG with Graphviz, compiled to
// WebAssembly and linked into the program: nothing has to be installed.
//
// Layout takes from milliseconds to minutes, cannot be interrupted, and may end
// in a fault of the compiled code. It therefore runs in a child process: a
// [Renderer] starts one for each picture, gives it the DOT text, and kills it at
// the deadline. The child is the same program, called in a way that leads it
// to [Draw]. A picture thus costs the parent nothing but its bytes, and
// whatever happens to the child happens to one picture.
//
// Up to [DotNodes] nodes are laid out by dot, in ranks from caller to callee,
// with every edge labelled. Above that dot takes minutes, and sfdp is used,
// without labels.
package graphviz

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"graphctl/graph"
	"graphctl/graph/export"
)

// DotNodes is how many nodes dot lays out unless a layout is asked for. Two
// hundred nodes took it 9 s, five hundred over 200 s.
const DotNodes = 150

// Errors of a picture. Both may be tried again, the first one with another
// layout or less to draw.
var (
	ErrTooSlow = errors.New("took too long")
	ErrBusy    = errors.New("too many pictures at once")
)

// Options of a Renderer. Zero fields take the value named.
type Options struct {
	// Command starts the child: program and first arguments. The layout and
	// the format are appended to it. Required.
	Command []string
	// Timeout bounds a picture, waiting included: 30 s.
	Timeout time.Duration
	// Parallel bounds how many children run at once: 1, since one takes a core
	// and up to 250 MB.
	Parallel int
	// MaxBytes bounds a picture: 256 MiB, some 200,000 edges of SVG.
	MaxBytes int64
}

// A Renderer draws pictures, several at once if asked.
type Renderer struct {
	o     Options
	slots chan struct{} // one element for each child that runs
}

// New returns a renderer. It starts nothing until the first picture.
func New(o Options) *Renderer {
	if len(o.Command) == 0 {
		panic("graphviz: no command")
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	o.Parallel = max(o.Parallel, 1)
	if o.MaxBytes == 0 {
		o.MaxBytes = 256 << 20
	}
	return &Renderer{o: o, slots: make(chan struct{}, o.Parallel)}
}

// Formats returns svg and png, drawn by r.
func (r *Renderer) Formats() []export.Format {
	return []export.Format{
		{Name: "svg", Ext: ".svg", MediaType: "image/svg+xml", Write: r.writer("svg")},
		{Name: "png", Ext: ".png", MediaType: "image/png", Write: r.writer("png")},
	}
}

func (r *Renderer) writer(format string) func(io.Writer, *graph.Graph, export.Options) error {
	return func(w io.Writer, g *graph.Graph, o export.Options) error {
		if o.Layout == "" {
			o.Layout = "dot"
			if len(g.Nodes) > DotNodes {
				o.Layout = "sfdp"
			}
		}
		o.Compact = o.Compact || len(g.Nodes) > DotNodes
		var dot bytes.Buffer
		if err := export.DOT.Write(&dot, g, o); err != nil {
			return err
		}
		picture, err := r.draw(dot.Bytes(), o.Layout, format)
		if err != nil {
			return fmt.Errorf("graphviz: draw %d nodes and %d edges with %s: %w", len(g.Nodes), len(g.Edges), o.Layout, err)
		}
		_, err = w.Write(picture)
		return err
	}
}

// draw runs a child and returns its picture.
func (r *Renderer) draw(dot []byte, layout, format string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), r.o.Timeout)
	defer cancel()
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, ErrBusy
	}
	args := append(r.o.Command[1:len(r.o.Command):len(r.o.Command)], layout, format)
	child := exec.CommandContext(ctx, r.o.Command[0], args...)
	child.WaitDelay = time.Second
	child.Stdin = bytes.NewReader(dot)
	picture := &boundedBuffer{max: r.o.MaxBytes}
	complaint := &boundedBuffer{max: 4 << 10}
	child.Stdout, child.Stderr = picture, complaint
	switch err := child.Run(); {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w (%v)", ErrTooSlow, r.o.Timeout)
	case picture.full:
		return nil, fmt.Errorf("the picture is larger than %d MiB", r.o.MaxBytes>>20)
	case err != nil:
		return nil, fmt.Errorf("%w: %s", err, firstLine(complaint.bytes))
	}
	return picture.bytes, nil
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return line
}

// A boundedBuffer fails the write that would make it larger than max.
type boundedBuffer struct {
	bytes []byte
	max   int64
	full  bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if int64(len(b.bytes)+len(p)) > b.max {
		b.full = true
		return 0, errors.New("too large")
	}
	b.bytes = append(b.bytes, p...)
	return len(p), nil
}
