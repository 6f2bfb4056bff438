package intake

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// JSON that is passed over is accepted exactly where encoding/json accepts it,
// down to the bound of nesting.
func checkSkip(t *testing.T, body []byte) {
	t.Helper()
	var j JSON
	j.Reset(body)
	j.Skip()
	got := j.End() == nil
	want := json.Valid(body)
	if got == want {
		return
	}
	if want && strings.Contains(j.Err().Error(), "nested") {
		return
	}
	t.Fatalf("%q: accepted %v (%v), want %v", body, got, j.Err(), want)
}

func TestSkip(t *testing.T) {
	for _, s := range []string{
		"", " ", "{}", "[]", "{", "[", "}", "]", "[}", "{]", "null", "nul", "true", "falsee", `"a"`, `"a`, `"\u00g0"`, `"\ud800"`, "\"\x00\"",
		"1", "-", "-0", "01", "1.", ".5", "1e", "1e+", "1E-5", "0.0e0", "[1,]", "[,1]", "[1 2]", `{"a":1,}`, `{"a" 1}`, `{"a":}`, `{1:2}`,
		`{"a":{"b":[1,{"c":null}]}}`, " [ 1 , 2 ] ", "[1]x", "\xef\xbb\xbf1", "\"\xff\"", "[\x00]", "\x00",
	} {
		checkSkip(t, []byte(s))
	}
}

func FuzzSkip(f *testing.F) {
	f.Add([]byte(`{"a":[1,-2.5e+3,true,false,null,"\u00e9\ud83d\ude00\n"],"b":{}}`))
	f.Fuzz(checkSkip)
}

func TestNesting(t *testing.T) {
	for depth, want := range map[int]bool{MaxJSONDepth: true, MaxJSONDepth + 1: false, 1_000_000: false} {
		var j JSON
		j.Reset([]byte(strings.Repeat("[", depth) + strings.Repeat("]", depth)))
		j.Skip()
		if got := j.End() == nil; got != want {
			t.Errorf("depth %d: accepted %v, want %v", depth, got, want)
		}
	}
}

// Strings are what encoding/json makes of them, but for bytes that are no UTF-8,
// which are left alone and not compared.
func FuzzText(f *testing.F) {
	for _, s := range []string{`"a"`, `"\"\\\/\b\f\n\r\t"`, `"\u00e9x\ud83d\ude00\ud800\udc"`, `"\ud800\ud800\udc00"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want string
		reference := json.Unmarshal(body, &want)
		var j JSON
		j.Reset(body)
		got, ok := j.Text()
		if err := j.End(); (err == nil) != (reference == nil) {
			t.Fatalf("%q: %v, want %v", body, err, reference)
		}
		if reference == nil && ok && utf8.Valid(got) && string(got) != want {
			t.Fatalf("%q: %q, want %q", body, got, want)
		}
	})
}

func TestIntegers(t *testing.T) {
	for s, want := range map[string]uint64{
		"0": 0, "-0": 0, "1": 1, "18446744073709551615": math.MaxUint64, `"18446744073709551615"`: math.MaxUint64,
		"1e3": 1000, "1.5e1": 15, "100e-2": 1, "1.000": 1, "0.0": 0, "0e99": 0, "1844674407370955161.5e1": math.MaxUint64, "12300e-2": 123,
		"0.00000000000000000000000000000001e32": 1, "1000000000000000000000000e-20": 10000, `"1E2"`: 100,
	} {
		var j JSON
		j.Reset([]byte(s))
		got, ok := j.Uint64()
		if err := j.End(); err != nil || !ok || got != want {
			t.Errorf("%s: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"-1", "18446744073709551616", "1e20", "1.5", "1e-1", "1e9999999999", `""`, `" 1"`, `"1 "`, `"x"`, "true", "{}", "1844674407370955161.6e1"} {
		var j JSON
		j.Reset([]byte(s))
		if got, ok := j.Uint64(); ok || j.End() == nil {
			t.Errorf("%s: %d, want an error", s, got)
		}
	}
	for s, want := range map[string]int64{"-9223372036854775808": math.MinInt64, "9223372036854775807": math.MaxInt64, `"-5"`: -5} {
		var j JSON
		j.Reset([]byte(s))
		got, ok := j.Int64()
		if err := j.End(); err != nil || !ok || got != want {
			t.Errorf("%s: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"-9223372036854775809", "9223372036854775808"} {
		var j JSON
		j.Reset([]byte(s))
		if got, ok := j.Int64(); ok || j.End() == nil {
			t.Errorf("%s: %d, want an error", s, got)
		}
	}
}

func TestDoubles(t *testing.T) {
	for s, want := range map[string]float64{"1.5": 1.5, `"2e3"`: 2000, `"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1), "-0.0": 0} {
		var j JSON
		j.Reset([]byte(s))
		if got, ok := j.Double(); !ok || got != want || j.End() != nil {
			t.Errorf("%s: %v, %v, want %v", s, got, j.Err(), want)
		}
	}
	for _, s := range []string{"1e999", `"inf"`, `"0x1p3"`, `""`, "NaN", "true"} {
		var j JSON
		j.Reset([]byte(s))
		if got, ok := j.Double(); ok || j.End() == nil {
			t.Errorf("%s: %v, want an error", s, got)
		}
	}
}

// A place can be returned to while its container is open.
func TestReturn(t *testing.T) {
	var j JSON
	j.Reset([]byte(`{"a":[1,2,3],"b":{"c":[]}} `))
	var at Mark
	for j.Object(); j.Next(); {
		if string(j.Key()) == "a" {
			at = j.Mark()
		}
		j.Skip()
	}
	end := j.Mark()
	j.Return(at)
	var sum uint64
	for j.Array(); j.Next(); {
		n, _ := j.Uint64()
		sum += n
	}
	j.Return(end)
	if err := j.End(); err != nil || sum != 6 {
		t.Errorf("sum %d, error %v", sum, err)
	}
}
