package service

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// maxStreams bounds the calls that one connection may have under way.
const maxStreams = 256

// HandleGRPC makes the service answer gRPC calls at its name. Every call
// becomes a server span. Register is called once, with the server to register
// implementations at. HandleGRPC is called at most once.
func (s *Service) HandleGRPC(register func(grpc.ServiceRegistrar)) error {
	l, err := s.Network.Listen(grpcName(s.name))
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.StatsHandler(otelgrpc.NewServerHandler(
			otelgrpc.WithTracerProvider(s.Tracing.Provider),
			otelgrpc.WithPropagators(s.Tracing.Propagator))))
	register(server)
	s.OnClose(func() error { return ignoreClosed(l.Close()) })
	s.Task(func(ctx context.Context) error { return serveGRPC(ctx, server, l) })
	return nil
}

// serveGRPC serves on l until ctx is done, then waits stopGrace for calls
// under way and cuts off those that remain. It closes l.
func serveGRPC(ctx context.Context, server *grpc.Server, l net.Listener) error {
	g, done := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := server.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			return fmt.Errorf("service: serve grpc: %w", err)
		}
		return nil
	})
	g.Go(func() error {
		<-done.Done()
		cut := time.AfterFunc(stopGrace, server.Stop)
		defer cut.Stop()
		server.GracefulStop()
		return nil
	})
	return g.Wait()
}

// Dial makes a connection to the gRPC interface of another service. Calls
// become client spans and carry the trace context. It connects when first
// used; Close closes it.
func (s *Service) Dial(other string) (*grpc.ClientConn, error) {
	conn, err := grpc.NewClient("passthrough:///"+grpcName(other),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, name string) (net.Conn, error) {
			return s.Network.DialContext(ctx, "tcp", name)
		}),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler(
			otelgrpc.WithTracerProvider(s.Tracing.Provider),
			otelgrpc.WithPropagators(s.Tracing.Propagator))))
	if err != nil {
		return nil, fmt.Errorf("service: dial %s: %w", other, err)
	}
	s.OnClose(conn.Close)
	return conn, nil
}
