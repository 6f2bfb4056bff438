package company

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"

	"graphctl/sampleapps/cache"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// dispatchAttempts is how often dispatch tries maps.
	dispatchAttempts = 3
	// searchRadius, in kilometres, and searchCount bound the drivers asked.
	searchRadius = 4
	searchCount  = 6
)

// dispatch finds a driver for a passenger: the nearest that is not busy.
type dispatch struct {
	rides.UnimplementedDispatchServer
	locations *redis.Client
	drivers   rides.DriversClient
	maps      rides.MapsClient
}

func newDispatch(s *service.Service, _ *shared) error {
	locations, err := cache.Dial(s.Network, s.Tracing, service.CacheName(locationCache))
	if err != nil {
		return err
	}
	s.OnClose(locations.Close)
	drivers, err := s.Dial(DriverManagement)
	if err != nil {
		return err
	}
	maps, err := s.Dial(Maps)
	if err != nil {
		return err
	}
	d := &dispatch{
		locations: locations,
		drivers:   rides.NewDriversClient(drivers),
		maps:      rides.NewMapsClient(maps),
	}
	return s.HandleGRPC(func(r grpc.ServiceRegistrar) { rides.RegisterDispatchServer(r, d) })
}

func (d *dispatch) Match(ctx context.Context, r *rides.MatchRequest) (*rides.MatchReply, error) {
	near, err := d.near(ctx, r.GetPickup())
	if err != nil {
		return nil, err
	}
	for _, driver := range near {
		reply, err := d.drivers.Reserve(ctx, &rides.ReserveRequest{DriverId: driver.id})
		if err != nil {
			return nil, err
		}
		if !reply.GetReserved() {
			continue
		}
		seconds, err := d.pickup(ctx, driver.at, r.GetPickup())
		if err != nil {
			return nil, d.release(ctx, driver.id, err)
		}
		return &rides.MatchReply{DriverId: driver.id, PickupSeconds: seconds}, nil
	}
	if err := busy(ctx, time.Millisecond); err != nil {
		return nil, err
	}
	return &rides.MatchReply{}, nil
}

// A candidate is a driver near the passenger.
type candidate struct {
	id int64
	at *rides.Point
}

// near lists drivers, nearest first.
func (d *dispatch) near(ctx context.Context, pickup *rides.Point) ([]candidate, error) {
	found, err := d.locations.GeoSearchLocation(ctx, locationKey, &redis.GeoSearchLocationQuery{
		GeoSearchQuery: redis.GeoSearchQuery{
			Longitude: pickup.GetLongitude(), Latitude: pickup.GetLatitude(),
			Radius: searchRadius, RadiusUnit: "km", Sort: "ASC", Count: searchCount,
		},
		WithCoord: true,
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("search drivers: %w", err)
	}
	candidates := make([]candidate, 0, len(found))
	for _, f := range found {
		id, err := strconv.ParseInt(f.Name, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("search drivers: %w", err)
		}
		candidates = append(candidates, candidate{id, &rides.Point{Latitude: f.Latitude, Longitude: f.Longitude}})
	}
	return candidates, nil
}

// pickup is how many seconds the driver needs to get to the passenger.
func (d *dispatch) pickup(ctx context.Context, from, to *rides.Point) (int32, error) {
	var route *rides.RouteReply
	err := service.Retry(ctx, dispatchAttempts, func(ctx context.Context) (err error) {
		route, err = d.maps.Route(ctx, &rides.RouteRequest{From: from, To: to})
		return err
	})
	return route.GetSeconds(), err
}

// release gives a driver back after a failure, which it returns.
func (d *dispatch) release(ctx context.Context, driver int64, cause error) error {
	if _, err := d.drivers.Release(ctx, &rides.ReleaseRequest{DriverId: driver}); err != nil {
		return fmt.Errorf("%w (and releasing driver %d: %v)", cause, driver, err)
	}
	return cause
}
