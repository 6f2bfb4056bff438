package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/collector/intake"
	"graphctl/collector/lane"
	"graphctl/collector/otlp"
	"graphctl/collector/zipkin"
	"graphctl/graph"
	"graphctl/graph/api"
	"graphctl/graph/boltstore"
	"graphctl/graph/export/graphviz"
	"graphctl/graph/keeper"
	"graphctl/graph/live"
	"graphctl/graph/stream"
	"graphctl/ui"
)

// A server is everything that serve runs, wired together.
type server struct {
	o       serveOptions
	log     *slog.Logger
	started time.Time

	data   *dataDir
	store  *boltstore.Store
	keeper *keeper.Keeper
	window *live.Window
	lane   *lane.Router
	tally  *collector.Tally
	budget *intake.Budget
	stream *stream.Handler
	marks  *marks
	traces *selfTraces

	carried infer.Counters // of the lane when it was loaded

	web, grpc, http, zipkin net.Listener
	receivers               []collector.Receiver
	ready                   atomic.Bool
}

// newServer opens the data directory and all listeners. On error nothing is
// left open.
func newServer(ctx context.Context, o serveOptions, stderr io.Writer) (_ *server, err error) {
	limitMemory()
	s := &server{
		o:       o,
		log:     slog.New(slog.NewTextHandler(stderr, nil)),
		started: time.Now(),
		tally:   new(collector.Tally),
		budget:  intake.NewBudget(intake.MaxHeld),
	}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.traces, err = newSelfTraces(ctx, o.selfTraces); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		return nil, err
	}
	if err := s.openStore(ctx); err != nil {
		return nil, err
	}
	symbols := collector.NewSymbols()
	if err := s.openLane(ctx, symbols); err != nil {
		return nil, err
	}
	s.openReceivers(symbols)
	s.marks = newMarks(s)
	s.stream = stream.NewHandler(s.window, stream.Options{Version: version(), Status: s.streamStatus})
	return s, nil
}

// limitMemory sets a soft limit for the garbage collector, unless the user did:
// 90 % of the control group's limit, else 448 MiB.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	limit := int64(448 << 20)
	if b, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64); err == nil && n < math.MaxInt64/9 {
			limit = n / 10 * 9
		}
	}
	debug.SetMemoryLimit(limit)
}

func (s *server) listen() (err error) {
	for _, l := range []struct {
		flag, address string
		to            *net.Listener
	}{
		{"listen", s.o.listen, &s.web},
		{"otlp-grpc", s.o.otlpGRPC, &s.grpc},
		{"otlp-http", s.o.otlpHTTP, &s.http},
		{"zipkin", s.o.zipkin, &s.zipkin},
	} {
		if *l.to, err = listen(l.flag, l.address); err != nil {
			return err
		}
	}
	if s.web == nil {
		return usagef("--listen must name an address")
	}
	return nil
}

func (s *server) openStore(ctx context.Context) (err error) {
	if s.data, err = openData(s.o.data); err != nil {
		return err
	}
	s.store, err = boltstore.Open(s.data.graphFile(), boltstore.Options{
		RetainFine:   s.o.retainFine,
		RetainMedium: s.o.retainMinute,
		RetainCoarse: s.o.retention,
	})
	if err != nil {
		return explainStore(err)
	}
	s.window = live.NewWindow(graph.InstantOf(time.Now()), live.Options{})
	if err := s.window.Prime(ctx, s.store); err != nil {
		return fmt.Errorf("read the last hour: %w", err)
	}
	s.keeper = keeper.New(s.traces.store(s.store), s.window, keeper.Options{Log: s.log})
	return nil
}

// explainStore adds what to do about an error of opening a store.
func explainStore(err error) error {
	switch {
	case errors.Is(err, boltstore.ErrLocked):
		return hint{err, `is "graphctl serve" running? Use --server to read from it`}
	case errors.Is(err, boltstore.ErrNewer):
		return hint{err, "use the newer graphctl that wrote it, or another directory"}
	}
	return err
}

