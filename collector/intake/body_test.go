package intake

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"

	"graphctl/collector"
)

func pack(t testing.TB, b []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	z := gzip.NewWriter(&buf)
	z.Write(b)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// Bodies come back whole, whatever their size and however they are sent, and
// what they held is given back.
func TestRead(t *testing.T) {
	for _, n := range []int{0, 1, 65535, 65536, 65537, 1 << 20, 5 << 20} {
		want := bytes.Repeat([]byte("spans "), n/6+1)[:n]
		for _, c := range []struct {
			name    string
			r       io.Reader
			length  int
			gzipped bool
		}{
			{"known length", bytes.NewReader(want), n, false},
			{"unknown length", iotest.HalfReader(bytes.NewReader(want)), -1, false},
			{"gzip", bytes.NewReader(pack(t, want)), len(pack(t, want)), true},
			{"gzip of unknown length", iotest.DataErrReader(bytes.NewReader(pack(t, want))), -1, true},
		} {
			budget := NewBudget(64 << 20)
			body, err := Read(c.r, int64(c.length), c.gzipped, 5<<20, budget)
			if err != nil || !bytes.Equal(body.Bytes, want) {
				t.Errorf("%d bytes, %s: got %d, %v", n, c.name, len(body.Bytes), err)
			}
			if budget.Held() < int64(n) {
				t.Errorf("%d bytes, %s: %d reserved", n, c.name, budget.Held())
			}
			body.Release()
			body.Release()
			if budget.Held() != 0 {
				t.Errorf("%d bytes, %s: %d reserved after the end", n, c.name, budget.Held())
			}
		}
	}
}

func TestReadErrors(t *testing.T) {
	broken := errors.New("connection reset")
	packed := pack(t, make([]byte, 10_000))
	for _, c := range []struct {
		name    string
		r       io.Reader
		length  int64
		gzipped bool
		want    error
	}{
		{"announced too large", nil, 1001, false, ErrTooLarge},
		{"too large", bytes.NewReader(make([]byte, 1001)), -1, false, ErrTooLarge},
		{"packed too large", bytes.NewReader(make([]byte, 5000)), -1, true, ErrCompression},
		{"unpacks too large", bytes.NewReader(packed), int64(len(packed)), true, ErrTooLarge},
		{"short", bytes.NewReader(make([]byte, 10)), 11, false, ErrShort},
		{"nothing", bytes.NewReader(nil), 11, false, ErrShort},
		{"no gzip", bytes.NewReader([]byte("spans")), 5, true, ErrCompression},
		{"gzip cut", bytes.NewReader(packed[:20]), 20, true, ErrCompression},
		{"broken connection", iotest.ErrReader(broken), 10, false, broken},
		{"broken connection, unknown length", io.MultiReader(bytes.NewReader([]byte("x")), iotest.ErrReader(broken)), -1, false, broken},
		{"broken connection, gzip", io.MultiReader(bytes.NewReader(packed[:20]), iotest.ErrReader(broken)), 30, true, broken},
	} {
		budget := NewBudget(1 << 20)
		body, err := Read(c.r, c.length, c.gzipped, 1000, budget)
		if !errors.Is(err, c.want) || body.Bytes != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if budget.Held() != 0 {
			t.Errorf("%s: %d bytes are still reserved", c.name, budget.Held())
		}
	}
}

// No more is held than the budget has, and what does not fit comes back as busy
// for want of memory.
func TestBudget(t *testing.T) {
	budget := NewBudget(10 << 20)
	first, err := Read(bytes.NewReader(make([]byte, 5<<20)), 5<<20, false, MaxBody, budget)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int64{6 << 20, -1} {
		counted := &countingReader{n: 6 << 20}
		_, err = Read(counted, length, false, MaxBody, budget)
		var busy *collector.BusyError
		if !errors.As(err, &busy) || busy.Why != collector.ThrottleMemory {
			t.Errorf("length %d: %v, want busy for want of memory", length, err)
		}
		if length > 0 && counted.read > 0 {
			t.Errorf("%d bytes were read before there was room", counted.read)
		}
	}
	if got := budget.Held(); got != 5<<20 {
		t.Errorf("%d bytes reserved, want %d", got, 5<<20)
	}
	first.Release()
}

type countingReader struct{ n, read int }

func (r *countingReader) Read(p []byte) (int, error) {
	n := min(len(p), r.n-r.read)
	r.read += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestDiscard(t *testing.T) {
	if n, err := Discard(bytes.NewReader(make([]byte, 10)), 10); n != 10 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := Discard(bytes.NewReader(make([]byte, 20)), 10); n != 11 || !errors.Is(err, ErrTooLarge) {
		t.Errorf("%d, %v, want ErrTooLarge after 11", n, err)
	}
}

func FuzzGzip(f *testing.F) {
	f.Add(pack(f, []byte("spans")))
	f.Add(pack(f, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		budget := NewBudget(1 << 20)
		body, err := Read(bytes.NewReader(b), int64(len(b)), true, 1<<16, budget)
		if err != nil && !errors.Is(err, ErrCompression) && !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
		if len(body.Bytes) > 1<<16 {
			t.Fatalf("%d bytes", len(body.Bytes))
		}
		body.Release()
		if budget.Held() != 0 {
			t.Fatalf("%d bytes are still reserved", budget.Held())
		}
	})
}
