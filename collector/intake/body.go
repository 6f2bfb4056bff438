package intake

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"

	"graphctl/collector"
)

// Bounds of bodies.
const (
	// MaxBody is the default bound of one body, as sent and after
	// decompression: what the OTLP specification recommends.
	MaxBody = 64 << 20
	// MaxHeld is the default bound of the bodies held at once.
	MaxHeld = 128 << 20
	// step is reserved at once for a body of unknown length.
	step = 4 << 20
	// maxPooled is the largest buffer that is kept for the next body.
	maxPooled = 4 << 20
)

// What reading a body may fail with, beside the connection's own errors and a
// collector.BusyError when the budget is used up.
var (
	// ErrTooLarge: the body is over the bound.
	ErrTooLarge = errors.New("body too large")
	// ErrCompression: the compressed body is broken.
	ErrCompression = errors.New("broken gzip")
)

// A Budget bounds the bytes of bodies held at once. Its methods may be called
// in parallel.
type Budget struct {
	max  int64
	held atomic.Int64
}

// NewBudget returns a budget of max bytes.
func NewBudget(max int64) *Budget { return &Budget{max: max} }

// Held returns how many bytes are reserved.
func (b *Budget) Held() int64 { return b.held.Load() }

func (b *Budget) take(n int64) error {
	if b.held.Add(n) > b.max {
		b.held.Add(-n)
		return &collector.BusyError{Why: collector.ThrottleMemory}
	}
	return nil
}

// A Body is the bytes of a request. Release it when they are no longer needed.
type Body struct {
	Bytes []byte
	// Sent is how many bytes were read from the connection.
	Sent int64

	budget   *Budget
	reserved int64
	buf      *bytes.Buffer
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

var unzippers sync.Pool // of *gzip.Reader

// Read reads a body of at most max bytes, and if gzipped is true unpacks it, to
// at most max bytes again. length is that of the body as sent, -1 if unknown.
// On error Bytes is nil and nothing is reserved; Sent is set.
func Read(r io.Reader, length int64, gzipped bool, max int64, budget *Budget) (*Body, error) {
	b := &Body{budget: budget}
	if length > max {
		return b, ErrTooLarge
	}
	b.buf = buffers.Get().(*bytes.Buffer)
	b.buf.Reset()
	sent := &counter{r: r, max: max}
	err := b.read(sent, length, gzipped, max)
	b.Sent = sent.n
	if err != nil {
		b.Release()
		return b, err
	}
	b.Bytes = b.buf.Bytes()
	return b, nil
}

func (b *Body) read(sent *counter, length int64, gzipped bool, max int64) error {
	if !gzipped {
		return b.fill(sent, length, max)
	}
	z, err := unzipper(sent)
	if err != nil {
		return sent.explain(err)
	}
	defer unzippers.Put(z)
	if err := b.fill(z, -1, max); err != nil {
		return sent.explain(err)
	}
	return nil
}

func unzipper(r io.Reader) (*gzip.Reader, error) {
	z, ok := unzippers.Get().(*gzip.Reader)
	if !ok {
		return gzip.NewReader(r)
	}
	return z, z.Reset(r)
}

// fill reads r to its end into the buffer, reserving room ahead.
func (b *Body) fill(r io.Reader, length, max int64) error {
	room := length
	if length < 0 {
		room = step
	}
	if err := b.reserve(room); err != nil {
		return err
	}
	if length >= 0 {
		b.buf.Grow(int(length) + bytes.MinRead) // so that the end is seen without growing
	}
	for {
		left := b.reserved - int64(b.buf.Len())
		if left == 0 && length < 0 {
			if err := b.reserve(step); err != nil {
				return err
			}
			continue
		}
		n, err := b.buf.ReadFrom(io.LimitReader(r, left+1))
		switch {
		case err != nil:
			return err
		case int64(b.buf.Len()) > max:
			return ErrTooLarge
		case n <= left:
			return nil // the end
		case length >= 0:
			return fmt.Errorf("body longer than announced: %w", ErrTooLarge)
		}
		if err := b.reserve(step); err != nil {
			return err
		}
	}
}

func (b *Body) reserve(n int64) error {
	if err := b.budget.take(n); err != nil {
		return err
	}
	b.reserved += n
	return nil
}

// Release gives the memory back. It may be called more than once.
func (b *Body) Release() {
	if b.buf == nil {
		return
	}
	if b.buf.Cap() <= maxPooled {
		buffers.Put(b.buf)
	}
	b.buf, b.Bytes = nil, nil
	b.budget.held.Add(-b.reserved)
	b.reserved = 0
}

// Unpack replaces what b holds by what it unpacks to.
func (b *Body) Unpack(max int64) error {
	packed := *b
	unpacked, err := Read(bytes.NewReader(b.Bytes), int64(len(b.Bytes)), true, max, b.budget)
	unpacked.Sent = packed.Sent
	*b = *unpacked
	packed.Release()
	return err
}

// counter counts and bounds what is read from a connection, and keeps its
// error, so that a broken connection is told from a broken body.
type counter struct {
	r   io.Reader
	n   int64
	max int64
	err error
}

func (c *counter) Read(p []byte) (int, error) {
	if c.n > c.max {
		c.err = ErrTooLarge
		return 0, c.err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = err
	}
	return n, err
}

// explain returns the connection's error if it had one, the budget's and the
// bound's as they are, and ErrCompression for all else.
func (c *counter) explain(err error) error {
	switch {
	case c.err != nil:
		return c.err
	case errors.Is(err, ErrTooLarge), errors.Is(err, collector.ErrBusy):
		return err
	}
	return fmt.Errorf("%w: %w", ErrCompression, err)
}
