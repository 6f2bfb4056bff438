package company

import (
	"net/http"

	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

// passengerWeb is the web site that passengers open. It has no data: it turns
// what browsers ask for into calls of api-gateway.
type passengerWeb struct {
	client *service.Client
}

func newPassengerWeb(s *service.Service, _ *shared) error {
	w := passengerWeb{client: s.HTTPClient()}
	mux := http.NewServeMux()
	mux.Handle("POST /quotes", service.Handler(w.quote))
	mux.Handle("POST /trips", service.Handler(w.request))
	mux.Handle("GET /trips/{id}", service.Handler(w.trip))
	return s.HandleHTTP(mux)
}

func (w passengerWeb) quote(r *http.Request) (any, error) {
	var ask rides.TripRequest
	if err := service.ReadJSON(r, &ask); err != nil {
		return nil, err
	}
	var quote rides.Quote
	err := w.client.Call(r.Context(), service.Request{
		Method: http.MethodPost, URL: service.URL(APIGateway) + "/quotes",
		Token: service.Token(r), In: ask, Out: &quote,
	})
	return quote, err
}

func (w passengerWeb) request(r *http.Request) (any, error) {
	var ask rides.TripRequest
	if err := service.ReadJSON(r, &ask); err != nil {
		return nil, err
	}
	var trip rides.Trip
	err := w.client.Call(r.Context(), service.Request{
		Method: http.MethodPost, URL: service.URL(APIGateway) + "/trips",
		Token: service.Token(r), In: ask, Out: &trip,
	})
	return trip, err
}

func (w passengerWeb) trip(r *http.Request) (any, error) {
	var trip rides.Trip
	err := w.client.Call(r.Context(), service.Request{
		Method: http.MethodGet, URL: service.URL(APIGateway) + "/trips/" + r.PathValue("id"),
		Token: service.Token(r), Out: &trip,
	})
	return trip, err
}
