package wire

import (
	"encoding/binary"
	"math/bits"
)

// The take functions return a value off the front of p, and the rest, which is
// nil if p is too short, and never nil otherwise. What is taken off nil is zero.
// p and rest are not a struct with methods so that they stay in registers.

func takeUvarint(p []byte) (n uint64, rest []byte) {
	if len(p) > 0 && p[0] < 0x80 {
		return uint64(p[0]), p[1:]
	}
	return takeLongUvarint(p)
}

// takeLongUvarint reads up to eight bytes in one go.
func takeLongUvarint(p []byte) (n uint64, rest []byte) {
	if len(p) >= 8 {
		x := binary.LittleEndian.Uint64(p)
		if ends := ^x & 0x8080808080808080; ends != 0 { // the top bits of bytes that end a number
			p = p[bits.TrailingZeros64(ends)/8+1:]
			x &= (ends ^ (ends - 1)) & 0x7f7f7f7f7f7f7f7f // of the first number alone
			x = x&0x007f007f007f007f | x&0x7f007f007f007f00>>1
			x = x&0x00003fff00003fff | x&0x3fff00003fff0000>>2
			return x&0x0fffffff | x>>32<<28, p
		}
	}
	n, size := binary.Uvarint(p)
	if size <= 0 {
		return 0, nil
	}
	return n, p[size:]
}

func takeByte(p []byte) (b byte, rest []byte) {
	if len(p) == 0 {
		return 0, nil
	}
	return p[0], p[1:]
}

func take8(p []byte) (id [8]byte, rest []byte) {
	if len(p) < len(id) {
		return id, nil
	}
	return [8]byte(p), p[8:]
}

func take16(p []byte) (id [16]byte, rest []byte) {
	if len(p) < len(id) {
		return id, nil
	}
	return [16]byte(p), p[16:]
}

func takeBytes(p []byte, n uint64) (b, rest []byte) {
	if n > uint64(len(p)) {
		return nil, nil
	}
	return p[:n], p[n:]
}
