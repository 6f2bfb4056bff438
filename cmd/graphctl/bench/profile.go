package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// How long the program is watched under each load, and the spans of a load that
// is broken off then.
const (
	watched      = 8 * time.Second
	watchedSpans = 100_000_000
)

// profile writes what the compiler should know of the program under each of the
// loads at full speed: which calls are frequent.
func (o *options) profile(ctx context.Context, log io.Writer) error {
	if o.load == "" {
		return errors.New("a profile needs the load generator (OTLPLOAD=DIR)")
	}
	r := &runner{o: o, log: log}
	// The name of the program is written into the profile: as it was given.
	merge := []string{"tool", "pprof", "-proto", "-output", o.profileTo, o.graphctl}
	for _, w := range []workload{w1, w2, w3} {
		name := filepath.Join(o.work, w.name+".cpu")
		if err := r.watch(ctx, w, name); err != nil {
			return fmt.Errorf("profile of %s: %w", w.name, err)
		}
		merge = append(merge, name)
	}
	if said, err := exec.CommandContext(ctx, "go", merge...).CombinedOutput(); err != nil {
		return fmt.Errorf("go tool pprof: %w\n%s", err, said)
	}
	return nil
}

// watch takes one CPU profile while the program is under load.
func (r *runner) watch(ctx context.Context, w workload, file string) error {
	fmt.Fprintf(r.log, "bench: profile at %s\n", w.name)
	p, err := r.start(ctx, subject{"graphctl", false, []string{"--debug"}})
	if err != nil {
		return err
	}
	defer p.stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the load when the profile is there
	failed := make(chan error, 1)
	go func() {
		_, err := r.o.send(ctx, p, w, watchedSpans, filepath.Join(r.o.work, "expect.tsv"))
		failed <- err
	}()
	select {
	case err := <-failed:
		return errors.Join(err, errors.New("the load ended before the profile began"))
	case <-time.After(time.Second): // until it runs at full speed
	}
	b, err := p.get(ctx, fmt.Sprintf("/debug/pprof/profile?seconds=%.0f", watched.Seconds()), "", "")
	cancel()
	<-failed
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o666)
}
