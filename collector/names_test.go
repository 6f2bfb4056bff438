package collector

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, c := range []struct {
		in, want string
		repaired RepairCounts
	}{
		{"", "", RepairCounts{}},
		{"cart", "cart", RepairCounts{}},
		{"käse 日本 \u007f\u0085", "käse 日本 \u007f\u0085", RepairCounts{}},
		{"\uFFFD", "\uFFFD", RepairCounts{}},
		{"a\x00b\nc\x1f", "a\uFFFDb\uFFFDc\uFFFD", RepairCounts{RepairText: 1}},
		{"a\xffb", "a\uFFFDb", RepairCounts{RepairText: 1}},
		{"\xe6\x97", "\uFFFD\uFFFD", RepairCounts{RepairText: 1}},
		{"é\x01", "é\uFFFD", RepairCounts{RepairText: 1}},
		{strings.Repeat("x", 32), strings.Repeat("x", 32), RepairCounts{}},
	} {
		var repaired RepairCounts
		got := string(appendClean([]byte("before "), []byte(c.in), 32, &repaired))
		if got != "before "+c.want || repaired != c.repaired {
			t.Errorf("%q: got %q, repaired %v; want %q, %v", c.in, got, repaired, c.want, c.repaired)
		}
	}
}

// A name over its bound keeps its beginning, stays valid and within the bound,
// and differs from another name that begins alike.
func TestCutName(t *testing.T) {
	for _, long := range []string{
		strings.Repeat("x", 33), strings.Repeat("é", 40), strings.Repeat("日", 40), "a" + strings.Repeat("\U0001F600", 40),
		strings.Repeat("\x00", 40),
	} {
		var repaired RepairCounts
		a := string(appendClean(nil, []byte(long+"a"), 32, &repaired))
		b := string(appendClean(nil, []byte(long+"b"), 32, &repaired))
		if len(a) > 32 || !utf8.ValidString(a) || a == b {
			t.Errorf("%q became %q (%d bytes), its neighbour %q", long, a, len(a), b)
		}
		if repaired[RepairLength] != 2 {
			t.Errorf("%q: %d lengths repaired, want 2", long, repaired[RepairLength])
		}
		var none RepairCounts
		if again := string(appendClean(nil, []byte(a), 32, &none)); again != a || none != (RepairCounts{}) {
			t.Errorf("%q is cleaned again, to %q", a, again)
		}
	}
}

func FuzzClean(f *testing.F) {
	f.Add([]byte("a\x00\xffé"), 9)
	f.Fuzz(func(t *testing.T, in []byte, bound int) {
		bound = 8 + (bound&0xff)%249
		var repaired RepairCounts
		got := appendClean(nil, in, bound, &repaired)
		if len(got) > bound || !isClean(got, bound) {
			t.Fatalf("%q at %d became %q", in, bound, got)
		}
		if same := string(got) == string(in); same != (repaired == RepairCounts{}) {
			t.Fatalf("%q became %q, repaired %v", in, got, repaired)
		}
	})
}

func TestWeight(t *testing.T) {
	for _, c := range []struct {
		state string
		want  int64
	}{
		{"", WeightOne},
		{"ot=th:0", WeightOne},
		{"ot=th:8", 2 * WeightOne},
		{"ot=th:c", 4 * WeightOne},
		{"vnd=1,ot=rv:ffffffffffffff;th:c", 4 * WeightOne},
		{"vnd=1 , ot=th:c \t", 4 * WeightOne},
		{"ot=th:fd70a3d70a3d71", 100 * WeightOne}, // 1 %, rounded
		{"ot=th:ffffff", MaxWeight},
		{"ot=th:ffffffffffffff", MaxWeight},
		{"ot=th:55555555555555", 98304}, // two thirds: 1.5
		{"ot=th:", WeightOne},
		{"ot=th:C", WeightOne},
		{"ot=th:8g", WeightOne},
		{"ot=th:000000000000000", WeightOne},
		{"ot=th:800000000000000", WeightOne},
		{"xot=th:8", WeightOne},
		{"ot=xth:8", WeightOne},
		{"ot=rv:1,ot=th:8", WeightOne},
		{",,;=", WeightOne},
	} {
		if got := weightOf([]byte(c.state)); got != c.want {
			t.Errorf("%q: %d, want %d (%g)", c.state, got, c.want, float64(c.want)/WeightOne)
		}
	}
}
