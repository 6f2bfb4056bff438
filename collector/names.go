package collector

import (
	"encoding/hex"
	"hash/fnv"
	"strings"
	"unicode/utf8"
)

// Lengths that names are cut to, in bytes.
const (
	MaxServiceName = 256
	MaxSpanName    = 512
	MaxOtherName   = 256
)

// A Repair says what was put right in a span that was accepted.
type Repair uint8

// The kinds of repairs.
const (
	RepairText     Repair = iota // invalid UTF-8 or control characters in a name, replaced by U+FFFD
	RepairLength                 // a name over its bound, cut
	RepairService                // a span whose resource names no service
	RepairTime                   // end before start, a start outside 2000 to 2100, or over 24 h long
	RepairLink                   // a link with a bad id, left out
	RepairMaxLinks               // a link beyond MaxLinks, left out
	numRepairs
)

// Repairs lists the kinds of repairs.
var Repairs = [...]Repair{RepairText, RepairLength, RepairService, RepairTime, RepairLink, RepairMaxLinks}

func (r Repair) String() string {
	return [...]string{"text", "length", "service_name", "time", "link", "max_links"}[r]
}

// A RepairCounts counts repairs by kind.
type RepairCounts [numRepairs]int

// replacement stands for what is not text.
const replacement = "\uFFFD"

// isClean reports whether s can be kept as it is.
func isClean(s []byte, max int) bool {
	if len(s) > max {
		return false
	}
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return isCleanText(s)
		}
		if c < ' ' {
			return false
		}
	}
	return true
}

func isCleanText(s []byte) bool {
	for _, c := range s {
		if c < ' ' {
			return false
		}
	}
	return utf8.Valid(s)
}

// appendClean appends s to dst as it may be kept: with every invalid byte and
// every C0 control replaced by U+FFFD, and if that is longer than max, cut
// between runes to max bytes that end in 8 hex digits of the hash of the whole.
func appendClean(dst, s []byte, max int, repairs *RepairCounts) []byte {
	if isClean(s, max) {
		return append(dst, s...)
	}
	start := len(dst)
	if !isCleanText(s) {
		repairs[RepairText]++
		for len(s) > 0 {
			r, n := utf8.DecodeRune(s)
			if r < ' ' || r == utf8.RuneError && n == 1 {
				dst = append(dst, replacement...)
			} else {
				dst = append(dst, s[:n]...)
			}
			s = s[n:]
		}
	} else {
		dst = append(dst, s...)
	}
	if len(dst)-start > max {
		repairs[RepairLength]++
		dst = cutName(dst, start, max)
	}
	return dst
}

// cutName cuts the valid UTF-8 from start on to at most max bytes.
func cutName(b []byte, start, max int) []byte {
	h := fnv.New32a()
	h.Write(b[start:])
	end := start + max - 8
	for !utf8.RuneStart(b[end]) {
		end--
	}
	var sum [4]byte
	return hex.AppendEncode(b[:end], h.Sum(sum[:0]))
}

// appendLower appends s in lower case.
func appendLower(dst, s []byte) []byte {
	start := len(dst)
	for _, c := range s {
		if c >= utf8.RuneSelf {
			return append(dst[:start], strings.ToLower(string(s))...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}
