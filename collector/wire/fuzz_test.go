package wire

import (
	"slices"
	"testing"

	"graphctl/collector"
)

// FuzzRead: whatever the bytes, reading neither panics nor yields a span that
// could not be written again, and gives it back the same.
func FuzzRead(f *testing.F) {
	syms := fleet(4)
	defs := AppendNames(nil, syms, Counts{}, CountsOf(syms))
	f.Add([]byte{}, []byte{})
	f.Add(defs, AppendSpans(nil, base, new(collector.Batch)))
	f.Add(defs, AppendSpans(nil, base, &collector.Batch{
		Spans: []collector.Span{{Trace: collector.TraceID{1}, ID: collector.SpanID{2}, Parent: collector.SpanID{2}, Name: 5, Far: 9,
			Resource: 6, Weight: 7 * collector.WeightOne, Messages: 3, Links: 1, Start: 5, End: 3, Flags: collector.Triggered}},
		Links: []collector.Link{{Trace: collector.TraceID{1}, ID: collector.SpanID{3}}},
	}))
	f.Fuzz(func(t *testing.T, defs, src []byte) {
		syms := collector.NewSymbols()
		var n Names
		if n.Read(defs, syms) != nil {
			n = Names{}
		}
		var got, again collector.Batch
		if err := n.ReadSpans(src, base, &got); err != nil {
			return
		}
		all := CountsOf(syms)
		if !all.Covers(&got) {
			t.Fatal("a span has a name that is none")
		}
		n = Names{}
		if err := n.Read(AppendNames(nil, syms, Counts{}, all), syms); err != nil {
			t.Fatal(err)
		}
		if err := n.ReadSpans(AppendSpans(nil, base, &got), base, &again); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Spans, again.Spans) || !slices.Equal(got.Links, again.Links) {
			t.Fatalf("read %+v, want %+v", again, got)
		}
	})
}
