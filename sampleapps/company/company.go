// Package company is a ride-hailing company of twelve services in one process:
// something to look at for those who have no services at hand, and an example
// of how to instrument one.
//
// Each service has a file of its own, named after it, which begins with what
// the service is for and shows everything it does. All of them are built on
// package service; what they call is listed in the README, and a test holds
// the list to what the spans say.
//
//	browsers -> passenger-web, driver-web -> api-gateway -> the others
//
// Two things go wrong on demand: a storm (maps refuses calls, three callers
// above each other retry three times each) and an outage of the external
// payment provider.
package company

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"graphctl/sampleapps/broker"
	"graphctl/sampleapps/cache"
	"graphctl/sampleapps/lan"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
	"graphctl/sampleapps/telemetry"
)

const (
	namespace   = "rides"
	environment = "demo"

	// flushTimeout is how long the last spans may take to be sent. With the
	// grace of visitors, consumers and servers, a company stops in 5 s.
	flushTimeout = 2 * time.Second
)

// The services of the company.
const (
	PassengerWeb        = "passenger-web"
	DriverWeb           = "driver-web"
	APIGateway          = "api-gateway"
	PassengerManagement = "passenger-management"
	DriverManagement    = "driver-management"
	TripManagement      = "trip-management"
	Dispatch            = "dispatch"
	Maps                = "maps"
	Fraud               = "fraud"
	Billing             = "billing"
	Payment             = "payment"
	Notifications       = "notifications"
)

// roster lists the services, who owns them, and how each is made.
var roster = []struct {
	name, team, version string
	open                func(*service.Service, *shared) error
}{
	{PassengerWeb, "passengers", "4.2.0", newPassengerWeb},
	{DriverWeb, "drivers", "2.9.1", newDriverWeb},
	{APIGateway, "platform", "7.0.3", newGateway},
	{PassengerManagement, "passengers", "3.1.4", newPassengers},
	{DriverManagement, "drivers", "3.0.0", newDrivers},
	{TripManagement, "marketplace", "5.6.2", newTrips},
	{Dispatch, "marketplace", "1.12.0", newDispatch},
	{Maps, "marketplace", "2.2.8", newMaps},
	{Fraud, "money", "0.8.1", newFraud},
	{Billing, "money", "1.4.0", newBilling},
	{Payment, "money", "2.0.5", newPayment},
	{Notifications, "platform", "1.1.1", newNotifications},
}

// Services is how many services there are.
func Services() int { return len(roster) }

// Options say how a company is run.
type Options struct {
	// Endpoint is where spans go: OTLP over gRPC, as telemetry.Open has it.
	Endpoint string
	// Control is the address of the control interface; empty is 127.0.0.1:0.
	Control string
	// StormEvery is how often a storm begins by itself; 0 is never.
	StormEvery time.Duration
	// Log is told when storms and outages are switched. It must not be nil.
	Log *slog.Logger
}

// shared is what services have in common, beside the network.
type shared struct {
	broker        *broker.Cluster
	storm, outage *Switch
	consumers     []func(context.Context) error
}

// consume adds a consumer of a topic to a service. The group is named after
// it.
func (sh *shared) consume(s *service.Service, topic, group string, handle func(context.Context, []byte) error) error {
	consumer, err := sh.broker.NewConsumer(s.Tracing, topic, group)
	if err != nil {
		return err
	}
	s.OnClose(func() error { consumer.Close(); return nil })
	sh.consumers = append(sh.consumers, func(ctx context.Context) error { return consumer.Run(ctx, handle) })
	return nil
}

// A Company is open, or running, or closed.
type Company struct {
	// Network is where its services are found.
	Network *lan.Network
	// Storm makes maps refuse calls while it is on.
	Storm Switch
	// Outage makes the payment provider refuse calls while it is on.
	Outage Switch

	options  Options
	shared   shared
	services []*service.Service
	cache    *cache.Server
	provider *provider
	control  net.Listener
}

// Open makes a company whose services listen. The caller calls Close, after
// Run or instead of it.
func Open(ctx context.Context, o Options) (*Company, error) {
	if o.Control == "" {
		o.Control = "127.0.0.1:0"
	}
	c := &Company{Network: new(lan.Network), options: o}
	if err := c.open(ctx); err != nil {
		return nil, errors.Join(err, c.Close(ctx))
	}
	return c, nil
}

