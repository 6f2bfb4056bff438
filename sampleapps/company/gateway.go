package company

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// gatewayAttempts is how often api-gateway tries trip-management.
	gatewayAttempts = 3
	// gatewayTimeout bounds one request, attempts included.
	gatewayTimeout = 4 * time.Second
)

// gateway is api-gateway: the one way into the company. It knows who may ask
// (passenger-management) and who answers.
type gateway struct {
	http       *service.Client
	passengers rides.PassengersClient
	drivers    rides.DriversClient
}

func newGateway(s *service.Service, _ *shared) error {
	passengers, err := s.Dial(PassengerManagement)
	if err != nil {
		return err
	}
	drivers, err := s.Dial(DriverManagement)
	if err != nil {
		return err
	}
	g := gateway{
		http:       s.HTTPClient(),
		passengers: rides.NewPassengersClient(passengers),
		drivers:    rides.NewDriversClient(drivers),
	}
	mux := http.NewServeMux()
	mux.Handle("POST /quotes", service.Handler(g.quote))
	mux.Handle("POST /trips", service.Handler(g.request))
	mux.Handle("GET /trips/{id}", service.Handler(g.trip))
	mux.Handle("POST /trips/{id}/complete", service.Handler(g.complete))
	mux.Handle("PUT /drivers/{id}/location", service.Handler(g.locate))
	return s.HandleHTTP(mux)
}

// authenticate finds out who asks.
func (g gateway) authenticate(r *http.Request) (*rides.Passenger, error) {
	return g.passengers.Authenticate(r.Context(), &rides.AuthenticateRequest{Token: service.Token(r)})
}

// trips calls trip-management, again if it is unavailable: it has done nothing
// when it says so.
func (g gateway) trips(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, gatewayTimeout)
	defer cancel()
	return service.Retry(ctx, gatewayAttempts, func(ctx context.Context) error {
		return g.http.Call(ctx, service.Request{
			Method: method, URL: service.URL(TripManagement) + path, In: in, Out: out,
		})
	})
}

func (g gateway) quote(r *http.Request) (any, error) {
	ask, err := g.ask(r)
	if err != nil {
		return nil, err
	}
	var quote rides.Quote
	err = g.trips(r.Context(), http.MethodPost, "/quotes", ask, &quote)
	return quote, err
}

func (g gateway) request(r *http.Request) (any, error) {
	ask, err := g.ask(r)
	if err != nil {
		return nil, err
	}
	var trip rides.Trip
	err = g.trips(r.Context(), http.MethodPost, "/trips", ask, &trip)
	return trip, err
}

// ask reads a request of a passenger, and from whom it is.
func (g gateway) ask(r *http.Request) (rides.TripRequest, error) {
	var ask rides.TripRequest
	if err := service.ReadJSON(r, &ask); err != nil {
		return ask, err
	}
	passenger, err := g.authenticate(r)
	if err != nil {
		return ask, err
	}
	ask.Passenger = passenger.GetId()
	return ask, nil
}

func (g gateway) trip(r *http.Request) (any, error) {
	passenger, err := g.authenticate(r)
	if err != nil {
		return nil, err
	}
	var trip rides.Trip
	if err := g.trips(r.Context(), http.MethodGet, "/trips/"+r.PathValue("id"), nil, &trip); err != nil {
		return nil, err
	}
	if trip.Passenger != passenger.GetId() {
		return nil, &service.StatusError{Code: http.StatusForbidden, Message: "this is another passenger's trip"}
	}
	return trip, nil
}

// complete ends a trip; its driver may take the next.
func (g gateway) complete(r *http.Request) (any, error) {
	var trip rides.Trip
	if err := g.trips(r.Context(), http.MethodPost, "/trips/"+r.PathValue("id")+"/complete", nil, &trip); err != nil {
		return nil, err
	}
	_, err := g.drivers.Release(r.Context(), &rides.ReleaseRequest{DriverId: trip.Driver})
	return trip, err
}

func (g gateway) locate(r *http.Request) (any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return nil, &service.StatusError{Code: http.StatusBadRequest, Message: "driver: " + err.Error()}
	}
	var at rides.Place
	if err := service.ReadJSON(r, &at); err != nil {
		return nil, err
	}
	_, err = g.drivers.Locate(r.Context(), &rides.LocateRequest{DriverId: id, At: at.Point()})
	return struct{}{}, err
}
