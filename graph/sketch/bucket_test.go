package sketch

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"
)

// power returns the smallest integer not below 2^((n+1/5)/35), found by
// bisection over its 175th power.
func power(n int) *big.Int {
	target := new(big.Int).Lsh(big.NewInt(1), uint(5*n+1))
	low, high := big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), uint(n/perOctave+1))
	for low.Cmp(high) < 0 {
		m := new(big.Int).Add(low, high)
		m.Rsh(m, 1)
		if new(big.Int).Exp(m, big.NewInt(5*perOctave), nil).Cmp(target) >= 0 {
			high = m
		} else {
			low = m.Add(m, big.NewInt(1))
		}
	}
	return low
}

// The literal thresholds are the powers of two that they stand for.
func TestThresholds(t *testing.T) {
	for k, got := range thresholds {
		if want := power(63*perOctave + k); new(big.Int).SetUint64(got).Cmp(want) != 0 {
			t.Errorf("threshold %d = %#x, want %#x", k, got, want)
		}
	}
}

// Buckets begin and end where 2^((i+1/5)/35) ns does, to the nanosecond.
func TestBucketBounds(t *testing.T) {
	for b := uint16(1); b <= above; b++ {
		low := time.Duration(power(int(b) - 2 + first).Int64())
		if got := Bucket(low); got != b {
			t.Errorf("Bucket(%d) = %d, want %d", low, got, b)
		}
		if got := Bucket(low - 1); got != b-1 {
			t.Errorf("Bucket(%d) = %d, want %d", low-1, got, b-1)
		}
	}
	for _, c := range []struct {
		d    time.Duration
		want uint16
	}{
		{-1 << 63, 0}, {-1, 0}, {0, 0}, {1, 0}, {987, 0}, {time.Microsecond, 1},
		{time.Hour, above - 1}, {time.Hour + time.Minute, above}, {1<<63 - 1, above},
	} {
		if got := Bucket(c.d); got != c.want {
			t.Errorf("Bucket(%d) = %d, want %d", c.d, got, c.want)
		}
	}
}

// The middle of a bucket is within 1 % of its ends, also where a bucket is few
// nanoseconds wide.
func TestMiddleIsWithinOnePercent(t *testing.T) {
	for b := uint16(1); b < above; b++ {
		low, high, middle := int64(lowest(b)), int64(lowest(b+1))-1, int64(Middle(b))
		if Bucket(time.Duration(middle)) != b {
			t.Errorf("bucket %d: middle %d lies in %d", b, middle, Bucket(time.Duration(middle)))
		}
		if 100*(middle-low) > low || 100*(high-middle) > high {
			t.Errorf("bucket %d: %d is over 1 %% from %d or %d", b, middle, low, high)
		}
	}
}

func BenchmarkBucket(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	ds := make([]time.Duration, 1<<12)
	for i := range ds {
		ds[i] = time.Duration(rng.Int64N(int64(time.Hour)) >> rng.IntN(30))
	}
	var sum int
	for i := 0; b.Loop(); i++ {
		sum += int(Bucket(ds[i%len(ds)]))
	}
	_ = sum
}
