package sim

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"graphctl/collector"
	"graphctl/collector/lane"
	"graphctl/graph"
	"graphctl/graph/keeper"
	"graphctl/graph/memstore"
)

var (
	onlySeed = flag.Uint64("seed", 0, "run the simulation of this seed alone")
	seeds    = flag.Uint64("seeds", defaultSeeds, "how many seeds to run")
	step     = flag.Int("step", operationStep, "how many operations of the disk apart deaths are tried")
)

// Whatever happens to the process and its disk, the store holds in the end what
// one engine makes of the spans that were acknowledged: all of them, since the
// sender sends again what was not.
func TestSimulation(t *testing.T) {
	first, last := uint64(1), *seeds
	if *onlySeed != 0 {
		first, last = *onlySeed, *onlySeed
	}
	// With one processor a run depends on little else than its seed.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for seed := first; seed <= last && !t.Failed(); seed++ {
		synctest.Test(t, func(t *testing.T) { newRun(t, seed).run() })
	}
}

// The process dies in each operation of its disk and each commit of its store,
// once before and once in the middle or after it, and nothing is lost or counted
// twice.
func TestDeathInEveryOperation(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for n, reached := 1, true; reached && !t.Failed(); n += *step {
		synctest.Test(t, func(t *testing.T) {
			r := newRun(t, 1)
			r.calm = true
			r.start()
			r.disk.kill(n)
			r.run()
			reached = r.deaths > 1
		})
	}
}

// A run is one simulation.
type run struct {
	t     *testing.T
	seed  uint64
	rng   *rand.Rand
	disk  *disk
	store *memstore.Store

	requests []*request
	p        *process
	begin    time.Time
	deaths   int
	calm     bool // no mishaps but those of the test

	mu    sync.Mutex
	lost  bool // a line of batches was given up, so counters began anew
	trail []string
}

func newRun(t *testing.T, seed uint64) *run {
	rng := rand.New(rand.NewPCG(seed, 1))
	r := &run{t: t, seed: seed, rng: rng, disk: newDisk(rand.New(rand.NewPCG(seed, 2))), store: memstore.New(), begin: time.Now()}
	length := time.Duration(1+rng.IntN(8)) * time.Minute
	r.requests = world(rng, r.begin, length)
	return r
}

func (r *run) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trail = append(r.trail, fmt.Sprintf("%8.3fs ", time.Since(r.begin).Seconds())+fmt.Sprintf(format, args...))
}

// run sends all requests, with mishaps between, then stops in order and
// compares.
func (r *run) run() {
	if r.p == nil {
		r.start()
	}
	sync := r.p.o.SyncEach
	for i, q := range r.requests {
		time.Sleep(time.Until(q.spans[len(q.spans)-1].at))
		if !r.calm && r.rng.IntN(12) == 0 {
			r.mishap(r.requests[:i], sync)
		}
		r.send(q)
		if r.rng.IntN(10) == 0 { // the answer was lost on the way
			r.send(q)
		}
	}
	r.disk.set(0, false)
	if r.disk.dead() {
		r.p.stop(false)
		r.start()
	}
	if !r.calm {
		r.disk.kill(-1) // it lives on
	}
	for _, q := range r.requests {
		r.send(q)
	}
	for {
		time.Sleep(20 * time.Second) // guesses settle
		if !r.disk.dead() {
			break
		}
		r.p.stop(false)
		r.start()
	}
	counters := r.p.router.Counters()
	r.p.stop(true)
	r.compare(counters.Accepted, counters.Observed == counters.Accepted+counters.Duplicates+counters.Refused)
}

// mishap does something bad. What was acknowledged survives it, but for a power
// cut what was not synced.
func (r *run) mishap(sent []*request, sync bool) {
	switch r.rng.IntN(7) {
	case 0, 1:
		n := r.rng.IntN(60)
		r.note("the process dies in %d operations", n)
		r.disk.kill(n)
	case 2:
		// A power cut after a failed sync, before a new log is begun, loses what
		// was acknowledged, and the store may know more of it than the log.
		exact := !r.disk.syncsFail() && r.p.router.Stats().Log.Failing == nil
		r.note("power cut: %v", exact)
		if !sync {
			r.forget(sent)
		}
		r.disk.kill(0)
		r.p.stop(false)
		if exact {
			r.disk.cutPower()
		}
		r.start()
	case 3:
		r.note("stop and start")
		r.p.stop(true)
		r.start()
	case 4:
		r.note("the disk is full")
		r.disk.set(max(1, r.disk.size()+int64(r.rng.IntN(2000))), false)
	case 5:
		r.note("syncs fail")
		r.disk.set(0, true)
	case 6:
		r.note("the disk works")
		r.disk.set(0, false)
	}
}

// forget makes the sender send again what a power cut may have lost: what was
// acknowledged in the last second, or while syncs failed.
func (r *run) forget(sent []*request) {
	for _, q := range sent {
		if time.Since(q.acked) <= syncWindow {
			q.acked = time.Time{}
		}
	}
}

// syncWindow is how long what was acknowledged may take to be durable: a second
// till the next commit, and the time of a tick.
const syncWindow = 2 * time.Second

// send offers a request until it is taken. A process that died is started again.
func (r *run) send(q *request) {
	if !q.acked.IsZero() && r.rng.IntN(4) > 0 {
		return
	}
	for attempt := 0; ; attempt++ {
		if attempt == 100 {
			r.disk.set(0, false) // somebody makes room
		}
		if attempt == 300 {
			r.fail("spans are refused for ever: %+v", r.p.router.Stats())
		}
		err := r.p.router.Consume(r.t.Context(), batch(q.spans, r.p.syms))
		switch {
		case err == nil:
			q.acked = time.Now()
			return
		case r.disk.dead():
			r.note("found dead: %v", err)
			r.p.stop(false)
			r.start()
		case errors.Is(err, collector.ErrBusy):
			time.Sleep(time.Second)
		default:
			r.fail("send: %v", err)
			return
		}
	}
}