func (c *Company) open(ctx context.Context) (err error) {
	if c.control, err = net.Listen("tcp", c.options.Control); err != nil {
		return fmt.Errorf("company: control: %w", err)
	}
	if c.cache, err = cache.Open(c.Network, service.CacheName(locationCache)); err != nil {
		return err
	}
	if c.provider, err = newProvider(c.Network, &c.Outage); err != nil {
		return err
	}
	c.shared = shared{storm: &c.Storm, outage: &c.Outage}
	if c.shared.broker, err = broker.Open(rides.TripEvents); err != nil {
		return err
	}
	host := service.Host{Network: c.Network, Endpoint: c.options.Endpoint}
	for _, r := range roster {
		s, err := service.Open(ctx, telemetry.Identity{
			Name: r.name, Namespace: namespace, Version: r.version, Environment: environment, Team: r.team,
		}, host)
		if err != nil {
			return err
		}
		c.services = append(c.services, s)
		if err := r.open(s, &c.shared); err != nil {
			return fmt.Errorf("company: open %s: %w", r.name, err)
		}
	}
	return nil
}

// ControlURL is where the control interface listens.
func (c *Company) ControlURL() string { return "http://" + c.control.Addr().String() }

// A Public uses a company.
type Public interface {
	// Run makes requests until ctx is done, and returns soon after.
	Run(ctx context.Context) error
	// Count may be called at any time, also before Run.
	Count() Count
}

// A Count is what a Public has done so far.
type Count struct {
	// Sent requests, and those of them that got an error or no answer.
	Sent   int64 `json:"sent"`
	Failed int64 `json:"failed"`
	// TurnedAway are arrivals while too many requests were under way: they
	// sent nothing.
	TurnedAway int64 `json:"turned_away"`
	// Abandoned are trips while too many were under way: nobody completes
	// them.
	Abandoned int64 `json:"abandoned_trips"`
}

// Run serves the public until ctx is done or something fails. It stops in the
// order in which work flows, so that nobody calls a service that has gone: the
// public, consumers, servers.
func (c *Company) Run(ctx context.Context, public Public) error {
	whole, stopAll := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAll()
	servers, serving := errgroup.WithContext(whole)
	servers.Go(func() error { return c.cache.Run(serving) })
	servers.Go(func() error { return c.provider.run(serving) })
	for _, s := range c.services {
		servers.Go(func() error { return s.Run(serving) })
	}

	working, stopWork := context.WithCancel(serving)
	defer stopWork()
	workers, working := errgroup.WithContext(working)
	for _, consume := range c.shared.consumers {
		workers.Go(func() error { return consume(working) })
	}

	open, shut := context.WithCancel(working)
	defer shut()
	defer context.AfterFunc(ctx, shut)()
	visitors, visiting := errgroup.WithContext(open)
	visitors.Go(func() error { return public.Run(visiting) })
	visitors.Go(func() error { return c.serveControl(visiting, public) })
	visitors.Go(func() error { return c.storms(visiting) })

	err := visitors.Wait()
	stopWork()
	err = errors.Join(err, workers.Wait())
	stopAll()
	return errors.Join(err, servers.Wait())
}

// Close releases everything, and sends the spans that wait, for flushTimeout
// at most.
func (c *Company) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	var flush errgroup.Group
	errs := make([]error, len(c.services))
	for i, s := range c.services {
		flush.Go(func() error { errs[i] = s.Close(ctx); return nil })
	}
	_ = flush.Wait() // each error is in errs
	if c.shared.broker != nil {
		c.shared.broker.Close()
	}
	if c.cache != nil {
		c.cache.Close()
	}
	if c.provider != nil {
		errs = append(errs, c.provider.close())
	}
	if c.control != nil {
		errs = append(errs, ignoreClosed(c.control.Close()))
	}
	return errors.Join(errs...)
}

// storms begins a storm from time to time, if it is asked to.
func (c *Company) storms(ctx context.Context) error {
	if c.options.StormEvery <= 0 {
		return nil
	}
	tick := time.NewTicker(c.options.StormEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.startStorm(defaultDuration)
		case <-ctx.Done():
			return nil
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
