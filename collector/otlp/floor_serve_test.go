package otlp

import (
	"context"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"

	"graphctl/collector/intake"
)

var (
	floorMode = flag.String("floor", "", "serve OTLP/gRPC instead of testing: discard or pair, a hyphen, and the library: http2 (as this package does) or grpcgo")
	floorOTLP = flag.String("floor.otlp", "127.0.0.1:0", "address of the floor's OTLP/gRPC")
	floorWeb  = flag.String("floor.web", "127.0.0.1:0", "address of the floor's edges")
)

// The test binary is also the floor that benchmarks compare graphctl with.
func TestMain(m *testing.M) {
	flag.Parse()
	if *floorMode == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := serveFloor(*floorMode, *floorOTLP, *floorWeb); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

// serveFloor serves until it is killed. It prints its addresses as graphctl does.
func serveFloor(mode, otlpAddress, webAddress string) error {
	does, library, _ := strings.Cut(mode, "-")
	f := newFloor()
	take := f.take
	if does == "discard" {
		take = func([]byte) {}
	} else if does != "pair" {
		return fmt.Errorf("-floor=%s does neither discard nor pair", mode)
	}
	l, err := net.Listen("tcp", otlpAddress)
	if err != nil {
		return err
	}
	web, err := net.Listen("tcp", webAddress)
	if err != nil {
		return err
	}
	ended := make(chan error, 2)
	go func() {
		ended <- http.Serve(web, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { f.write(w) }))
	}()
	switch library {
	case "http2":
		go func() { ended <- floorHTTP2(context.Background(), l, take) }()
	case "grpcgo":
		go func() { ended <- floorGRPC(l, take) }()
	default:
		return fmt.Errorf("-floor=%s is of neither http2 nor grpcgo", mode)
	}
	fmt.Fprintf(os.Stderr, "floor: otlp/grpc on %s\nfloor: web on http://%s\n", l.Addr(), web.Addr())
	return <-ended
}

// floorHTTP2 receives as GRPC does and hands bodies to take.
func floorHTTP2(ctx context.Context, l net.Listener, take func([]byte)) error {
	g := NewGRPC(l, Options{Budget: intake.NewBudget(intake.MaxHeld)})
	s := g.server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := g.message(r)
		if err != nil {
			reply(w, nil, grpcFailure(err))
			return
		}
		take(body.Bytes)
		body.Release()
		reply(w, response(&Result{}), nil)
	}))
	return s.Run(ctx)
}

// floorGRPC receives with grpc-go, without decoding, and hands bodies to take.
func floorGRPC(l net.Listener, take func([]byte)) error {
	s := grpc.NewServer(grpc.ForceServerCodecV2(bufferCodec{}), grpc.MaxRecvMsgSize(intake.MaxBody),
		grpc.InitialWindowSize(streamWindow), grpc.InitialConnWindowSize(connectionWindow))
	export := func(_ any, _ context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		var parts mem.BufferSlice
		if err := decode(&parts); err != nil {
			return nil, err
		}
		if parts.Len() > 0 {
			b := parts.MaterializeToBuffer(mem.DefaultBufferPool())
			take(b.ReadOnlyData())
			b.Free()
		}
		parts.Free()
		return []byte{}, nil
	}
	service, method, _ := strings.Cut(strings.TrimPrefix(exportTraces, "/"), "/")
	s.RegisterService(&grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: method, Handler: export}}}, struct{}{})
	return s.Serve(l)
}

// A bufferCodec leaves messages in the buffers that they came in.
type bufferCodec struct{}

func (bufferCodec) Name() string { return "proto" }

func (bufferCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (bufferCodec) Unmarshal(b mem.BufferSlice, v any) error {
	b.Ref()
	*v.(*mem.BufferSlice) = b
	return nil
}
