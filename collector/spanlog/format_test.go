package spanlog

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

// resealHeader corrects the checksum of a file's header.
func resealHeader(file []byte) {
	binary.BigEndian.PutUint32(file[headerLen-4:], crc32.Checksum(file[:headerLen-4], castagnoli))
}

// Files of a log are told from what others may put beside them.
func TestFileNumber(t *testing.T) {
	for name, want := range map[string]uint64{
		"0000000001.log": 1, "12345678901.log": 12345678901, "0000000002.log.tmp": 2, "0000000003.log.corrupt-1760000000": 3,
	} {
		if got, _, ok := fileNumber(name); !ok || got != want {
			t.Errorf("%s is %d, %v, want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "1.log", "a000000001.log", "0000000001", "checkpoint", ".log", "0000000001.bak"} {
		if got, _, ok := fileNumber(name); ok {
			t.Errorf("%q is %d", name, got)
		}
	}
}
