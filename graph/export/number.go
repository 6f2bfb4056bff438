package export

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"graphctl/graph"
)

// appendScaled appends v/10^digits as a decimal without trailing zeros: exact,
// never with an exponent, so that equal counters are equal bytes.
func appendScaled(b []byte, v int64, digits int) []byte {
	u := uint64(v)
	if v < 0 {
		b, u = append(b, '-'), -u
	}
	scale := uint64(1)
	for range digits {
		scale *= 10
	}
	b = strconv.AppendUint(b, u/scale, 10)
	fraction := u % scale
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	for fraction > 0 {
		scale /= 10
		b = append(b, '0'+byte(fraction/scale))
		fraction %= scale
	}
	return b
}

// appendMillis appends a sum of nanoseconds as milliseconds, exactly.
func appendMillis(b []byte, ns int64) []byte { return appendScaled(b, ns, 6) }

// quantileDigits is how many digits of a quantile are written. A bucket of a
// sketch is 2 % wide, so four digits name one bucket and no other; more would
// pretend to a precision that is not there.
const quantileDigits = 4

// appendQuantile appends d as milliseconds to quantileDigits digits.
func appendQuantile(b []byte, d time.Duration) []byte {
	limit, unit := int64(math.Pow10(quantileDigits)), int64(1)
	for int64(d)/unit >= limit {
		unit *= 10
	}
	return appendMillis(b, (int64(d)+unit/2)/unit*unit)
}

// appendWeight appends a sum of sampling weights as a number of calls, to
// three decimals.
func appendWeight(b []byte, w int64) []byte {
	whole, rest := w/graph.WeightOne, w%graph.WeightOne
	thousandths := (rest*2000 + sign(rest)*graph.WeightOne) / (2 * graph.WeightOne)
	return appendScaled(b, whole*1000+thousandths, 3)
}

func sign(v int64) int64 {
	if v < 0 {
		return -1
	}
	return 1
}

// appendTime appends t in RFC 3339, UTC.
func appendTime(b []byte, t graph.Instant) []byte {
	return t.Time().AppendFormat(b, time.RFC3339Nano)
}

var errNumber = errors.New("not a number in range")

// parseScaled reads a decimal and returns it times 10^digits, rounded. It
// undoes appendScaled; an exponent, as other programs write, is understood too.
func parseScaled(s string, digits int) (int64, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	if strings.ContainsAny(s, "eE") || len(fraction) > digits || len(whole) > 18-digits {
		f, err := strconv.ParseFloat(s, 64)
		v := math.Round(f * math.Pow10(digits))
		if err != nil || math.IsNaN(v) || math.Abs(v) >= 1<<63 {
			return 0, fmt.Errorf("%q: %w", s, errNumber)
		}
		return int64(v), nil
	}
	v, err := strconv.ParseInt(whole+fraction+strings.Repeat("0", digits-len(fraction)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q: %w", s, errNumber)
	}
	return v, nil
}

// parseWeight undoes appendWeight.
func parseWeight(s string) (int64, error) {
	v, err := parseScaled(s, 3)
	if err != nil || v > math.MaxInt64/graph.WeightOne*1000 || v < math.MinInt64/graph.WeightOne*1000 {
		return 0, fmt.Errorf("%q: %w", s, errNumber)
	}
	whole, rest := v/1000, v%1000
	return whole*graph.WeightOne + (rest*graph.WeightOne+sign(rest)*500)/1000, nil
}
