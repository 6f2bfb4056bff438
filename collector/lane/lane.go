// Package lane drives inference: it queues spans, runs an engine over them and
// emits the changes of the graph.
//
// A Router is the sink of all receivers. Its queue is bounded in spans and in
// bytes; a batch is taken whole or refused whole with collector.ErrBusy. Run
// owns one goroutine, which alone touches the engine. Time is read there, once a
// wake, and never goes back. Each infer.Tick the engine evaluates what changed, and
// the change is emitted as a graph.Batch whose sequence number is one higher.
//
// To stop without loss: cancel Run's context and wait for Run, which drains the
// queue; let the store commit what was emitted; then keep State. A router that
// begins with that state goes on where this one stopped: halves of a call that
// were parted by the restart still meet. The state is good only if the store's
// Progress of its origin is its sequence number (see ReadHeader); otherwise
// begin without it, with a new epoch.
//
// Consume, Counters and Queued may be called in parallel with Run.
package lane

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"sync"
	"sync/atomic"
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/graph"
)

// defaultMaxQueued is some 100 ms of spans at full speed and 26 MB.
const defaultMaxQueued = 1 << 18

// defaultMaxBytes leaves room for links: a span may carry collector.MaxLinks of
// them, 24 kB, so that a bound in spans alone would bound nothing.
const defaultMaxBytes = 64 << 20

// spanBytes and linkBytes are what a queued span and a queued link take.
const spanBytes, linkBytes = 104, 24

// retryAfter is what a refused sender is told: a tick, rounded up to the second
// that HTTP can say.
const retryAfter = time.Second

// Options of a Router. The zero value selects the defaults.
type Options struct {
	Engine infer.Options
	// MaxQueued bounds the spans in the queue. Default 262,144.
	MaxQueued int
	// MaxBytes bounds the bytes of spans and links in the queue. Default 64 MiB.
	MaxBytes int
	// Epoch of a lane that begins without State. It must differ from that of
	// every earlier lane on the same store.
	Epoch uint64
	// State of an earlier router, nil for none.
	State []byte
}

// A Router takes spans for its lane. It is made by New.
type Router struct {
	o      Options
	syms   *collector.Symbols
	emit   func(*graph.Batch)
	engine *infer.Engine // of the goroutine in Run
	origin graph.Origin
	seq    uint64
	now    int64 // ns, never goes back

	counters atomic.Pointer[infer.Counters]

	mu     sync.Mutex
	queue  []*collector.Batch
	queued int  // spans in queue, and those that the engine is at
	bytes  int  // of the same
	closed bool // no more is taken
	wake   chan struct{}
	free   sync.Pool // of *collector.Batch
}

// New returns a router that emits to emit, which takes over the batch and must
// not block. It fails if o.State is not a state.
func New(o Options, syms *collector.Symbols, emit func(*graph.Batch)) (*Router, error) {
	if o.MaxQueued == 0 {
		o.MaxQueued = defaultMaxQueued
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = defaultMaxBytes
	}
	r := &Router{
		o:      o,
		syms:   syms,
		emit:   emit,
		origin: graph.Origin{Epoch: o.Epoch},
		wake:   make(chan struct{}, 1),
	}
	r.free.New = func() any { return new(collector.Batch) }
	if o.State == nil {
		r.engine = infer.New(o.Engine, syms)
	} else {
		h, rest, err := readHeader(o.State)
		if err != nil {
			return nil, err
		}
		r.origin, r.seq = h.Origin, h.Seq
		if r.engine, err = infer.LoadState(rest, o.Engine, syms); err != nil {
			return nil, fmt.Errorf("lane: load state: %w", err)
		}
	}
	r.publish()
	return r, nil
}

// Consume implements collector.Sink.
func (r *Router) Consume(_ context.Context, b *collector.Batch) error {
	if len(b.Spans) == 0 {
		return nil
	}
	c := r.free.Get().(*collector.Batch)
	c.Spans = append(c.Spans[:0], b.Spans...)
	c.Links = append(c.Links[:0], b.Links...)
	if !r.push(c) {
		r.free.Put(c)
		return &collector.BusyError{Why: collector.ThrottleLane, After: retryAfter}
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return nil
}

// push queues b if there is room. A batch larger than the whole queue is taken
// when the queue is empty, or it could never be.
func (r *Router) push(b *collector.Batch) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	full := r.queued+len(b.Spans) > r.o.MaxQueued || r.bytes+bytesOf(b) > r.o.MaxBytes
	if r.closed || r.queued > 0 && full {
		return false
	}
	r.queue = append(r.queue, b)
	r.queued += len(b.Spans)
	r.bytes += bytesOf(b)
	return true
}

