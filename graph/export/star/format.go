package star

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"graphctl/graph"
)

// Numbers as the page writes them: ui/src/model/format.ts.

// countText is a whole number: 12,345.
func countText(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// plural is the word for n things.
func plural(word string, n int) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// rateText is a rate a second without its unit: 0, 0.02, 3.4, 41, 1.2k, 3.62M.
func rateText(perSecond float64) string {
	switch v := perSecond; {
	case v <= 0:
		return "0"
	case v < 0.01:
		return "<0.01"
	case v < 1:
		return decimal(v, 2)
	case v < 9.95:
		return decimal(v, 1)
	case v < 999.5:
		return decimal(v, 0)
	case v < 9_950:
		return decimal(v/1e3, 1) + "k"
	case v < 999_500:
		return decimal(v/1e3, 0) + "k"
	}
	return decimal(perSecond/1e6, 2) + "M"
}

// percentText is a share: 0%, 0.06%, 2.5%, 41%.
func percentText(share float64) string {
	switch {
	case share <= 0:
		return "0%"
	case share < 0.0001:
		return "<0.01%"
	case share < 0.001:
		return decimal(share*100, 2) + "%"
	case share < 0.0995:
		return decimal(share*100, 1) + "%"
	}
	return decimal(share*100, 0) + "%"
}

// decimal writes v ≥ 0 with that many decimals, halves away from zero.
func decimal(v float64, decimals int) string {
	scale := math.Pow10(decimals)
	return strconv.FormatFloat(math.Floor(float64(v*scale)+0.5)/scale, 'f', decimals, 64)
}

// windowText is the window of a graph: 2026-01-01 10:00 to 10:15 UTC.
func windowText(g *graph.Graph) string {
	if g.From == 0 && g.To == 0 {
		return ""
	}
	from, to := g.From.Time().UTC(), g.To.Time().UTC()
	clock := "15:04"
	if from.Second() != 0 || to.Second() != 0 {
		clock = "15:04:05"
	}
	end := clock
	if from.Format(time.DateOnly) != to.Format(time.DateOnly) {
		end = time.DateOnly + " " + clock
	}
	return fmt.Sprintf("%s to %s UTC", from.Format(time.DateOnly+" "+clock), to.Format(end))
}

// short cuts a name to at most that many runes.
func short(name string, most int) string {
	n := 0
	for i := range name {
		if n == most-1 && len([]rune(name[i:])) > 1 {
			return name[:i] + "…"
		}
		n++
	}
	return name
}
