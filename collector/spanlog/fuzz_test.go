package spanlog

import (
	"testing"

	"graphctl/collector"
)

// FuzzOpen: whatever lies in a file, and whatever records with good checksums it
// has, opening and replaying neither panics nor hangs, and the log goes on.
func FuzzOpen(f *testing.F) {
	w := newWriter(f, newMemFS(), Options{})
	w.steps(12)
	f.Add([]byte{}, []byte{})
	f.Add(w.fs.names["log/0000000001.log"].now, []byte{})
	f.Add([]byte{}, []byte{byte(TickRecord), 8, 0, 0, 0, 0, 0, 0, 0, 9, byte(names), 6, 2, 0, 2, 0, 2, 0, byte(SpansRecord), 1, 0})
	f.Fuzz(func(t *testing.T, raw, records []byte) {
		fs := newMemFS()
		good := (&header{}).append(nil)
		for len(records) >= 2 { // kind, length, payload
			n := min(int(records[1]), len(records)-2)
			at := len(good)
			good = append(beginFrame(good), records[2:2+n]...)
			sealFrame(good[at:], Kind(records[0]), start)
			records = records[2+n:]
		}
		fs.names["log/0000000001.log"] = &memData{now: good}
		fs.names["log/0000000002.log"] = &memData{now: raw}
		fs.names["log/0000000003.log"] = &memData{now: append(good, raw...)}
		l, err := Open(dir, Options{FS: fs}, collector.NewSymbols())
		if err != nil {
			return // a newer format
		}
		defer l.Close()
		_ = l.Replay(Position{}, func(r Record) error { // names and spans may be malformed
			if r.Kind == SpansRecord {
				textOf(l.syms, r)
			}
			return nil
		})
		pos, err := l.Tick(start, 1)
		if err != nil || !l.Found().End.Before(pos) {
			t.Fatalf("tick at %v after %v: %v", pos, l.Found().End, err)
		}
	})
}
