package star

import (
	"io"
	"testing"

	"graphctl/graph/export"
)

// A picture of 2,000 services and 10,000 calls takes less than a second.
func BenchmarkDraw(b *testing.B) {
	g := large(2000, 10_000, 40)
	for _, name := range []string{"svg", "png"} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				p, err := newPicture(g, export.Options{})
				if err != nil {
					b.Fatal(err)
				}
				if err := writers[name](p, io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
