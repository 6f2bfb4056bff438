package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"graphctl/cmd/graphctl/fleet"
)

// demoOptions are the flags of demo beside those of serve.
type demoOptions struct {
	serve    serveOptions
	rate     float64
	services int
	company  string
}

func newDemo(io streams) *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the live graph of a sample company, or of a generated fleet",
		Long: `Serve from a temporary directory, run the sample company beside it, and print
the address of the page. Ctrl-C stops everything.

The sample company is a program of its own, "company": --company names it, else
it is taken from the folder of graphctl, else built from the source checkout
that this is run in. With --services N a fleet of N services is generated
instead, without a second program.`,
		Example: `  graphctl demo
  graphctl demo --services 2000
  graphctl demo --rate 50 --listen 127.0.0.1:8080`,
		Args: exactArgs(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return runDemo(cmd.Context(), o, io) },
	}
	o.serve.addFlags(cmd.Flags())
	cmd.Flags().Float64Var(&o.rate, "rate", 20, "requests a second at the busiest hour, or traces a second of a generated fleet")
	cmd.Flags().IntVar(&o.services, "services", 0, "generate a fleet of so many services, 2 to 10000")
	cmd.Flags().StringVar(&o.company, "company", "", "`path` of the sample company's program")
	return cmd
}

func runDemo(ctx context.Context, o demoOptions, io streams) error {
	switch {
	case o.services != 0 && (o.services < 2 || o.services > 10_000):
		return usagef("--services=%d: must lie between 2 and 10000", o.services)
	case o.services != 0 && o.company != "":
		return usagef("--services and --company exclude each other")
	case o.rate <= 0 || o.rate > 10_000:
		return usagef("--rate=%v: must be above 0 and at most 10000", o.rate)
	case o.serve.otlpGRPC == "" || o.serve.otlpHTTP == "":
		return usagef("the demo needs --otlp-grpc and --otlp-http")
	}
	if err := o.serve.check(); err != nil {
		return err
	}
	path := ""
	if o.services == 0 {
		var err error
		if path, err = findCompany(ctx, o.company, io.err); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "graphctl-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	o.serve.data = dir
	s, err := newServer(ctx, o.serve, io.err)
	if err != nil {
		return err
	}
	s.announce(io.err)
	fmt.Fprintf(io.err, "graphctl: the page is at %s   (Ctrl-C stops everything)\n", s.url())
	load := func(ctx context.Context) error { return runCompany(ctx, path, s.grpc.Addr().String(), o.rate, io.err) }
	if o.services != 0 {
		load = func(ctx context.Context) error {
			return fleet.Run(ctx, fleet.Options{Services: o.services, Rate: o.rate, Endpoint: "http://" + s.http.Addr().String()})
		}
	}
	return runStages(ctx, stage{load}, stage{s.run})
}

// findCompany returns the path of the sample company's program.
func findCompany(ctx context.Context, given string, stderr io.Writer) (string, error) {
	if given != "" {
		return given, nil
	}
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), "company")
		if _, err := os.Stat(beside); err == nil {
			return beside, nil
		}
	}
	if path, err := buildCompany(ctx, stderr); path != "" || err != nil {
		return path, err
	}
	return "", hint{errors.New("the sample company's program is not here"),
		`run "make demo" in a source checkout, name it with --company, or use --services 200 for a generated fleet`}
}

// buildCompany builds the company from the checkout around the working
// directory; it returns "" if there is none, or no Go.
func buildCompany(ctx context.Context, stderr io.Writer) (string, error) {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return "", nil // without Go there is nothing to build with
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		_, product := os.Stat(filepath.Join(dir, "cmd", "graphctl"))
		_, sample := os.Stat(filepath.Join(dir, "sampleapps", "go.mod"))
		if product == nil && sample == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			return "", nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "graphctl", "company")
	fmt.Fprintf(stderr, "graphctl: building the sample company (the first time takes minutes)\n")
	build := exec.CommandContext(ctx, goTool, "build", "-trimpath", "-o", path, "./cmd/company")
	build.Dir = filepath.Join(dir, "sampleapps")
	build.Stderr = stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the sample company: %w", err)
	}
	return path, nil
}

// companyStop is how long the company may take to stop before it is killed.
const companyStop = 6 * time.Second

// runCompany runs the sample company until ctx is done, as
// docs/adr/0010-demo-runs-the-sample-company.md lays down.
func runCompany(ctx context.Context, path, endpoint string, rate float64, stderr io.Writer) error {
	child := exec.CommandContext(ctx, path, "--otlp", "http://"+endpoint, "--rate", fmt.Sprint(rate), "--stop-on-eof")
	child.Stderr = stderr
	child.Cancel = func() error { return child.Process.Signal(syscall.SIGTERM) }
	child.WaitDelay = companyStop
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for graphctl, which stops it in order
	stdin, err := child.StdinPipe()
	if err != nil {
		return err
	}
	defer stdin.Close()
	if err := child.Start(); err != nil {
		return hint{fmt.Errorf("start the sample company: %w", err), "--company names its program"}
	}
	err = child.Wait()
	if ctx.Err() != nil {
		return nil // it was told to stop
	}
	return fmt.Errorf("the sample company ended: %w", errors.Join(err, errors.New("its last lines say why")))
}
