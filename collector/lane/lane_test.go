package lane

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"graphctl/collector"
	"graphctl/collector/files"
	"graphctl/graph"
	"graphctl/graph/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig runs a router whose batches go straight into a store.
type rig struct {
	*Router
	store *memstore.Store
	syms  *collector.Symbols
	end   func() // and wait
}

func start(t *testing.T, o Options, store *memstore.Store) *rig {
	t.Helper()
	r := &rig{store: store, syms: collector.NewSymbols()}
	o.Progress = store.Progress
	if o.Epoch == 0 {
		o.Epoch = uint64(time.Now().UnixNano())
	}
	var err error
	r.Router, err = Open(t.Context(), o, r.syms, func(b *graph.Batch) {
		if err := store.Apply(context.Background(), []graph.Batch{*b}); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	synctest.Wait() // batches are taken
	r.end = func() { cancel(); wg.Wait() }
	return r
}

// stop ends a router in order, kill as a process that dies does.
func (r *rig) stop(t *testing.T) {
	t.Helper()
	r.end()
	if err := r.Checkpoint(context.Background()); err != nil {
		t.Error(err)
	}
	r.close(t)
}

func (r *rig) kill(t *testing.T) {
	t.Helper()
	r.end()
	r.close(t)
}

func (r *rig) close(t *testing.T) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// half is the client (1) or server (2) half of call n.
func (r *rig) half(n, side byte) *collector.Batch {
	now := time.Now().UnixNano()
	s := collector.Span{Start: now, End: now + 1e6, Weight: collector.WeightOne, Messages: collector.NoCount}
	s.Trace[15], s.ID[7] = n, side
	name := "web"
	s.Kind, s.Role = collector.KindClient, collector.Out
	if side == 2 {
		name = "api"
		s.Parent[7] = 1
		s.Kind, s.Role = collector.KindServer, collector.In
	}
	s.Resource = r.syms.InternResource(collector.Resource{Name: name})
	return &collector.Batch{Spans: []collector.Span{s}}
}

func (r *rig) calls(t *testing.T) int64 {
	t.Helper()
	g, err := r.store.Read(context.Background(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	var n int64
	for _, e := range g.Edges {
		if e.From == "web" && e.To == "api" {
			n += e.Stats.Calls
		}
	}
	return n
}

func (r *rig) consume(t *testing.T, b *collector.Batch) {
	t.Helper()
	if err := r.Consume(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

// A call is in the graph a tick after its second half.
func TestTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{}, memstore.New())
		r.consume(t, r.half(1, 1))
		r.consume(t, r.half(1, 2))
		time.Sleep(time.Second)
		synctest.Wait()
		if got := r.calls(t); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
		if c := r.Counters(); c.Observed != 2 || c.Accepted != 2 {
			t.Errorf("counters %+v", c)
		}
		r.stop(t)
	})
}

// What is queued when the lane stops is worked off, and nothing is taken after.
func TestStopDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{}, memstore.New())
		for n := range byte(100) {
			r.consume(t, r.half(n+1, 1))
			r.consume(t, r.half(n+1, 2))
		}
		r.stop(t)
		if got := r.calls(t); got != 100 {
			t.Errorf("%d calls, want 100", got)
		}
		if err := r.Consume(t.Context(), r.half(1, 1)); !errors.Is(err, collector.ErrBusy) {
			t.Errorf("after the end: %v, want busy", err)
		}
	})
}

// Halves parted by a restart meet, and nothing shown before is shown again,
// whether the router was stopped in order or died.
func TestOpenCallsSurvive(t *testing.T) {
	for name, end := range map[string]func(*rig, *testing.T){"stop": (*rig).stop, "death": (*rig).kill} {
		for _, lanes := range []int{1, 3} {
			t.Run(fmt.Sprint(name, lanes), func(t *testing.T) {
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					store := memstore.New()
					r := start(t, Options{Dir: dir, Lanes: lanes}, store)
					r.consume(t, r.half(1, 1))
					r.consume(t, r.half(2, 1))
					r.consume(t, r.half(2, 2))
					end(r, t)
					time.Sleep(10 * time.Minute) // longer than traces stay in memory
					for n := range byte(20) {
						r = start(t, Options{Dir: dir}, store)
						r.consume(t, r.half(3+n, 1))
						time.Sleep(time.Minute)
						end(r, t)
					}
					r = start(t, Options{Dir: dir}, store)
					for n := range byte(22) {
						r.consume(t, r.half(n+1, 2))
					}
					if got := r.Stats().Lanes; got != lanes {
						t.Errorf("%d lanes, the directory was made with %d", got, lanes)
					}
					r.stop(t)
					if got := r.calls(t); got != 22 {
						t.Errorf("%d calls, want 22", got)
					}
				})
			})
		}
	}
}