func (r *run) fail(format string, args ...any) {
	r.t.Helper()
	r.t.Fatalf("seed %d: %s\n%s", r.seed, fmt.Sprintf(format, args...), strings.Join(r.trail, "\n"))
}

// A process is one life of the program.
type process struct {
	r      *run
	o      lane.Options
	syms   *collector.Symbols
	router *lane.Router
	keeper *keeper.Keeper
	cancel [2]context.CancelFunc // router, keeper
	ended  [2]sync.WaitGroup
	died   atomic.Bool
}

// start begins a life; it may be cut short while it recovers, and is then begun
// again.
func (r *run) start() {
	for {
		r.deaths++
		p := &process{r: r, syms: collector.NewSymbols()}
		view := r.disk.view()
		p.o = lane.Options{
			Dir: "spans", FS: view,
			Lanes:      1 + int(r.seed%3),
			SyncEach:   r.seed%5 == 0,
			Checkpoint: time.Duration(1+r.seed%40) * time.Second,
			Epoch:      uint64(time.Now().UnixNano()) + uint64(r.deaths),
			Progress:   r.store.Progress,
			Report: func(what string, err error) {
				r.note("reported: %s: %v", what, err)
				r.mu.Lock()
				defer r.mu.Unlock()
				r.lost = r.lost || strings.Contains(what, "set aside")
			},
		}
		if !r.calm && r.rng.IntN(10) == 0 {
			r.disk.kill(1 + r.rng.IntN(40))
		}
		err := p.begin()
		if err == nil {
			r.p = p
			return
		}
		if !r.disk.dead() {
			r.disk.set(0, false)
			r.note("start: %v", err)
		}
		if r.deaths > 1000 {
			r.fail("does not start: %v", err)
		}
	}
}

func (p *process) begin() (err error) {
	p.keeper = keeper.New(guardedStore{p.r.store, p}, nil, keeper.Options{})
	if p.router, err = lane.Open(p.r.t.Context(), p.o, p.syms, p.keeper.Emit); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(p.r.t.Context())
	p.cancel[1] = cancel
	p.ended[1].Go(func() { _ = p.keeper.Run(ctx) })
	if err := p.router.Recover(p.r.t.Context()); err != nil {
		p.died.Store(true)
		cancel()
		p.ended[1].Wait()
		_ = p.router.Close()
		return err
	}
	lanes, cancel := context.WithCancel(p.r.t.Context())
	p.cancel[0] = cancel
	p.ended[0].Go(func() { _ = p.router.Run(lanes) })
	return nil
}

// stop ends a process, in order or as a dead one.
func (p *process) stop(inOrder bool) {
	if !inOrder {
		p.died.Store(true)
		p.r.disk.kill(0)
	}
	for i := range p.cancel {
		p.cancel[i]()
		p.ended[i].Wait()
	}
	if inOrder {
		if err := p.router.Checkpoint(p.r.t.Context()); err != nil {
			p.r.note("no checkpoint at the end: %v", err)
		}
	}
	_ = p.router.Close()
}

// A guardedStore is the store as a process has it: synced behind the log, and
// out of reach of the dead. A commit counts as an operation of the disk, so that
// a process can die before or after it.
type guardedStore struct {
	*memstore.Store
	p *process
}

func (s guardedStore) Apply(ctx context.Context, batches []graph.Batch) error {
	if err := s.p.router.Sync(ctx); err != nil {
		return err
	}
	last, err := s.p.o.FS.(*view).begin()
	defer s.p.r.disk.mu.Unlock()
	switch {
	case err != nil:
		return err
	case s.p.died.Load():
		return errDead
	}
	if err := s.Store.Apply(ctx, batches); err != nil {
		return err
	}
	if last {
		return errDead
	}
	return nil
}

// compare holds the store against what is expected.
func (r *run) compare(accepted uint64, balanced bool) {
	want, spans := expected(r.requests)
	got, err := r.store.Read(r.t.Context(), graph.Query{})
	if err != nil {
		r.fail("read: %v", err)
	}
	model, err := want.Read(r.t.Context(), graph.Query{})
	if err != nil {
		r.fail("read: %v", err)
	}
	if !reflect.DeepEqual(got.Edges, model.Edges) {
		r.fail("edges differ%s", differences(got.Edges, model.Edges))
	}
	if !reflect.DeepEqual(got.Nodes, model.Nodes) {
		r.fail("nodes differ\n got %+v\nwant %+v", got.Nodes, model.Nodes)
	}
	if !balanced {
		r.fail("an observed span is in no bucket, or in two")
	}
	if !r.lost && accepted != uint64(spans) {
		r.fail("%d spans accepted, %d sent", accepted, spans)
	}
}

// differences lists the edges that only one side has, or has otherwise.
func differences(got, want []graph.Edge) string {
	var b strings.Builder
	list := func(side string, edges, others []graph.Edge) {
		for _, e := range edges {
			if !slices.ContainsFunc(others, func(o graph.Edge) bool { return reflect.DeepEqual(e, o) }) {
				fmt.Fprintf(&b, "\n%s %+v", side, e)
			}
		}
	}
	list(" got", got, want)
	list("want", want, got)
	return b.String()
}
