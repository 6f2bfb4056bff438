package collector

import (
	"bytes"
	"math/bits"
)

// weightOf returns the weight that a trace state's sampling threshold gives a
// span (rule W1), rounded to 1/WeightOne: 2^56/(2^56-T), T from "th" of the
// member "ot", at most MaxWeight. Without a threshold, or with one that is
// malformed, it is WeightOne.
func weightOf(state []byte) int64 {
	for len(state) > 0 {
		var member []byte
		member, state, _ = bytes.Cut(state, []byte(","))
		value, found := bytes.CutPrefix(bytes.Trim(member, " \t"), []byte("ot="))
		if !found {
			continue
		}
		for len(value) > 0 {
			var part []byte
			part, value, _ = bytes.Cut(value, []byte(";"))
			if th, found := bytes.CutPrefix(part, []byte("th:")); found {
				return thresholdWeight(th)
			}
		}
		break
	}
	return WeightOne
}

// thresholdWeight reads up to 14 lower-case hex digits, the most significant
// first.
func thresholdWeight(th []byte) int64 {
	const digits = 14
	if len(th) == 0 || len(th) > digits {
		return WeightOne
	}
	var t uint64
	for _, c := range th {
		switch {
		case '0' <= c && c <= '9':
			t = t<<4 | uint64(c-'0')
		case 'a' <= c && c <= 'f':
			t = t<<4 | uint64(c-'a'+10)
		default:
			return WeightOne
		}
	}
	t <<= 4 * (digits - len(th))
	kept := uint64(1)<<56 - t // 1 to 2^56
	if kept <= 1<<32 {
		return MaxWeight
	}
	// 2^56 * WeightOne = 2^72, whose high word is 2^8 < kept.
	q, rem := bits.Div64(1<<8, 0, kept)
	if rem >= kept-rem {
		q++
	}
	return int64(q)
}
