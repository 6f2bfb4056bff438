package company

import (
	"context"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// paymentAttempts is how often payment tries the provider, and
	// providerTimeout how long it waits each time.
	paymentAttempts = 3
	providerTimeout = time.Second
)

// payment collects money through a provider outside the company.
type payment struct {
	rides.UnimplementedPaymentsServer
	http *service.Client
}

func newPayment(s *service.Service, _ *shared) error {
	return s.HandleGRPC(func(r grpc.ServiceRegistrar) {
		rides.RegisterPaymentsServer(r, &payment{http: s.HTTPClient()})
	})
}

func (p *payment) Charge(ctx context.Context, r *rides.ChargeRequest) (*rides.ChargeReply, error) {
	deny, err := score(ctx, p.http, rides.ScoreRequest{Passenger: r.GetPassengerId(), Cents: r.GetCents()})
	if err != nil {
		return nil, err
	}
	if deny {
		return &rides.ChargeReply{}, nil
	}
	var paid rides.Payment
	err = service.Retry(ctx, paymentAttempts, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, providerTimeout)
		defer cancel()
		return p.http.Call(ctx, service.Request{
			Method: http.MethodPost, URL: "http://" + Provider + "/v1/charges",
			In: rides.Charge{Trip: r.GetTripId(), Cents: r.GetCents()}, Out: &paid,
		})
	})
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "payment provider: %v", err)
	}
	return &rides.ChargeReply{Reference: paid.Reference}, nil
}