// Without a log what is open when the process dies is lost, and nothing else.
func TestNoLog(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Dir: dir, NoLog: true}, store)
		r.consume(t, r.half(1, 1))
		r.consume(t, r.half(1, 2))
		r.consume(t, r.half(2, 1))
		r.kill(t)
		r = start(t, Options{Dir: dir, NoLog: true}, store)
		r.consume(t, r.half(2, 2))
		r.consume(t, r.half(3, 1))
		r.stop(t)
		r = start(t, Options{Dir: dir, NoLog: true}, store)
		r.consume(t, r.half(3, 2))
		r.stop(t)
		if got := r.calls(t); got != 2 {
			t.Errorf("%d calls, want 2: one whole, one parted by a stop", got)
		}
	})
}

// resting returns a router that takes batches and does nothing with them.
func resting(t *testing.T, o Options) *Router {
	t.Helper()
	r, err := Open(t.Context(), o, collector.NewSymbols(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.setOpen(true)
	return r
}

// A full queue refuses a batch whole and says when to come back; an empty one
// takes a batch of any size.
func TestFullQueueIsBusy(t *testing.T) {
	r := resting(t, Options{MaxQueued: 3})
	spans := func(n int) *collector.Batch { return &collector.Batch{Spans: make([]collector.Span, n)} }
	for i, c := range []struct {
		n    int
		busy bool
	}{{2, false}, {2, true}, {1, false}, {1, true}, {0, false}} {
		err := r.Consume(t.Context(), spans(c.n))
		var busy *collector.BusyError
		if errors.As(err, &busy) != c.busy || c.busy && (busy.Why != collector.ThrottleLane || busy.After <= 0) {
			t.Errorf("batch %d of %d spans: %v", i, c.n, err)
		}
	}
	if got := r.Queued(); got != 3 {
		t.Errorf("%d spans queued, want 3", got)
	}
	r = resting(t, Options{MaxQueued: 3})
	if err := r.Consume(t.Context(), spans(9)); err != nil {
		t.Errorf("a batch larger than the empty queue: %v", err)
	}
}

// Links count against the bound in bytes: a few spans with many links fill the
// queue as many spans do.
func TestFullQueueIsBusyByBytes(t *testing.T) {
	r := resting(t, Options{MaxBytes: 10 * linkBytes * collector.MaxLinks})
	b := &collector.Batch{
		Spans: []collector.Span{{Links: collector.MaxLinks}},
		Links: make([]collector.Link, collector.MaxLinks),
	}
	taken := 0
	for taken < 100 && r.Consume(t.Context(), b) == nil {
		taken++
	}
	if taken != 9 { // ten times the links would fit, not the spans beside them
		t.Errorf("%d spans with %d links each were taken, want 9", taken, collector.MaxLinks)
	}
	r.workOff()
	if err := r.Consume(t.Context(), b); err != nil {
		t.Errorf("after the queue was worked off: %v", err)
	}
}

// A batch belongs to its sender again as soon as Consume returns.
func TestConsumeCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{}, memstore.New())
		b := r.half(1, 1)
		r.consume(t, b)
		b.Spans[0] = r.half(1, 2).Spans[0]
		r.consume(t, b)
		b.Spans[0] = collector.Span{}
		r.stop(t)
		if got := r.calls(t); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
	})
}

// A guess that was hidden when the lane stopped is shown by the next one, when
// its time has come.
func TestGuessesSurvive(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Dir: dir}, store)
		b := r.half(1, 2)
		b.Spans[0].Parent = collector.SpanID{} // a root
		r.consume(t, b)
		time.Sleep(time.Second)
		r.kill(t)
		if got := userCalls(t, store); got != 0 {
			t.Errorf("%d calls by the user a second after arrival, want 0", got)
		}
		r = start(t, Options{Dir: dir}, store)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := userCalls(t, store); got != 0 {
			t.Errorf("%d calls by the user three seconds after arrival, want 0", got)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := userCalls(t, store); got != 1 {
			t.Errorf("%d calls by the user six seconds after arrival, want 1", got)
		}
		r.stop(t)
	})
}

