package company

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"graphctl/sampleapps/lan"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

// Provider is the host of the external payment provider.
const Provider = "api.payments.example"

const (
	providerTime  = 60 * time.Millisecond
	refusalTime   = 5 * time.Millisecond
	providerFails = 0.03 // share of requests that fail on a good day
)

// provider stands for a company that ours pays with and that nobody can look
// into: it sends no spans, so a graph knows it only by the name that payment
// calls. It fails at times, and always while the outage is on.
type provider struct {
	outage   *Switch
	server   *http.Server
	listener net.Listener
}

func newProvider(network *lan.Network, outage *Switch) (*provider, error) {
	l, err := network.Listen(Provider + ":80")
	if err != nil {
		return nil, err
	}
	p := &provider{outage: outage, listener: l}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/charges", service.Handler(p.charge))
	p.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return p, nil
}

// run serves until ctx is done.
func (p *provider) run(ctx context.Context) error {
	return service.ServeHTTP(ctx, p.server, p.listener)
}

func (p *provider) charge(r *http.Request) (any, error) {
	var charge rides.Charge
	if err := service.ReadJSON(r, &charge); err != nil {
		return nil, err
	}
	if p.outage.On() || rand.Float64() < providerFails {
		if err := busy(r.Context(), refusalTime); err != nil {
			return nil, err
		}
		return nil, &service.StatusError{Code: http.StatusServiceUnavailable, Message: "try again later"}
	}
	if err := busy(r.Context(), providerTime); err != nil {
		return nil, err
	}
	return rides.Payment{Reference: fmt.Sprintf("pay_%d", charge.Trip)}, nil
}

func (p *provider) close() error { return ignoreClosed(p.listener.Close()) }
