// Package service is the chassis that every service of the sample company is
// built on: servers and clients for HTTP and gRPC that are instrumented, and
// one Run that ends with nothing left behind.
//
// A service is made in three steps, which the files of package company show:
//
//	s, err := service.Open(ctx, identity, host)   // tracing, a name on the network
//	s.HandleHTTP(mux)                              // or HandleGRPC; listens at once
//	s.Run(ctx)                                     // serves until ctx is done
//
// Because listeners open before anything runs, services may be started in any
// order: an early call waits in the backlog of its callee.
package service

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"graphctl/sampleapps/lan"
	"graphctl/sampleapps/telemetry"
)

const (
	// domain ends the names of all services on the company's network.
	domain = ".rides.internal"
	// stopGrace is how long a server that stops waits for the requests that
	// it is answering.
	stopGrace = 800 * time.Millisecond
)

// A Host is what the services of one company share.
type Host struct {
	// Network is where they find each other.
	Network *lan.Network
	// Endpoint is where their spans go; see telemetry.Open.
	Endpoint string
}

// A Service is one service of the company. It is set up by one goroutine, and
// then run.
type Service struct {
	// Tracing is passed to the instrumentation of databases, caches, brokers.
	Tracing *telemetry.Tracing
	// Network is the company's network.
	Network *lan.Network

	name   string
	tasks  []func(context.Context) error // run until their context is done
	closes []func() error                // called when all tasks have ended, last first
}

// Open makes a service without servers or clients. The caller calls Close
// after Run, or instead of it.
func Open(ctx context.Context, id telemetry.Identity, host Host) (*Service, error) {
	tracing, err := telemetry.Open(ctx, id, host.Endpoint)
	if err != nil {
		return nil, err
	}
	return &Service{Tracing: tracing, Network: host.Network, name: id.Name}, nil
}

// Task adds work that Run starts and waits for. It must return when its
// context is done; an error of one task ends the others.
func (s *Service) Task(run func(context.Context) error) { s.tasks = append(s.tasks, run) }

// OnClose adds something that Close closes, after the tasks have ended: a
// database, a client.
func (s *Service) OnClose(closer func() error) { s.closes = append(s.closes, closer) }

// Run serves until ctx is done or a server fails.
func (s *Service) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, run := range s.tasks {
		g.Go(func() error { return run(ctx) })
	}
	return g.Wait()
}

// Close releases what the service holds, and sends the spans that wait until
// ctx is done.
func (s *Service) Close(ctx context.Context) error {
	var errs []error
	for i := len(s.closes) - 1; i >= 0; i-- {
		errs = append(errs, s.closes[i]())
	}
	s.Tracing.Shutdown(ctx)
	return errors.Join(errs...)
}

// httpName and grpcName are the names under which a service is found.
func httpName(service string) string { return service + domain + ":80" }
func grpcName(service string) string { return service + domain + ":9000" }

// URL is the root of a service's HTTP interface, without a slash at the end.
func URL(service string) string { return "http://" + service + domain }

// CacheName is the name of a Redis server on the company's network.
func CacheName(cache string) string { return cache + domain + ":6379" }
