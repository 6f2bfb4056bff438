package main

import (
	"context"
	"errors"
	"sync"
)

// A stage is a set of things that run together and are stopped together.
type stage []func(context.Context) error

// runStages runs all stages until ctx is done or something returns. Then it
// stops them one after the other, in order, each only when the one before has
// ended. It returns what failed.
func runStages(ctx context.Context, stages ...stage) error {
	var (
		mu    sync.Mutex
		errs  []error
		ended = make(chan struct{})
		once  sync.Once
		stops []func()
	)
	for _, st := range stages {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		var wg sync.WaitGroup
		for _, run := range st {
			wg.Go(func() {
				if err := run(own); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
				once.Do(func() { close(ended) })
			})
		}
		stops = append(stops, func() { cancel(); wg.Wait() })
	}
	select {
	case <-ctx.Done():
	case <-ended:
	}
	for _, stop := range stops {
		stop()
	}
	return errors.Join(errs...)
}
