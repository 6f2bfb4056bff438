package traffic

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"graphctl/sampleapps/company"
	api "graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// shortestTrip is how long a trip takes at least, so that some are always
	// under way.
	shortestTrip = 3 * time.Second
	// maxTrips bounds the trips under way; one beyond it is never completed,
	// and counted.
	maxTrips = 1024
)

// An action is what a person does: one request.
type action func(context.Context, *service.Client) error

// choose picks what the next arrival does. The shares are those of a city in
// which most people look and few ride.
func (g *Generator) choose(now time.Time) action {
	passenger := 1 + g.rng.Int64N(company.Passengers)
	from, to := company.RandomPlace(g.rng), company.RandomPlace(g.rng)
	switch p := g.rng.Float64(); {
	case p < 0.34:
		return locate(1+g.rng.Int64N(company.Drivers), from)
	case p < 0.58:
		return quote(passenger, from, to)
	case p < 0.72:
		return g.request(passenger, from, to)
	case p < 0.84:
		if trip, ok := g.trips.newest(); ok {
			return look(trip)
		}
	default:
		if trip, ok := g.trips.arrived(now); ok {
			return complete(trip)
		}
	}
	return locate(1+g.rng.Int64N(company.Drivers), from)
}

// locate is what a driver's browser does all the time.
func locate(driver int64, at api.Place) action {
	return func(ctx context.Context, c *service.Client) error {
		return c.Call(ctx, service.Request{
			Method: http.MethodPut,
			URL:    fmt.Sprintf("%s/drivers/%d/location", service.URL(company.DriverWeb), driver),
			In:     at,
		})
	}
}

// quote asks what a trip would cost.
func quote(passenger int64, from, to api.Place) action {
	return func(ctx context.Context, c *service.Client) error {
		return c.Call(ctx, service.Request{
			Method: http.MethodPost, URL: service.URL(company.PassengerWeb) + "/quotes",
			Token: company.PassengerToken(passenger), In: api.TripRequest{From: from, To: to},
		})
	}
}

// request asks for a trip, and remembers it.
func (g *Generator) request(passenger int64, from, to api.Place) action {
	return func(ctx context.Context, c *service.Client) error {
		var trip api.Trip
		err := c.Call(ctx, service.Request{
			Method: http.MethodPost, URL: service.URL(company.PassengerWeb) + "/trips",
			Token: company.PassengerToken(passenger), In: api.TripRequest{From: from, To: to}, Out: &trip,
		})
		if err == nil && trip.Status == api.StatusAccepted &&
			!g.trips.add(underWay{trip.ID, passenger, time.Now()}) {
			g.abandoned.Add(1)
		}
		return err
	}
}

// look is what passengers do while they wait.
func look(trip underWay) action {
	return func(ctx context.Context, c *service.Client) error {
		return c.Call(ctx, service.Request{
			Method: http.MethodGet,
			URL:    fmt.Sprintf("%s/trips/%d", service.URL(company.PassengerWeb), trip.id),
			Token:  company.PassengerToken(trip.passenger),
		})
	}
}

// complete is what the driver does at the end.
func complete(trip underWay) action {
	return func(ctx context.Context, c *service.Client) error {
		return c.Call(ctx, service.Request{
			Method: http.MethodPost,
			URL:    fmt.Sprintf("%s/trips/%d/complete", service.URL(company.DriverWeb), trip.id),
		})
	}
}

// underWay is a trip that has not been completed.
type underWay struct {
	id, passenger int64
	since         time.Time
}

// rides are the trips under way, oldest first. Its methods may be called in
// parallel.
type rides struct {
	mu    sync.Mutex
	trips []underWay // at most maxTrips
}

// add takes in a trip, or reports that there is no room.
func (r *rides) add(trip underWay) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.trips) >= maxTrips {
		return false
	}
	r.trips = append(r.trips, trip)
	return true
}

// newest returns the trip that was accepted last.
func (r *rides) newest() (underWay, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.trips) == 0 {
		return underWay{}, false
	}
	return r.trips[len(r.trips)-1], true
}

// arrived takes out the oldest trip, if it has taken long enough.
func (r *rides) arrived(now time.Time) (underWay, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.trips) == 0 || now.Sub(r.trips[0].since) < shortestTrip {
		return underWay{}, false
	}
	trip := r.trips[0]
	r.trips = r.trips[1:]
	return trip, true
}
