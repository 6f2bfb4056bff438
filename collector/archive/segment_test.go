package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// sealed returns a disk with an archive of one segment of n traces, 1 to n in
// the order in which they were kept, each with a record of 8 bytes.
func sealed(t *testing.T, n int) (d *disk, o Options, name string) {
	t.Helper()
	d = newDisk()
	o = Options{FS: d}
	a, _, err := Open(dir, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	for low := uint64(1); low <= uint64(n); low++ {
		if err := a.Keep(low, int64(low), binary.BigEndian.AppendUint64(nil, low)); err != nil {
			t.Fatal(err)
		}
	}
	names, err := seal(a, 0)
	if err != nil || len(names) != 1 {
		t.Fatalf("sealed %v, %v", names, err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return d, o, names[0]
}

// checked puts the checksum behind what it is of.
func checked(b []byte) {
	binary.BigEndian.PutUint32(b[len(b)-4:], crc32.Checksum(b[:len(b)-4], castagnoli))
}

// An index or a footer that is wrong loses its segment at Open, also where the
// checksum is right; nothing of the segment stays.
func TestWrongSegment(t *testing.T) {
	const n = 1000
	records := n * (headerBytes + 8)
	for _, c := range []struct {
		what  string
		spoil func(file []byte)
		want  string
	}{
		{"bit in the third block", func(f []byte) { f[records+2*blockBytes+40] ^= 1 }, "wrong checksum"},
		{"blocks in another order", func(f []byte) {
			a, b := f[records:records+blockBytes], f[records+blockBytes:records+2*blockBytes]
			first := slices.Clone(a)
			copy(a, b)
			copy(b, first)
		}, "not in order"},
		{"a trace twice", func(f []byte) {
			b := f[records : records+blockBytes]
			copy(b[entryBytes:2*entryBytes], b)
			checked(b)
		}, "not in order"},
		{"magic", func(f []byte) { copy(f[len(f)-footerBytes:], "gcxxxxxx"); checked(f[len(f)-footerBytes:]) }, "no footer"},
		{"version", func(f []byte) { f[len(f)-footerBytes+11]++; checked(f[len(f)-footerBytes:]) }, "format 2 is not known"},
		{"number of traces", func(f []byte) { f[len(f)-footerBytes+15]--; checked(f[len(f)-footerBytes:]) }, "does not fit"},
		{"place of the index", func(f []byte) { f[len(f)-footerBytes+32] = 0xff; checked(f[len(f)-footerBytes:]) }, "does not fit"},
	} {
		d, o, name := sealed(t, n)
		c.spoil(d.names[dir+"/"+name].data)
		a, lost, err := Open(dir, []string{name}, o)
		if err != nil || len(lost) != 1 || !strings.Contains(lost[0].Error(), c.want) {
			t.Errorf("%s: %v, lost %v", c.what, err, lost)
			continue
		}
		if got, err := a.Recall(1, 0); got != nil || err != nil {
			t.Errorf("%s: recall %q, %v", c.what, got, err)
		}
		if names, err := seal(a, 0); len(names) > 0 || err != nil {
			t.Errorf("%s: sealed %v, %v", c.what, names, err)
		}
		if d.open != 0 {
			t.Errorf("%s: %d files are open", c.what, d.open)
		}
	}
}

// What is in a place where it does not belong, whole, is not taken for what does.
func TestMisplaced(t *testing.T) {
	const n, record = 1000, headerBytes + 8
	for _, c := range []struct {
		what  string
		spoil func(file []byte)
		want  string
	}{
		{"record of another trace", func(f []byte) { copy(f[:record], f[record:2*record]) }, "another trace"},
		{"another block of the index", func(f []byte) { copy(f[n*record:], f[n*record+blockBytes:][:blockBytes]) }, "another block"},
		{"length beyond the records", func(f []byte) { f[16] = 0xff }, "beyond"},
	} {
		d, o, name := sealed(t, n)
		a, _, err := Open(dir, []string{name}, o)
		if err != nil {
			t.Fatal(err)
		}
		c.spoil(d.names[dir+"/"+name].data)
		got, err := a.Recall(1, 0)
		if got != nil || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: recall %q, %v", c.what, got, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A seal that fails, at whatever write, and is done again leaves the file that
// one without failure leaves.
func TestSealAgain(t *testing.T) {
	const n = 50000 // the index takes several writes
	good, _, name := sealed(t, n)
	want := good.names[dir+"/"+name].data
	for failing := 1; ; failing++ {
		d := newDisk()
		a, _, err := Open(dir, nil, Options{FS: d})
		if err != nil {
			t.Fatal(err)
		}
		for low := uint64(1); low <= n; low++ {
			if err := a.Keep(low, int64(low), binary.BigEndian.AppendUint64(nil, low)); err != nil {
				t.Fatal(err)
			}
		}
		calls := 0
		d.fail = func(call, _ string) error {
			if call == "write" {
				if calls++; calls == failing {
					return syscall.EIO
				}
			}
			return nil
		}
		if _, err = seal(a, 0); err == nil {
			if failing < 4 {
				t.Errorf("sealing takes %d writes: the test wants more", failing-1)
			}
			return // there is no such write
		}
		for _, low := range []uint64{1, n / 2, n} {
			if got, err := a.Recall(low, 0); err != nil || binary.BigEndian.Uint64(got) != low {
				t.Errorf("write %d failed: recall %d: %x, %v", failing, low, got, err)
			}
		}
		names, err := seal(a, 0)
		if err != nil || len(names) != 1 || !bytes.Equal(d.names[dir+"/"+names[0]].data, want) {
			t.Errorf("write %d failed: sealed %v again, %v: not the same file", failing, names, err)
		}
	}
}

// A segment whose newest record is as old as the oldest that is asked for has
// expired; its file stays while a checkpoint names it.
func TestExpiry(t *testing.T) {
	d, o, name := sealed(t, 9)
	a, _, err := Open(dir, []string{name}, o)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := seal(a, 8); err != nil || len(names) != 1 {
		t.Errorf("sealed %v, %v", names, err)
	}
	if names, err := seal(a, 9); err != nil || len(names) != 0 {
		t.Errorf("sealed %v, %v", names, err)
	}
	for _, c := range []struct {
		named []string
		want  bool
	}{{[]string{name}, true}, {nil, false}} {
		if err := a.Release(c.named); err != nil {
			t.Fatal(err)
		}
		if got := d.names[dir+"/"+name] != nil; got != c.want {
			t.Errorf("released all but %v: the file is there: %v", c.named, got)
		}
	}
}
