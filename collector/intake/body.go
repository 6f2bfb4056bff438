package intake

import (
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
)

// What reading a body may fail with, beside the connection's own errors and a
// collector.BusyError when the budget is used up.
var (
	// ErrTooLarge: the body is over the bound.
	ErrTooLarge = errors.New("body too large")
	// ErrShort: the body ends before its announced length.
	ErrShort = errors.New("body shorter than announced")
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

	budget *Budget
	buf    []byte // Bytes and more; its capacity is what is reserved
}

var unzippers sync.Pool // of *gzip.Reader

// Read reads a body of at most max bytes, and if gzipped is true unpacks it, to
// at most max bytes again. length is that of the body as sent, -1 if unknown.
// On error Bytes is nil and nothing is reserved; Sent is set.
func Read(r io.Reader, length int64, gzipped bool, max int64, budget *Budget) (*Body, error) {
	b := &Body{budget: budget}
	if length > max {
		return b, ErrTooLarge
	}
	sent := &counter{r: r, max: max}
	err := b.read(sent, length, gzipped, max)
	b.Sent = sent.n
	if err != nil {
		b.Release()
		return b, err
	}
	b.Bytes = b.buf[:len(b.buf):len(b.buf)]
	return b, nil
}

func (b *Body) read(sent *counter, length int64, gzipped bool, max int64) error {
	switch {
	case gzipped: // how much it unpacks to is not known
	case length < 0:
		return b.fill(sent, max)
	default:
		if err := b.grow(length); err != nil {
			return err
		}
		b.buf = b.buf[:length]
		_, err := io.ReadFull(sent, b.buf)
		if errors.Is(err, io.EOF) && length > 0 || errors.Is(err, io.ErrUnexpectedEOF) {
			return ErrShort
		}
		return err
	}
	z, err := unzipper(sent)
	if err != nil {
		return sent.explain(err)
	}
	defer unzippers.Put(z)
	if err := b.fill(z, max); err != nil {
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

// fill reads r to its end, making room as it comes.
func (b *Body) fill(r io.Reader, max int64) error {
	for {
		if len(b.buf) == cap(b.buf) {
			if err := b.grow(min(2*int64(cap(b.buf)), max+1)); err != nil {
				return err
			}
		}
		n, err := r.Read(b.buf[len(b.buf):cap(b.buf)])
		b.buf = b.buf[:len(b.buf)+n]
		switch {
		case int64(len(b.buf)) > max:
			return ErrTooLarge
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

// grow moves what was read to a buffer of at least n bytes, reserved first. Of
// an unknown length the first step is small, so that many small requests fit.
func (b *Body) grow(n int64) error {
	size := bufferSize(n)
	if err := b.budget.take(size); err != nil {
		return err
	}
	old := b.buf
	b.buf = append(newBuffer(size), old...)
	if old != nil {
		b.free(old)
	}
	return nil
}

func (b *Body) free(buf []byte) {
	b.budget.held.Add(-int64(cap(buf)))
	keepBuffer(buf)
}

// Release gives the memory back. It may be called more than once.
func (b *Body) Release() {
	if b.buf != nil {
		b.free(b.buf)
	}
	b.buf, b.Bytes = nil, nil
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

// Discard reads a body of at most max bytes and keeps nothing of it. It returns
// how many bytes were read.
func Discard(r io.Reader, max int64) (int64, error) {
	n, err := io.Copy(io.Discard, io.LimitReader(r, max+1))
	if err == nil && n > max {
		err = ErrTooLarge
	}
	return n, err
}
