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
//	GET    /                 what is switched on, as JSON
//	POST   /storm?for=20s    maps refuses calls, its callers retry
//	POST   /outage?for=20s   the payment provider refuses calls
//	DELETE /storm, /outage   ends it now
//
// Web pages of other origins are refused.
func (c *Company) serveControl(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", service.Handler(func(*http.Request) (any, error) { return c.status(), nil }))
	mux.Handle("POST /storm", c.begin(c.startStorm))
	mux.Handle("POST /outage", c.begin(c.startOutage))
	mux.Handle("DELETE /storm", c.end(&c.Storm))
	mux.Handle("DELETE /outage", c.end(&c.Outage))
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
}

func (c *Company) status() Status {
	return Status{
		Services:      len(c.services),
		StormSeconds:  c.Storm.Left().Seconds(),
		OutageSeconds: c.Outage.Left().Seconds(),
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

func (c *Company) begin(start func(time.Duration)) http.Handler {
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
		return c.status(), nil
	})
}

func (c *Company) end(s *Switch) http.Handler {
	return service.Handler(func(*http.Request) (any, error) {
		s.Off()
		return c.status(), nil
	})
}
