package archive

import (
	"fmt"
	"slices"
	"testing"
)

// traceBytes is what a trace of 16 spans takes, packed.
const traceBytes = 450

// spread returns the low bits of the i-th of many traces.
func spread(i int) uint64 { return uint64(i) * 0xd6e8feb86659fd93 }

// filled returns an archive on disk with n records, sealed, that came evenly
// over an hour, and what has to be named to open it again.
func filled(b *testing.B, dir string, n int, record []byte) (*Archive, []string) {
	b.Helper()
	const hour = 3600e9
	a, _, err := Open(dir, nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for i := range n {
		now := hour + int64(float64(i)/float64(n)*hour)
		if err := a.Keep(spread(i), now, record); err != nil {
			b.Fatal(err)
		}
		if i%(n/60) == n/60-1 || i == n-1 {
			if names, err = seal(a, now-hour); err != nil {
				b.Fatal(err)
			}
		}
	}
	return a, names
}

func BenchmarkKeep(b *testing.B) {
	for _, n := range []int{8, traceBytes} {
		b.Run(fmt.Sprintf("bytes=%d", n), func(b *testing.B) {
			a, _, err := Open(b.TempDir(), nil, Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer a.Close()
			record := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%1_000_000 == 999_999 { // keeps the disk free
					b.StopTimer()
					for _, s := range slices.Clone(a.sealed) {
						a.retire(s)
					}
					if err := a.Release(nil); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
				}
				if err := a.Keep(spread(i), int64(i), record); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A trace that was never kept.
func BenchmarkMiss(b *testing.B) {
	for _, n := range []int{1_000_000, 4_000_000} {
		b.Run(fmt.Sprintf("traces=%d", n), func(b *testing.B) {
			a, _ := filled(b, b.TempDir(), n, make([]byte, 8))
			defer a.Close()
			misled := a.Stats().Misled
			b.ReportAllocs()
			asked := 0
			for b.Loop() {
				if _, err := a.Recall(spread(n+asked), 0); err != nil {
					b.Fatal(err)
				}
				asked++
			}
			b.ReportMetric(float64(a.Stats().Misled-misled)/float64(asked)*100, "%misled")
			b.ReportMetric(float64(len(a.groups)), "filters")
			b.ReportMetric(float64(a.Stats().FilterBytes)*8/float64(n), "bits/trace")
		})
	}
}

// A trace of the last hour, from the page cache.
func BenchmarkHit(b *testing.B) {
	const n = 200_000
	a, _ := filled(b, b.TempDir(), n, make([]byte, traceBytes))
	defer a.Close()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		record, err := a.Recall(spread(i*7919%n), 0)
		if err != nil || len(record) != traceBytes {
			b.Fatalf("%d bytes, %v", len(record), err)
		}
	}
}

// What a lane waits when a segment is full, the sync apart.
func BenchmarkFinish(b *testing.B) {
	a, _, err := Open(b.TempDir(), nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer a.Close()
	for b.Loop() {
		b.StopTimer()
		for i := range segmentTraces {
			if err := a.Keep(spread(i), 5, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		if err := a.finish(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		a.retire(a.sealed[0])
		if err := a.Release(nil); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	a, names := filled(b, dir, 1_000_000, make([]byte, 8))
	if err := a.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		a, lost, err := Open(dir, names, Options{})
		if err != nil || len(lost) > 0 {
			b.Fatal(err, lost)
		}
		if err := a.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
