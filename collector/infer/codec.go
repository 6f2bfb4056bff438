package infer

import "encoding/binary"

// A codec writes or reads values in one order, so that one function describes a
// format in both directions. Integers are varints, strings have their length in
// front. After the first error reading yields zeros.
type codec struct {
	buf     []byte // written so far, or left to read
	reading bool
	failed  bool
}

func (c *codec) fail() {
	c.failed = true
	c.buf = nil
}

func (c *codec) uint64(p *uint64) {
	if !c.reading {
		c.buf = binary.AppendUvarint(c.buf, *p)
		return
	}
	n, size := binary.Uvarint(c.buf)
	if size <= 0 {
		c.fail()
		n, size = 0, 0
	}
	*p, c.buf = n, c.buf[size:]
}

func (c *codec) int64(p *int64) {
	if !c.reading {
		c.buf = binary.AppendVarint(c.buf, *p)
		return
	}
	n, size := binary.Varint(c.buf)
	if size <= 0 {
		c.fail()
		n, size = 0, 0
	}
	*p, c.buf = n, c.buf[size:]
}

// distance codes *p as what it is away from another value.
func (c *codec) distance(p *int64, from int64) {
	d := *p - from
	c.int64(&d)
	*p = from + d
}

// fixed64 is for ids, which a varint would lengthen.
func (c *codec) fixed64(p *uint64) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint64(c.buf, *p)
		return
	}
	if len(c.buf) < 8 {
		c.fail()
		*p = 0
		return
	}
	*p, c.buf = binary.BigEndian.Uint64(c.buf), c.buf[8:]
}

func (c *codec) string(p *string) {
	n := uint64(len(*p))
	c.uint64(&n)
	if !c.reading {
		c.buf = append(c.buf, *p...)
		return
	}
	if n > uint64(len(c.buf)) {
		c.fail()
		n = 0
	}
	*p, c.buf = string(c.buf[:n]), c.buf[n:]
}

func (c *codec) bool(p *bool) {
	var n uint64
	if *p {
		n = 1
	}
	c.uint64(&n)
	*p = n == 1
}

// number codes an unsigned integer that is below limit.
func number[T ~uint8 | ~uint16 | ~uint32](c *codec, p *T, limit int) {
	n := uint64(*p)
	c.uint64(&n)
	if c.reading && n >= uint64(limit) {
		c.fail()
		n = 0
	}
	*p = T(n)
}

func (c *codec) int32(p *int32) {
	n := int64(*p)
	c.int64(&n)
	if int64(int32(n)) != n {
		c.fail()
		n = 0
	}
	*p = int32(n)
}

// count codes the length of a list, whose elements take a byte each or more.
func (c *codec) count(n int) int {
	u := uint64(n)
	c.uint64(&u)
	if c.reading && u > uint64(len(c.buf)) {
		c.fail()
		u = 0
	}
	return int(u)
}

// list codes the elements of s one by one.
func list[T any](c *codec, s *[]T, element func(*T)) {
	n := c.count(len(*s))
	if c.reading {
		*s = make([]T, 0, min(n, 1024))
	}
	for i := range n {
		if c.reading {
			var zero T
			*s = append(*s, zero)
		}
		element(&(*s)[i])
		if c.failed {
			return
		}
	}
}