func bytesOf(b *collector.Batch) int { return len(b.Spans)*spanBytes + len(b.Links)*linkBytes }

// Run drives the engine until ctx is done, then takes no more, works off the
// queue and emits what it showed. Call it once.
func (r *Router) Run(ctx context.Context) error {
	tick := time.NewTicker(infer.Tick)
	defer tick.Stop()
	for {
		select {
		case <-r.wake:
			r.work()
		case <-tick.C:
			r.work()
			r.tick()
		case <-ctx.Done():
			r.mu.Lock()
			r.closed = true
			r.mu.Unlock()
			r.work()
			r.tick()
			return nil
		}
	}
}

// clock reads the time, held if it steps back.
func (r *Router) clock() int64 {
	r.now = max(r.now, time.Now().UnixNano())
	return r.now
}

// work observes what is queued now. What comes meanwhile waits for the next
// wake, so that a lane that is always behind still ticks and can be stopped.
func (r *Router) work() {
	r.mu.Lock()
	queue := r.queue
	r.queue = nil
	r.mu.Unlock()
	now := r.clock()
	for _, b := range queue {
		for i := range b.Spans {
			s := &b.Spans[i]
			r.engine.Observe(now, s, b.LinksOf(s))
		}
		r.mu.Lock()
		r.queued -= len(b.Spans)
		r.bytes -= bytesOf(b)
		r.mu.Unlock()
		b.Reset()
		r.free.Put(b)
	}
}

// tick evaluates what changed and emits it.
func (r *Router) tick() {
	r.engine.Advance(r.clock())
	if d := r.engine.Flush(); d != nil {
		r.seq++
		r.emit(&graph.Batch{Origin: r.origin, Seq: r.seq, Delta: d})
	}
	r.publish()
}

func (r *Router) publish() {
	c := r.engine.Counters()
	r.counters.Store(&c)
}

// Counters returns the engine's counters as of the last tick.
func (r *Router) Counters() infer.Counters { return *r.counters.Load() }

// Queued returns how many spans wait for the engine.
func (r *Router) Queued() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queued
}

// State returns what a later router needs to go on. Call it after Run.
func (r *Router) State() []byte {
	b := append([]byte(nil), stateMagic...)
	b = binary.LittleEndian.AppendUint32(b, r.origin.Lane)
	b = binary.LittleEndian.AppendUint64(b, r.origin.Epoch)
	b = binary.LittleEndian.AppendUint64(b, r.seq)
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	return r.engine.AppendState(b)
}

// stateMagic begins a lane's state; its last byte is the version. Lane, epoch
// and sequence number follow, then the CRC-32C of all before it; what comes
// after is the engine's and has a checksum of its own.
const stateMagic = "gclane\x00\x01"

const headerLen = len(stateMagic) + 4 + 8 + 8 + 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Errors of reading a state.
var (
	errState   = errors.New("lane: not the state of a lane, or of another version")
	errDamaged = errors.New("lane: the state is damaged") // the header's checksum is wrong
)

// A Header is where a state belongs in the history of a store.
type Header struct {
	Origin graph.Origin
	Seq    uint64 // of the last batch emitted
}

// ReadHeader returns the header of a state.
func ReadHeader(state []byte) (Header, error) {
	h, _, err := readHeader(state)
	return h, err
}

func readHeader(state []byte) (h Header, rest []byte, err error) {
	if len(state) < headerLen || string(state[:len(stateMagic)]) != stateMagic {
		return Header{}, nil, errState
	}
	b := state[len(stateMagic):]
	if crc32.Checksum(state[:headerLen-4], castagnoli) != binary.LittleEndian.Uint32(b[20:]) {
		return Header{}, nil, errDamaged
	}
	h.Origin.Lane = binary.LittleEndian.Uint32(b)
	h.Origin.Epoch = binary.LittleEndian.Uint64(b[4:])
	h.Seq = binary.LittleEndian.Uint64(b[12:])
	return h, state[headerLen:], nil
}
