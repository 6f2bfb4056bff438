package intake

import (
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxJSONDepth is how many objects and arrays may lie in one another.
const MaxJSONDepth = 128

// A JSON walks a JSON text without building its values. The caller asks for the
// types that it expects:
//
//	for j.Object(); j.Next(); {
//		switch string(j.Key()) {
//		case "name":
//			name, ok := j.Text()
//		default:
//			j.Skip()
//		}
//	}
//	err := j.End()
//
// After an error every method returns zeros and false, so that loops end; Err
// and End report it. A null is a missing value: Object and Array are empty, and
// the others return false. Nothing recurses. Texts are parts of the input or of
// a buffer that Forget gives back.
type JSON struct {
	b     []byte
	i     int
	err   error
	key   []byte
	buf   []byte // texts that had escapes
	depth int
	fresh bool               // the innermost container was just opened
	kinds [MaxJSONDepth]byte // '}' or ']' by depth
}

// Reset starts with b.
func (j *JSON) Reset(b []byte) {
	j.b, j.i, j.err, j.key, j.depth, j.fresh = b, 0, nil, nil, 0, false
	j.Forget()
}

// maxForget is how much memory for texts is kept from one Forget to the next.
const maxForget = 1 << 20

// Forget ends the life of the texts that were returned so far.
func (j *JSON) Forget() {
	if cap(j.buf) > maxForget {
		j.buf = nil
	}
	j.buf = j.buf[:0]
}

// Err returns the first error.
func (j *JSON) Err() error { return j.err }

// Fail makes an error of the caller's at the present place the first, unless
// there was one.
func (j *JSON) Fail(what string) {
	if j.err == nil {
		j.err = fmt.Errorf("JSON at byte %d: %s", j.i, what)
	}
}

// End returns the first error; anything but white space after the value is one.
func (j *JSON) End() error {
	if j.err == nil && j.peek() != 0 || j.err == nil && j.i < len(j.b) {
		j.Fail("something follows the value")
	}
	return j.err
}

// A Mark is a place in the text between two values.
type Mark struct {
	i, depth int
	fresh    bool
}

// Mark returns the present place, for Return to read from there again.
func (j *JSON) Mark() Mark { return Mark{j.i, j.depth, j.fresh} }

// Return goes to a place in a container that was open at m and is not closed.
func (j *JSON) Return(m Mark) {
	if j.err == nil {
		j.i, j.depth, j.fresh = m.i, m.depth, m.fresh
	}
}

// peek returns the next byte that is not white space, 0 at the end.
func (j *JSON) peek() byte {
	if j.err != nil {
		return 0
	}
	for ; j.i < len(j.b); j.i++ {
		switch c := j.b[j.i]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// Null passes over a null, if there is one.
func (j *JSON) Null() bool { return j.peek() == 'n' && j.word("null") }

func (j *JSON) word(w string) bool {
	if len(j.b)-j.i < len(w) || string(j.b[j.i:j.i+len(w)]) != w {
		j.Fail("not a value")
		return false
	}
	j.i += len(w)
	return true
}

// Object enters an object. A null counts as one without members: it is left at
// once by the first Next.
func (j *JSON) Object() { j.open('{', '}', "want an object") }

// Array enters an array; a null counts as an empty one.
func (j *JSON) Array() { j.open('[', ']', "want an array") }

const nullContainer = 'n'

func (j *JSON) open(start, end byte, complaint string) {
	c := j.peek()
	switch {
	case j.err != nil:
		return
	case j.depth == MaxJSONDepth:
		j.Fail("nested too deep")
		return
	case c == start:
		j.i++
	case c == 'n' && j.word("null"):
		end = nullContainer
	default:
		j.Fail(complaint)
		return
	}
	j.kinds[j.depth] = end
	j.depth++
	j.fresh = true
}

// Next goes to the next member or element of the innermost container, whose
// last value must have been read. It leaves the container and returns false if
// there is none.
func (j *JSON) Next() bool {
	if j.err != nil {
		return false
	}
	end := j.kinds[j.depth-1]
	fresh := j.fresh
	j.fresh = false
	if end == nullContainer {
		j.depth--
		return false
	}
	c := j.peek()
	if c == end {
		j.i++
		j.depth--
		return false
	}
	if !fresh {
		if c != ',' {
			j.Fail("want a comma or the end of an object or array")
			return false
		}
		j.i++
	}
	if end == '}' {
		var ok bool
		if j.key, ok = j.text(); !ok || j.peek() != ':' {
			j.Fail("want a member of an object")
			return false
		}
		j.i++
	}
	return true
}

// Key returns the key of the member that Next went to.
func (j *JSON) Key() []byte { return j.key }

// Skip passes over a value of any type.
func (j *JSON) Skip() {
	depth := j.depth
	j.skipOrOpen()
	for j.err == nil && j.depth > depth {
		if j.Next() {
			j.skipOrOpen()
		}
	}
}

func (j *JSON) skipOrOpen() {
	switch c := j.peek(); c {
	case '{':
		j.Object()
	case '[':
		j.Array()
	case '"':
		j.text()
	case 't':
		j.word("true")
	case 'f':
		j.word("false")
	case 'n':
		j.word("null")
	default:
		j.number()
	}
}

// Text reads a string. Bytes that are no UTF-8 are passed on as they are; a
// \u escape of half a surrogate pair becomes U+FFFD.
func (j *JSON) Text() (s []byte, ok bool) {
	if j.Null() {
		return nil, false
	}
	return j.text()
}

func (j *JSON) text() ([]byte, bool) {
	if j.peek() != '"' {
		j.Fail("want a string")
		return nil, false
	}
	j.i++
	start := j.i
	for ; j.i < len(j.b); j.i++ {
		switch c := j.b[j.i]; {
		case c == '"':
			j.i++
			return j.b[start : j.i-1 : j.i-1], true
		case c == '\\':
			return j.escaped(start)
		case c < ' ':
			j.Fail("a control character in a string")
			return nil, false
		}
	}
	j.Fail("a string without end")
	return nil, false
}

// escaped reads the rest of a string that began at start and has an escape at
// the present place.
func (j *JSON) escaped(start int) ([]byte, bool) {
	at := len(j.buf)
	j.buf = append(j.buf, j.b[start:j.i]...)
	for j.i < len(j.b) {
		c := j.b[j.i]
		switch {
		case c == '"':
			j.i++
			return j.buf[at:len(j.buf):len(j.buf)], true
		case c < ' ':
			j.Fail("a control character in a string")
			return nil, false
		case c != '\\':
			j.buf = append(j.buf, c)
			j.i++
		case !j.escape():
			j.Fail("a bad escape in a string")
			return nil, false
		}
	}
	j.Fail("a string without end")
	return nil, false
}

func (j *JSON) escape() bool {
	if j.i+1 >= len(j.b) {
		return false
	}
	c := j.b[j.i+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'u':
		r, ok := hex4(j.b[j.i+2:])
		if !ok {
			return false
		}
		j.i += 6
		if utf16.IsSurrogate(r) {
			low, ok := rune(0), false
			if rest := j.b[j.i:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
				low, ok = hex4(rest[2:])
			}
			if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
				j.i += 6
			}
		}
		j.buf = utf8.AppendRune(j.buf, r)
		return true
	default:
		return false
	}
	j.buf = append(j.buf, c)
	j.i += 2
	return true
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// Bool reads a boolean.
func (j *JSON) Bool() (v, ok bool) {
	switch {
	case j.Null():
		return false, false
	case j.peek() == 't':
		ok = j.word("true")
		return ok, ok
	case j.peek() == 'f':
		return false, j.word("false")
	}
	j.Fail("want true or false")
	return false, false
}
