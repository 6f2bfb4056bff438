package traffic

import (
	"math"
	"time"
)

// hours a day has; a compressed day has them too.
const dayHours = 24

// dawn is the hour at which a day begins that is shown to somebody: the
// morning's rush hour is near.
const dawn = 6.5

// rhythm is how busy the city is at an hour of the day, relative to noon: quiet
// at night, two rush hours, at eight and at half past five.
func rhythm(hour float64) float64 { return demand(hour) / demand(12) }

func demand(hour float64) float64 {
	return 0.12 +
		0.65*bump(hour, 13.5, 4.5) + // daytime
		0.95*bump(hour, 8, 1.1) + // to work
		1.15*bump(hour, 17.5, 1.5) + // home again
		0.25*bump(hour, 22.5, 1.5) // from the theatre
}

// bump is a bell of height 1 at an hour; the day is a circle.
func bump(hour, at, width float64) float64 {
	distance := math.Mod(math.Abs(hour-at), dayHours)
	distance = min(distance, dayHours-distance)
	return math.Exp(-distance * distance / (2 * width * width))
}

// hourAt is the hour of the day when elapsed has passed and a day takes day.
func hourAt(elapsed, day time.Duration) float64 {
	return math.Mod(dawn+dayHours*elapsed.Seconds()/day.Seconds(), dayHours)
}
