package company

import (
	"net/http"

	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

// driverWeb is the web site that drivers keep open: it tells the company where
// they are, and when they have arrived.
type driverWeb struct {
	client *service.Client
}

func newDriverWeb(s *service.Service, _ *shared) error {
	w := driverWeb{client: s.HTTPClient()}
	mux := http.NewServeMux()
	mux.Handle("PUT /drivers/{id}/location", service.Handler(w.locate))
	mux.Handle("POST /trips/{id}/complete", service.Handler(w.complete))
	return s.HandleHTTP(mux)
}

func (w driverWeb) locate(r *http.Request) (any, error) {
	var at rides.Place
	if err := service.ReadJSON(r, &at); err != nil {
		return nil, err
	}
	err := w.client.Call(r.Context(), service.Request{
		Method: http.MethodPut, URL: service.URL(APIGateway) + "/drivers/" + r.PathValue("id") + "/location",
		In: at,
	})
	return struct{}{}, err
}

func (w driverWeb) complete(r *http.Request) (any, error) {
	var trip rides.Trip
	err := w.client.Call(r.Context(), service.Request{
		Method: http.MethodPost, URL: service.URL(APIGateway) + "/trips/" + r.PathValue("id") + "/complete",
		Out: &trip,
	})
	return trip, err
}
