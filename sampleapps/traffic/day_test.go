package traffic

import (
	"math"
	"testing"
	"time"
)

// A day has two rush hours, is as busy as Rate says at noon, and never stops.
func TestDayHasTwoRushHours(t *testing.T) {
	if got := rhythm(12); math.Abs(got-1) > 1e-9 {
		t.Errorf("noon: got %v, want 1", got)
	}
	const steps = 24 * 60
	at := func(step int) float64 { return rhythm(float64(step%steps) / 60) }
	var peaks []float64
	for step := range steps {
		if at(step) <= 0 {
			t.Errorf("hour %v: got %v, want more than 0", float64(step)/60, at(step))
		}
		if at(step) > at(step+1) && at(step) > at(step+steps-1) && at(step) > 1.2 {
			peaks = append(peaks, float64(step)/60)
		}
	}
	if len(peaks) != 2 || math.Abs(peaks[0]-8) > 1 || math.Abs(peaks[1]-17.5) > 1 {
		t.Errorf("rush hours: got %v, want about 8 and 17.5", peaks)
	}
}

// A compressed day runs through all its hours and begins again.
func TestHoursOfACompressedDay(t *testing.T) {
	const day = 10 * time.Minute
	for _, c := range []struct {
		elapsed time.Duration
		want    float64
	}{{0, dawn}, {5 * time.Minute, dawn + 12}, {day, dawn}, {25 * time.Minute, dawn + 12}} {
		if got := hourAt(c.elapsed, day); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("after %s: got hour %v, want %v", c.elapsed, got, c.want)
		}
	}
}
