package archive

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// Whatever is in the place of a segment, opening it and asking for its traces
// ends, and what is found is in the file, under the trace. sum: the checksum of
// the footer is right.
func FuzzSegment(f *testing.F) {
	const name = "0000000000.traces"
	d := newDisk()
	a, _, err := Open(dir, nil, Options{FS: d})
	if err != nil {
		f.Fatal(err)
	}
	for low := range uint64(300) {
		if err := a.Keep(low, int64(low), make([]byte, low%5)); err != nil {
			f.Fatal(err)
		}
	}
	if _, err := seal(a, -1); err != nil {
		f.Fatal(err)
	}
	whole := d.names[dir+"/"+name].data
	f.Add(whole, uint64(7), false)
	f.Add(whole[:len(whole)-1], uint64(7), false)
	f.Add([]byte{}, uint64(0), true)
	f.Add(whole[len(whole)-footerBytes:], uint64(7), true)
	f.Fuzz(func(t *testing.T, data []byte, low uint64, sum bool) {
		data = bytes.Clone(data)
		if sum && len(data) >= footerBytes {
			checked(data[len(data)-footerBytes:])
		}
		d := newDisk()
		d.names[dir+"/"+name] = &node{data: data}
		a, _, err := Open(dir, []string{name}, Options{FS: d})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			got, err := a.Recall(low, -1)
			if err == nil && got != nil && !bytes.Contains(data, binary.BigEndian.AppendUint64(nil, low)) {
				t.Errorf("%016x is not in the file, and has a record of %d bytes", low, len(got))
			}
			low++
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}
