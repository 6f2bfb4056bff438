package company

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	"graphctl/sampleapps/cache"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// Drivers is how many drivers the company has: their ids are 1 to Drivers.
	Drivers = 400
	// reservation ends by itself, should nobody release the driver.
	reservation = 2 * time.Minute

	// locationCache is the Redis server that holds where drivers are.
	// driver-management writes it, dispatch reads it.
	locationCache = "driver-locations"
	locationKey   = "locations"
)

// The city: trips begin and end, and drivers are, in this square.
const (
	cityLatitude, cityLongitude = 51.45, -0.20
	citySize                    = 0.15 // degrees
)

// RandomPlace is a place in the city.
func RandomPlace(rng *rand.Rand) rides.Place {
	return rides.Place{
		Latitude:  cityLatitude + citySize*rng.Float64(),
		Longitude: cityLongitude + citySize*rng.Float64(),
	}
}

// drivers is driver-management: it keeps where drivers are and which are busy.
type drivers struct {
	rides.UnimplementedDriversServer
	locations *redis.Client
}

func newDrivers(s *service.Service, _ *shared) error {
	locations, err := cache.Dial(s.Network, s.Tracing, service.CacheName(locationCache))
	if err != nil {
		return err
	}
	s.OnClose(locations.Close)
	if err := placeFleet(context.Background(), locations); err != nil {
		return err
	}
	return s.HandleGRPC(func(r grpc.ServiceRegistrar) {
		rides.RegisterDriversServer(r, &drivers{locations: locations})
	})
}

// placeFleet puts every driver somewhere, so that the first passenger finds one.
func placeFleet(ctx context.Context, locations *redis.Client) error {
	rng := rand.New(rand.NewPCG(Drivers, 0))
	fleet := make([]*redis.GeoLocation, Drivers)
	for i := range fleet {
		at := RandomPlace(rng)
		fleet[i] = &redis.GeoLocation{Name: strconv.Itoa(i + 1), Latitude: at.Latitude, Longitude: at.Longitude}
	}
	if err := locations.GeoAdd(ctx, locationKey, fleet...).Err(); err != nil {
		return fmt.Errorf("company: place drivers: %w", err)
	}
	return nil
}

func (d *drivers) Locate(ctx context.Context, r *rides.LocateRequest) (*emptypb.Empty, error) {
	err := d.locations.GeoAdd(ctx, locationKey, &redis.GeoLocation{
		Name:      strconv.FormatInt(r.GetDriverId(), 10),
		Latitude:  r.GetAt().GetLatitude(),
		Longitude: r.GetAt().GetLongitude(),
	}).Err()
	return &emptypb.Empty{}, err
}

func (d *drivers) Reserve(ctx context.Context, r *rides.ReserveRequest) (*rides.ReserveReply, error) {
	if err := busy(ctx, 2*time.Millisecond); err != nil {
		return nil, err
	}
	reserved, err := d.locations.SetNX(ctx, reservationKey(r.GetDriverId()), "trip", reservation).Result()
	return &rides.ReserveReply{Reserved: reserved}, err
}

func (d *drivers) Release(ctx context.Context, r *rides.ReleaseRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, d.locations.Del(ctx, reservationKey(r.GetDriverId())).Err()
}

func reservationKey(driver int64) string { return fmt.Sprintf("reserved:%d", driver) }
