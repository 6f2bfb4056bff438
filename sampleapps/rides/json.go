package rides

// TripEvents is the topic that tells what happens to trips.
const TripEvents = "trip.events"

// The kinds of TripEvent.
const (
	TripAccepted  = "accepted"
	TripCompleted = "completed"
)

// A TripEvent is a message of the topic trip.events, as JSON.
type TripEvent struct {
	Kind      string `json:"kind"`
	Trip      int64  `json:"trip"`
	Passenger int64  `json:"passenger"`
	Driver    int64  `json:"driver"`
	Cents     int64  `json:"cents"`
}

// A Place is a point in the HTTP interfaces, in degrees.
type Place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// Point is the place as gRPC interfaces have it.
func (p Place) Point() *Point { return &Point{Latitude: p.Latitude, Longitude: p.Longitude} }

// A TripRequest asks for a quote or for a trip.
type TripRequest struct {
	// Passenger is set by api-gateway from the token.
	Passenger int64 `json:"passenger,omitempty"`
	From      Place `json:"from"`
	To        Place `json:"to"`
}

// A Quote is what a trip would cost.
type Quote struct {
	Cents   int64 `json:"cents"`
	Seconds int32 `json:"seconds"`
}

// The states of a Trip.
const (
	StatusAccepted  = "accepted"
	StatusCompleted = "completed"
	StatusUnserved  = "unserved" // no driver was free; such a trip has no id
	StatusDeclined  = "declined" // fraud objected; such a trip has no id
)

// A Trip is the state of a trip.
type Trip struct {
	ID        int64  `json:"id,omitempty"`
	Passenger int64  `json:"passenger"`
	Driver    int64  `json:"driver,omitempty"`
	Cents     int64  `json:"cents"`
	Status    string `json:"status"`
}

// A ScoreRequest asks fraud about a payment that is to be made.
type ScoreRequest struct {
	Passenger int64 `json:"passenger"`
	Cents     int64 `json:"cents"`
}

// A Score is what fraud thinks of it.
type Score struct {
	Deny bool `json:"deny"`
}

// A Charge is a request to the external payment provider.
type Charge struct {
	Trip  int64 `json:"trip"`
	Cents int64 `json:"cents"`
}

// A Payment is its answer.
type Payment struct {
	Reference string `json:"reference"`
}
