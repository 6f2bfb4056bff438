package intake

import (
	"math"
	"math/bits"
	"strconv"
)

// number passes over a number and returns its text.
func (j *JSON) number() ([]byte, bool) {
	j.peek()
	if j.err != nil {
		return nil, false
	}
	n := numberLen(j.b[j.i:])
	if n == 0 {
		j.Fail("not a value")
		return nil, false
	}
	s := j.b[j.i : j.i+n]
	j.i += n
	return s, true
}

// numberLen returns the length of the number that b begins with, 0 if none.
func numberLen(b []byte) int {
	i := 0
	digits := func() bool {
		start := i
		for i < len(b) && '0' <= b[i] && b[i] <= '9' {
			i++
		}
		return i > start
	}
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i < len(b) && b[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(b) && b[i] == '.' {
		i++
		if !digits() {
			return 0
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// numeral reads a number, or a string that holds one.
func (j *JSON) numeral() ([]byte, bool) {
	if j.peek() != '"' {
		return j.number()
	}
	s, ok := j.text()
	if ok && (len(s) == 0 || numberLen(s) != len(s)) {
		j.Fail("want a number")
		return nil, false
	}
	return s, ok
}

// Uint64 reads an integer that is given as a number or as a string.
func (j *JSON) Uint64() (n uint64, ok bool) {
	if j.Null() {
		return 0, false
	}
	s, ok := j.numeral()
	if !ok {
		return 0, false
	}
	neg, n, ok := integer(s)
	if !ok || neg && n != 0 {
		j.Fail("want an integer of 64 bits without a sign")
		return 0, false
	}
	return n, true
}

// Int64 reads an integer that is given as a number or as a string.
func (j *JSON) Int64() (n int64, ok bool) {
	if j.Null() {
		return 0, false
	}
	s, ok := j.numeral()
	if !ok {
		return 0, false
	}
	neg, u, ok := integer(s)
	switch {
	case ok && !neg && u <= math.MaxInt64:
		return int64(u), true
	case ok && neg && u <= 1<<63:
		return -int64(u), true
	}
	j.Fail("want an integer of 64 bits")
	return 0, false
}

// Uint32 reads an integer that is given as a number or as a string.
func (j *JSON) Uint32() (uint32, bool) {
	n, ok := j.Uint64()
	if n > math.MaxUint32 {
		j.Fail("want an integer of 32 bits")
		return 0, false
	}
	return uint32(n), ok
}

// Enum reads the number of an enumeration's value. A string is an error.
func (j *JSON) Enum() (int32, bool) {
	if j.Null() {
		return 0, false
	}
	if j.peek() == '"' {
		j.Fail("want the number of an enumeration's value")
		return 0, false
	}
	n, ok := j.Int64()
	if n != int64(int32(n)) {
		j.Fail("want an integer of 32 bits")
		return 0, false
	}
	return int32(n), ok
}

// Double reads a number, or a string that holds one, NaN, Infinity or
// -Infinity. One that is too large is an error.
func (j *JSON) Double() (float64, bool) {
	if j.Null() {
		return 0, false
	}
	var s []byte
	var ok bool
	if j.peek() == '"' {
		if s, ok = j.text(); !ok {
			return 0, false
		}
		switch string(s) {
		case "NaN":
			return math.NaN(), true
		case "Infinity":
			return math.Inf(1), true
		case "-Infinity":
			return math.Inf(-1), true
		}
		ok = len(s) > 0 && numberLen(s) == len(s)
	} else {
		s, ok = j.number()
	}
	f, err := strconv.ParseFloat(string(s), 64)
	if !ok || err != nil {
		j.Fail("want a number")
		return 0, false
	}
	return f, true
}

// integer returns the value of a number that has the form of JSON, ok if it is
// an integer, however written, and its absolute value fits.
func integer(s []byte) (neg bool, n uint64, ok bool) {
	if s[0] == '-' {
		neg, s = true, s[1:]
	}
	exp, fraction, zeros := 0, 0, 0
	digit := func(c byte) bool { // appends c behind the zeros held back
		for ; zeros >= 0; zeros-- {
			hi, lo := bits.Mul64(n, 10)
			if n = lo; hi != 0 {
				return false
			}
		}
		zeros = 0
		var carry uint64
		n, carry = bits.Add64(n, uint64(c-'0'), 0)
		return carry == 0
	}
	point := false
	for i, c := range s {
		switch {
		case c == '.':
			point = true
			continue
		case c == 'e' || c == 'E':
			exp = exponent(s[i+1:])
		case c == '0':
			zeros++
		case !digit(c):
			return neg, 0, false
		}
		if c == 'e' || c == 'E' {
			break
		}
		if point {
			fraction++
		}
	}
	if n == 0 {
		return neg, 0, true
	}
	exp += zeros - fraction
	if exp < 0 || exp > 19 {
		return neg, 0, false
	}
	for ; exp > 0; exp-- {
		hi, lo := bits.Mul64(n, 10)
		if n = lo; hi != 0 {
			return neg, 0, false
		}
	}
	return neg, n, true
}

// exponent reads digits with an optional sign; far beyond any use it stays put.
func exponent(s []byte) int {
	neg := s[0] == '-'
	if s[0] == '-' || s[0] == '+' {
		s = s[1:]
	}
	n := 0
	for _, c := range s {
		n = min(10*n+int(c-'0'), 1<<30)
	}
	if neg {
		return -n
	}
	return n
}
