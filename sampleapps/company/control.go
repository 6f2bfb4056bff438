package company

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"graphctl/sampleapps/service"
)

const (
	// defaultDuration is how long a storm or an outage lasts if nobody says,
	// maxDuration how long it may last.
	defaultDuration = 20 * time.Second
	maxDuration     = time.Hour
)

// serveControl answers the control interface, which is not part of the company
// and not traced:
//
//	GET    /                 a Status, as JSON
//	POST   /storm?for=20s    maps refuses calls, its callers retry
//	POST   /outage?for=20s   the payment provider refuses calls
//	DELETE /storm, /outage   ends it now
//
// Web pages of other origins are refused.
func (c *Company) serveControl(ctx context.Context, public Public) error {
	status := func() (any, error) { return c.status(public), nil }
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", service.Handler(func(*http.Request) (any, error) { return status() }))
	mux.Handle("POST /storm", begin(c.startStorm, status))
	mux.Handle("POST /outage", begin(c.startOutage, status))
	mux.Handle("DELETE /storm", end(&c.Storm, status))
	mux.Handle("DELETE /outage", end(&c.Outage, status))
	server := &http.Server{
		Handler:           http.NewCrossOriginProtection().Handler(mux),
		ReadHeaderTimeout: 5 * time.Second,
	}
	return service.ServeHTTP(ctx, server, c.control)
}

// A Status is the answer of the control interface.
type Status struct {
	Services int `json:"services"`
	// StormSeconds and OutageSeconds are how much longer each stays on.
	StormSeconds  float64 `json:"storm_seconds"`
	OutageSeconds float64 `json:"outage_seconds"`
	Requests      Count   `json:"requests"`
}

func (c *Company) status(public Public) Status {
	return Status{
		Services:      len(c.services),
		StormSeconds:  c.Storm.Left().Seconds(),
		OutageSeconds: c.Outage.Left().Seconds(),
		Requests:      public.Count(),
	}
}

func (c *Company) startStorm(d time.Duration) {
	c.Storm.For(d)
	c.options.Log.Info("storm", "for", d, "refusing", Maps)
}

func (c *Company) startOutage(d time.Duration) {
	c.Outage.For(d)
	c.options.Log.Info("outage", "for", d, "refusing", Provider)
}

func begin(start func(time.Duration), status func() (any, error)) http.Handler {
	return service.Handler(func(r *http.Request) (any, error) {
		d := defaultDuration
		if text := r.FormValue("for"); text != "" {
			var err error
			if d, err = time.ParseDuration(text); err != nil {
				return nil, &service.StatusError{Code: http.StatusBadRequest, Message: err.Error()}
			}
		}
		if d <= 0 || d > maxDuration {
			return nil, &service.StatusError{
				Code:    http.StatusBadRequest,
				Message: fmt.Sprintf("for=%s: must be more than 0 and at most %s", d, maxDuration),
			}
		}
		start(d)
		return status()
	})
}

func end(s *Switch, status func() (any, error)) http.Handler {
	return service.Handler(func(*http.Request) (any, error) {
		s.Off()
		return status()
	})
}
