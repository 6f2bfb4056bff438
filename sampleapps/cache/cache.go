// Package cache is the Redis of the sample company: a server in the process
// (miniredis) and clients instrumented with redisotel.
package cache

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/extra/redisotel/v9"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"graphctl/sampleapps/lan"
	"graphctl/sampleapps/telemetry"
)

// expireEvery is how often keys past their time are removed: miniredis has a
// clock of its own that stands still until it is told to go on.
const expireEvery = time.Second

// A Server is a Redis server in memory.
type Server struct {
	redis *miniredis.Miniredis
}

// Open starts a server that answers to the name, host:port, on the network.
// The caller must call Run, which also stops it.
func Open(network *lan.Network, name string) (*Server, error) {
	redis := miniredis.NewMiniRedis()
	if err := redis.StartAddr("127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("cache: start %s: %w", name, err)
	}
	if err := network.Name(name, redis.Addr()); err != nil {
		redis.Close()
		return nil, fmt.Errorf("cache: start %s: %w", name, err)
	}
	return &Server{redis: redis}, nil
}

// Run expires keys until ctx is done.
func (s *Server) Run(ctx context.Context) error {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.redis.FastForward(expireEvery)
		case <-ctx.Done():
			return nil
		}
	}
}

// Close stops the server and its connections.
func (s *Server) Close() { s.redis.Close() }

// Dial makes a client of the server with the name. The caller closes it.
//
// redisotel also makes spans for dialling and for the greetings of a new
// connection. They belong to no request, and a graph would count them as calls
// of the service to its cache, so they are left out.
func Dial(network *lan.Network, t *telemetry.Tracing, name string) (*redis.Client, error) {
	client := redis.NewClient(&redis.Options{
		Addr:                     name,
		Dialer:                   network.DialContext,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	})
	err := redisotel.InstrumentTracing(client,
		redisotel.WithTracerProvider(t.Provider),
		redisotel.WithCallerEnabled(false),
		redisotel.WithDialFilter(true),
		redisotel.WithCommandFilter(isGreeting),
		redisotel.WithCommandsFilter(func(commands []redis.Cmder) bool {
			for _, c := range commands {
				if !isGreeting(c) {
					return false
				}
			}
			return true
		}))
	if err != nil {
		return nil, fmt.Errorf("cache: instrument %s: %w (and closing: %v)", name, err, client.Close())
	}
	return client, nil
}

// isGreeting reports whether a command only sets up a connection.
func isGreeting(c redis.Cmder) bool {
	switch strings.ToLower(c.Name()) {
	case "hello", "auth", "client", "select":
		return true
	}
	return false
}
