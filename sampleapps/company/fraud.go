package company

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	scoreTime = 8 * time.Millisecond
	denyShare = 0.01
)

// newFraud makes the service that judges whether a payment looks honest. It is
// the smallest service of the company, and the one to read first.
func newFraud(s *service.Service, _ *shared) error {
	mux := http.NewServeMux()
	mux.Handle("POST /scores", service.Handler(func(r *http.Request) (any, error) {
		var ask rides.ScoreRequest
		if err := service.ReadJSON(r, &ask); err != nil {
			return nil, err
		}
		if err := busy(r.Context(), scoreTime); err != nil {
			return nil, err
		}
		return rides.Score{Deny: rand.Float64() < denyShare}, nil
	}))
	return s.HandleHTTP(mux)
}

// score asks fraud. It is used by the services that depend on its judgement.
func score(ctx context.Context, client *service.Client, ask rides.ScoreRequest) (deny bool, err error) {
	var score rides.Score
	err = client.Call(ctx, service.Request{
		Method: http.MethodPost, URL: service.URL(Fraud) + "/scores", In: ask, Out: &score,
	})
	return score.Deny, err
}
