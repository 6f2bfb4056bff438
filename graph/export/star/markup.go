package star

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// escaped returns text that is nothing but text in XML, attributes included.
func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder does not fail
	return b.String()
}

// decimals writes a number with at most two decimals.
func decimals(v float64) string {
	hundredths := int64(math.Floor(float64(v*100) + 0.5))
	s := strconv.FormatFloat(float64(hundredths)/100, 'f', -1, 64)
	switch {
	case strings.HasPrefix(s, "0."):
		return s[1:]
	case strings.HasPrefix(s, "-0."):
		return "-" + s[2:]
	}
	return s
}

// css writes a colour.
func css(c colour) string { return fmt.Sprintf("#%02x%02x%02x", byteOf(c.r), byteOf(c.g), byteOf(c.b)) }
