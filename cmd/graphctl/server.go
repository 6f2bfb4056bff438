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
	"time"

	"graphctl/collector"
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

	carried   uint64        // spans that the lanes had observed when receivers began
	recovered chan struct{} // closed when the span log was read
	saved     bool          // a checkpoint was written at the end

	web, grpc, http, zipkin net.Listener
	receivers               []collector.Receiver
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

		recovered: make(chan struct{}),
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
		Verify:       verifyInChild,
	})
	if err != nil {
		return explainStore(err)
	}
	if n := s.store.Notice(); n != nil {
		s.log.Error("the graph's file was damaged: it was set aside and a new one begun", "file", n.SetAside, "error", n.Damage)
	}
	s.window = live.NewWindow(graph.InstantOf(time.Now()), live.Options{})
	if err := s.window.Prime(ctx, s.store); err != nil {
		return fmt.Errorf("read the last hour: %w", err)
	}
	s.keeper = keeper.New(loggedStore{s.traces.store(s.store), s}, s.window, keeper.Options{Log: s.log})
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
// they have, the lanes work off their queues, the keeper commits, a checkpoint
// is written. While the span log is read the page and the API are up already.
func (s *server) run(ctx context.Context) error {
	defer s.close()
	var receivers stage
	for _, r := range s.receivers {
		receivers = append(receivers, func(ctx context.Context) error {
			select {
			case <-s.recovered:
				return r.Run(ctx, s.lane)
			case <-ctx.Done():
				return nil
			}
		})
	}
	err := runStages(ctx,
		receivers,
		stage{s.runLanes},
		stage{s.keeper.Run},
		stage{s.saveAtEnd},
		stage{s.window.Run, s.stream.Run, s.marks.run, s.governDisk, s.serveWeb},
	)
	if err == nil && s.saved {
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
		Totals:  s.totals,
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

// close gives back what newServer opened.
func (s *server) close() {
	for _, l := range []net.Listener{s.web, s.grpc, s.http, s.zipkin} {
		if l != nil {
			l.Close() // closed already if it was served
		}
	}
	if s.lane != nil {
		if err := s.lane.Close(); err != nil {
			s.log.Error("close the span log", "error", err)
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
