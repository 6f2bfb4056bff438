// Command graphctl receives OpenTelemetry spans, works out which service calls
// which, keeps that graph on disk, and shows it on a web page and in files.
//
// Each subcommand is in a file of its own; serve.go and server.go wire the
// packages together. Only this package prints.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// A usageError is the user's mistake: exit code 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// usagef returns a usageError.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// A hint is an error with what to do about it.
type hint struct {
	error
	advice string
}

func (h hint) Unwrap() error { return h.error }

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// run is main with everything given.
func run(ctx context.Context, args []string, io streams) int {
	root := newRoot(io)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(io.err, "graphctl: %v\n", err)
	var h hint
	if errors.As(err, &h) {
		fmt.Fprintf(io.err, "  (%s)\n", h.advice)
	}
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailed
}
