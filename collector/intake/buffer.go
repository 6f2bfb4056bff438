package intake

import (
	"math/bits"
	"sync"
)

// Buffers come in powers of two, each with a pool of its own, so that a small
// body never holds a large buffer. Larger ones are of the size asked for and
// left to the garbage collector.
const (
	minBufferBits = 16 // 64 KiB
	maxBufferBits = 22 // 4 MiB
)

var buffers [maxBufferBits - minBufferBits + 1]sync.Pool // of *[]byte

// bufferClass returns the class that n bytes fit in, len(buffers) if none.
func bufferClass(n int64) int {
	if n > 1<<maxBufferBits {
		return len(buffers)
	}
	return max(bits.Len64(uint64(max(n, 1)-1))-minBufferBits, 0)
}

// bufferSize returns the capacity of a buffer for n bytes.
func bufferSize(n int64) int64 {
	if c := bufferClass(n); c < len(buffers) {
		return 1 << (minBufferBits + c)
	}
	return n
}

// newBuffer returns an empty buffer of a capacity that bufferSize returned.
func newBuffer(size int64) []byte {
	if c := bufferClass(size); c < len(buffers) {
		if b, ok := buffers[c].Get().(*[]byte); ok {
			return (*b)[:0]
		}
	}
	return make([]byte, 0, size)
}

// keepBuffer keeps a buffer that is no longer used for the next body.
func keepBuffer(b []byte) {
	if c := bufferClass(int64(cap(b))); c < len(buffers) && cap(b) == 1<<(minBufferBits+c) {
		buffers[c].Put(&b)
	}
}