// openLane begins with the open calls of the last stop if they belong to what
// the store holds, and without them otherwise.
func (s *server) openLane(ctx context.Context, symbols *collector.Symbols) error {
	o := lane.Options{
		Engine: infer.Options{Settle: s.o.settle, Horizon: s.o.horizon},
		Epoch:  uint64(s.started.UnixNano()),
	}
	if s.o.settle == 0 {
		o.Engine.Settle = -1 // 0 means the default there
	}
	state, err := s.data.readState()
	if err != nil {
		return fmt.Errorf("read open calls: %w", err)
	}
	if state != nil {
		h, err := lane.ReadHeader(state)
		if err == nil {
			var at uint64
			if at, err = s.store.Progress(ctx, h.Origin); err == nil && at != h.Seq {
				err = fmt.Errorf("they belong to commit %d, the graph is at %d", h.Seq, at)
			}
		}
		if err == nil {
			o.State = state
			s.lane, err = lane.New(o, symbols, s.keeper.Emit)
		}
		if err == nil {
			s.carried = s.lane.Counters()
			return nil
		}
		s.log.Warn("open calls of the last stop cannot be used and were set aside", "file", s.data.stateFile()+".unused", "error", err)
		if err := s.data.setStateAside(); err != nil {
			return fmt.Errorf("set open calls aside: %w", err)
		}
	}
	o.State = nil
	s.lane, err = lane.New(o, symbols, s.keeper.Emit)
	return err
}

func (s *server) openReceivers(symbols *collector.Symbols) {
	decode := otlp.DecodeOptions{TeamAttribute: s.o.teamAttribute}
	o := otlp.Options{Symbols: symbols, Tally: s.tally, Budget: s.budget, Decode: decode, Log: s.log}
	if s.grpc != nil {
		s.receivers = append(s.receivers, otlp.NewGRPC(s.grpc, o))
	}
	if s.http != nil {
		s.receivers = append(s.receivers, otlp.NewHTTP(s.http, o))
	}
	if s.zipkin != nil {
		s.receivers = append(s.receivers, zipkin.NewHTTP(s.zipkin, zipkin.Options{
			Symbols: symbols, Tally: s.tally, Budget: s.budget, Log: s.log,
		}))
	}
}

// announce prints one line for each listener. Connections are accepted already;
// they are answered as soon as run has begun.
func (s *server) announce(w io.Writer) {
	for _, l := range []struct {
		name string
		l    net.Listener
	}{{"otlp/grpc", s.grpc}, {"otlp/http", s.http}, {"zipkin", s.zipkin}} {
		if l.l != nil {
			fmt.Fprintf(w, "graphctl: %s on %s\n", l.name, l.l.Addr())
		}
	}
	fmt.Fprintf(w, "graphctl: web on %s\n", s.url())
	if s.o.insecure {
		fmt.Fprintln(w, "graphctl: --insecure: whoever reaches these addresses can read and write the graph")
	}
}

// url returns the address of the page.
func (s *server) url() string { return "http://" + s.web.Addr().String() }

// run serves until ctx is done, then stops without loss: receivers finish what
// they have, the lane works off its queue, the keeper commits, open calls are
// saved.
func (s *server) run(ctx context.Context) error {
	defer s.close()
	var receivers stage
	for _, r := range s.receivers {
		receivers = append(receivers, func(ctx context.Context) error { return r.Run(ctx, s.lane) })
	}
	stopped := false
	save := func(ctx context.Context) error {
		<-ctx.Done()
		stopped = true
		return s.data.writeState(s.lane.State())
	}
	s.ready.Store(true)
	err := runStages(ctx,
		receivers,
		stage{s.lane.Run},
		stage{s.keeper.Run},
		stage{save},
		stage{s.window.Run, s.stream.Run, s.marks.run, s.serveWeb},
	)
	if err == nil && stopped {
		s.log.Info("stopped; open calls are saved")
	}
	return err
}

// serveWeb answers on the web port.
func (s *server) serveWeb(ctx context.Context) error {
	handler := api.New(s.traces.source(s.store), api.Options{
		Formats: formats(),
		Busy:    []error{graphviz.ErrBusy, graphviz.ErrTooSlow},
		History: s.store,
		Stream:  s.stream,
		UI:      ui.Handler(),
		Status:  s.status,
		Ready:   s.whyNotReady,
		Metrics: s.samples,
		Log:     s.log,
	})
	web := intake.Server{
		Listener: s.web,
		Handler:  api.AllowHosts(withDebug(s.o.debug, handler), api.Hosts{Allowed: s.o.allowedHosts}),
		Log:      s.log,
	}
	return web.Run(ctx)
}

// drawCommand starts this program as the child that draws a picture.
func drawCommand() []string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return []string{self, drawName}
}

func (s *server) whyNotReady() error {
	if !s.ready.Load() {
		return errors.New("starting")
	}
	return nil
}

// close gives back what newServer opened.
func (s *server) close() {
	for _, l := range []net.Listener{s.web, s.grpc, s.http, s.zipkin} {
		if l != nil {
			l.Close() // closed already if it was served
		}
	}
	if s.store != nil {
		if err := s.store.Close(); err != nil {
			s.log.Error("close the graph", "error", err)
		}
	}
	if s.data != nil {
		s.data.close()
	}
	s.traces.close()
}