func userCalls(t *testing.T, store *memstore.Store) (n int64) {
	t.Helper()
	g, err := store.Read(context.Background(), graph.Query{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range g.Edges {
		if e.From == "user" {
			n += e.Stats.Calls
		}
	}
	return n
}

// The batches of a directory have one origin, and numbers that rise, over
// restarts and deaths too.
func TestSequence(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var got []graph.Batch
		held := uint64(0)
		for epoch := range uint64(4) {
			o := Options{Dir: dir, Epoch: 7 + epoch, Progress: func(context.Context, graph.Origin) (uint64, error) { return held, nil }}
			syms := collector.NewSymbols()
			r, err := Open(t.Context(), o, syms, func(b *graph.Batch) { got, held = append(got, *b), b.Seq })
			if err != nil {
				t.Fatal(err)
			}
			if err := r.Recover(t.Context()); err != nil {
				t.Fatal(err)
			}
			l := &rig{Router: r, syms: syms}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			wg.Go(func() { _ = r.Run(ctx) })
			synctest.Wait()
			for n := range byte(3) {
				l.consume(t, l.half(byte(epoch)*3+n+1, 1))
				l.consume(t, l.half(byte(epoch)*3+n+1, 2))
				time.Sleep(time.Second)
			}
			cancel()
			wg.Wait()
			if epoch%2 == 0 {
				if err := r.Checkpoint(t.Context()); err != nil {
					t.Error(err)
				}
			}
			l.close(t)
		}
		edges := 0
		for _, b := range got {
			for range b.Delta.Vectors() {
				edges++
			}
		}
		if edges != 12 {
			t.Errorf("%d calls, want 12", edges)
		}
		last := uint64(0)
		for _, b := range got {
			if b.Seq <= last || b.Origin != (graph.Origin{Epoch: 7}) {
				t.Errorf("batch %d of %+v behind batch %d of epoch 7", b.Seq, b.Origin, last)
			}
			last = b.Seq
		}
	})
}

// Whatever is offered in parallel is counted once: observed or refused.
func TestParallelConsume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{MaxQueued: 8}, memstore.New())
		var wg sync.WaitGroup
		var taken, refused [8]int
		for w := range byte(8) {
			wg.Go(func() {
				for n := range byte(31) {
					switch err := r.Consume(t.Context(), r.half(w*31+n+1, 1+n%2)); {
					case err == nil:
						taken[w]++
					case errors.Is(err, collector.ErrBusy):
						refused[w]++
					default:
						t.Error(err)
					}
					r.Counters()
					r.Queued()
				}
			})
		}
		wg.Wait()
		r.stop(t)
		sum := 0
		for w := range taken {
			sum += taken[w]
			if taken[w]+refused[w] != 31 {
				t.Errorf("sender %d: %d taken and %d refused of 31", w, taken[w], refused[w])
			}
		}
		if c := r.Counters(); int(c.Observed) != sum || r.Queued() != 0 {
			t.Errorf("%d observed and %d queued, %d taken", c.Observed, r.Queued(), sum)
		}
	})
}

// Time that steps back is held.
func TestClockIsHeld(t *testing.T) {
	r := resting(t, Options{})
	future := time.Now().Add(time.Hour).UnixNano()
	r.now = future
	if got := r.clock(); got != future {
		t.Errorf("clock %d after %d", got, future)
	}
}

// Every cut and every changed byte of a checkpoint is found; the file is set
// aside and the log behind it is not lost.
func TestDamagedCheckpoint(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Dir: dir}, store)
		r.consume(t, r.half(1, 1))
		r.stop(t)
		whole, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
		if err != nil {
			t.Fatal(err)
		}
		for n := range whole {
			damaged := slices.Clone(whole)
			damaged[n] ^= 0x10
			for _, data := range [][]byte{whole[:n], damaged} {
				if err := os.WriteFile(filepath.Join(dir, "x"), data, 0o600); err != nil {
					t.Fatal(err)
				}
				if _, err := readCheckpoint(files.Disk, filepath.Join(dir, "x")); err == nil {
					t.Fatalf("a checkpoint cut or changed at byte %d of %d was taken", n, len(whole))
				}
			}
		}
		whole[len(whole)/2] ^= 1
		if err := os.WriteFile(filepath.Join(dir, "checkpoint"), whole, 0o600); err != nil {
			t.Fatal(err)
		}
		var reported []string
		r = start(t, Options{Dir: dir, Report: func(what string, err error) { reported = append(reported, what) }}, store)
		r.consume(t, r.half(2, 1))
		r.consume(t, r.half(2, 2))
		r.stop(t)
		if got := r.calls(t); got != 1 {
			t.Errorf("%d calls, want 1", got)
		}
		aside, err := filepath.Glob(filepath.Join(dir, "checkpoint.unused-*"))
		if err != nil || len(aside) != 1 || len(reported) == 0 {
			t.Errorf("set aside: %v, %v; reported: %q", aside, err, reported)
		}
	})
}

