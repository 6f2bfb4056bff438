package spanlog

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"graphctl/collector"
	"graphctl/collector/files"
)

// A nullFS takes everything and keeps nothing.
type nullFS struct{ files.FS }

type nullFile struct{}

func (nullFS) Create(string) (files.File, error) { return nullFile{}, nil }
func (nullFS) MkdirAll(string) error             { return nil }
func (nullFS) List(string) ([]files.Info, error) { return nil, nil }
func (nullFS) SyncDir(string) error              { return nil }
func (nullFS) Remove(string) error               { return nil }
func (nullFS) Free(string) (int64, error)        { return 1 << 40, nil }

func (nullFile) ReadAt([]byte, int64) (int, error)      { return 0, nil }
func (nullFile) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (nullFile) Truncate(int64) error                   { return nil }
func (nullFile) Size() (int64, error)                   { return 0, nil }
func (nullFile) Sync() error                            { return nil }
func (nullFile) Close() error                           { return nil }

// request is 512 spans in traces of 16.
func request(syms *collector.Symbols) *collector.Batch {
	rng := rand.New(rand.NewPCG(1, 2))
	b := new(collector.Batch)
	for i := range 512 {
		name := fmt.Sprint("service-", rng.IntN(2000))
		s := collector.Span{
			Trace: collector.TraceID{0: 1, 14: byte(i / 16)}, Start: start + int64(i)*1e5, Weight: collector.WeightOne,
			Messages: collector.NoCount, Name: syms.Intern([]byte("GET /" + name)),
			Resource: syms.InternResource(collector.Resource{Name: name}), Kind: collector.KindServer, Role: collector.In,
		}
		s.End = s.Start + rng.Int64N(50e6)
		binary.BigEndian.PutUint64(s.ID[:], rng.Uint64()|1)
		if i%16 > 0 {
			s.Parent = b.Spans[i-1-rng.IntN(i%16)].ID
		}
		b.Spans = append(b.Spans, s)
	}
	return b
}

// Appending allocates nothing once the names are known.
func TestAppendDoesNotAllocate(t *testing.T) {
	syms := collector.NewSymbols()
	l, err := Open("log", Options{FS: nullFS{}}, syms)
	if err != nil {
		t.Fatal(err)
	}
	b := request(syms)
	now := start
	if got := testing.AllocsPerRun(100, func() {
		now++
		if _, err := l.Append(now, b); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Tick(now, 1); err != nil {
			t.Fatal(err)
		}
	}); got != 0 {
		t.Errorf("%v allocations an append", got)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		fs   files.FS
	}{{"disk", files.Disk}, {"null", nullFS{}}} {
		b.Run(c.name, func(b *testing.B) {
			syms := collector.NewSymbols()
			batch := request(syms)
			l, err := Open(b.TempDir(), Options{FS: c.fs}, syms)
			if err != nil {
				b.Fatal(err)
			}
			defer l.Close()
			end, _ := l.Append(start, batch)
			at, now := end.Offset, start
			b.ReportAllocs()
			for b.Loop() {
				now += 5e6
				if end, err = l.Append(now, batch); err != nil {
					b.Fatal(err)
				}
				if end.File > 4 {
					b.StopTimer()
					if err := l.Drop(end); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
			}
			spans := float64(b.N * len(batch.Spans))
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/spans, "ns/span")
			if end.File == 1 {
				b.ReportMetric(float64(end.Offset-at)/spans, "B/span")
			}
		})
	}
}

func BenchmarkReplay(b *testing.B) {
	dir := b.TempDir()
	syms := collector.NewSymbols()
	batch := request(syms)
	l, err := Open(dir, Options{}, syms)
	if err != nil {
		b.Fatal(err)
	}
	for range 1000 {
		if _, err := l.Append(start, batch); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	spans := 0
	b.ReportAllocs()
	for b.Loop() {
		l, err := Open(dir, Options{}, syms)
		if err != nil {
			b.Fatal(err)
		}
		if err := l.Replay(Position{}, func(r Record) error {
			spans += len(r.Batch.Spans)
			return nil
		}); err != nil {
			b.Fatal(err)
		}
		l.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(spans), "ns/span")
}

// One who appends and many who sync, drop and look on do not disturb one
// another, on a real disk.
func TestParallel(t *testing.T) {
	dir := t.TempDir()
	syms := collector.NewSymbols()
	l, err := Open(dir, Options{MaxFile: 1 << 17}, syms)
	if err != nil {
		t.Fatal(err)
	}
	b := request(syms)
	const appends = 100
	ctx, cancel := context.WithCancel(t.Context())
	ends := make(chan Position, appends)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for ctx.Err() == nil {
				if err := l.Sync(context.WithoutCancel(ctx)); err != nil {
					t.Error(err)
				}
				l.Stats()
			}
		})
	}
	wg.Go(func() {
		for end := range ends {
			if err := l.Drop(Position{end.File - 1, 0}); err != nil {
				t.Error(err)
			}
		}
	})
	for range appends {
		end, err := l.Append(start, b)
		if err != nil {
			t.Fatal(err)
		}
		ends <- end
	}
	close(ends)
	cancel()
	wg.Wait()
	first := l.files[0].number
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(dir, Options{}, collector.NewSymbols()); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if f := l.Found(); l.files[0].number != first || f.Gaps != nil || f.CutBytes > 0 || f.SetAside != nil {
		t.Errorf("found %+v from file %d on, want %d", f, l.files[0].number, first)
	}
	want := textOf(syms, Record{Kind: SpansRecord, Time: start, Batch: b})
	got, _ := replayed(t, l, Position{})
	for _, g := range got {
		if g != want {
			t.Fatal("a record is not what was appended")
		}
	}
	if len(got) == 0 {
		t.Error("nothing is left")
	}
}