// A checkpoint of a newer version is refused, and left alone.
func TestNewerCheckpoint(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "checkpoint")
	newer := append([]byte(checkpointMagic), checkpointVersion+1, 0, 0, 0, 0)
	if err := os.WriteFile(name, newer, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}, collector.NewSymbols(), nil); !errors.Is(err, ErrNewer) {
		t.Errorf("open: %v, want ErrNewer", err)
	}
	if got, err := os.ReadFile(name); err != nil || !slices.Equal(got, newer) {
		t.Errorf("the checkpoint was touched: %v", err)
	}
}

// A store that is older than the checkpoint begins a new line, which takes over
// what the log still has.
func TestStoreLost(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		store := memstore.New()
		r := start(t, Options{Dir: dir}, store)
		r.consume(t, r.half(1, 1))
		r.consume(t, r.half(1, 2))
		time.Sleep(2 * time.Minute)
		r.consume(t, r.half(2, 1))
		r.consume(t, r.half(2, 2))
		time.Sleep(time.Second)
		r.kill(t)
		store = memstore.New()
		r = start(t, Options{Dir: dir}, store)
		r.consume(t, r.half(3, 1))
		r.consume(t, r.half(3, 2))
		r.stop(t)
		if got := r.calls(t); got != 3 {
			t.Errorf("%d calls, want 3: two of the log and the new one", got)
		}
	})
}

// A slowDisk is the disk, but for syncs, which wait while it is shut.
type slowDisk struct {
	files.FS
	shut atomic.Pointer[chan struct{}] // closed when it is open again; nil: open
}

type slowFile struct {
	files.File
	d *slowDisk
}

func (d *slowDisk) Create(name string) (files.File, error) {
	f, err := d.FS.Create(name)
	return slowFile{f, d}, err
}

func (f slowFile) Sync() error {
	if shut := f.d.shut.Load(); shut != nil {
		<-*shut
	}
	return f.File.Sync()
}

// While a sync takes its time spans are taken and calls are emitted; only who
// needs the sync waits: the store before it commits, and a sender that was
// promised one.
func TestSlowSync(t *testing.T) {
	for _, each := range []bool{false, true} {
		t.Run(fmt.Sprint(each), func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				disk := &slowDisk{FS: files.Disk}
				r := start(t, Options{Dir: dir, FS: disk, SyncEach: each}, memstore.New())
				shut := make(chan struct{})
				disk.shut.Store(&shut)
				var sent, synced atomic.Bool
				var wg sync.WaitGroup
				wg.Go(func() {
					r.consume(t, r.half(1, 1))
					r.consume(t, r.half(1, 2))
					sent.Store(true)
				})
				wg.Go(func() {
					time.Sleep(time.Second)
					if err := r.Sync(t.Context()); err != nil {
						t.Error(err)
					}
					synced.Store(true)
				})
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if sent.Load() == each || synced.Load() {
					t.Errorf("during the sync: sent %v, synced %v", sent.Load(), synced.Load())
				}
				if got := r.calls(t); !each && got != 1 {
					t.Errorf("%d calls during the sync, want 1", got)
				}
				disk.shut.Store(nil)
				close(shut)
				wg.Wait()
				if !sent.Load() || !synced.Load() {
					t.Errorf("after the sync: sent %v, synced %v", sent.Load(), synced.Load())
				}
				r.stop(t)
				if got := r.calls(t); got != 1 {
					t.Errorf("%d calls, want 1", got)
				}
			})
		})
	}
}

// A stop evaluates also what would have rested for a tick, so that the file of a
// stopped server holds every call.
func TestStopEvaluatesAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, Options{}, memstore.New())
		for n := range byte(6) { // calls of one trace, tick by tick
			client, server := r.half(1, 1), r.half(1, 2)
			client.Spans[0].ID[7], server.Spans[0].ID[7], server.Spans[0].Parent[7] = 2*n+1, 2*n+2, 2*n+1
			r.consume(t, client)
			r.consume(t, server)
			time.Sleep(400 * time.Millisecond)
		}
		r.stop(t)
		if got := r.calls(t); got != 6 {
			t.Errorf("%d calls, want 6", got)
		}
	})
}
