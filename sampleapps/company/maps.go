package company

import (
	"context"
	"math"
	"math/rand/v2"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// routeTime is what a route takes to compute: maps is the slow service.
	routeTime = 180 * time.Millisecond
	// shedTime is what it takes to refuse one, shedShare the share that is
	// refused while the storm is on.
	shedTime  = 10 * time.Millisecond
	shedShare = 0.95

	metresPerDegree = 111_000
	detour          = 1.3 // streets are longer than straight lines
	metresPerSecond = 8
)

// maps plans routes. While the storm is on it sheds load: it refuses most
// calls as UNAVAILABLE, and its callers, who all retry, bury it.
type maps struct {
	rides.UnimplementedMapsServer
	storm *Switch
}

func newMaps(s *service.Service, sh *shared) error {
	return s.HandleGRPC(func(r grpc.ServiceRegistrar) {
		rides.RegisterMapsServer(r, &maps{storm: sh.storm})
	})
}

func (m *maps) Route(ctx context.Context, r *rides.RouteRequest) (*rides.RouteReply, error) {
	if m.storm.On() && rand.Float64() < shedShare {
		if err := busy(ctx, shedTime); err != nil {
			return nil, err
		}
		return nil, status.Error(codes.Unavailable, "overloaded")
	}
	if err := busy(ctx, routeTime); err != nil {
		return nil, err
	}
	north := r.GetTo().GetLatitude() - r.GetFrom().GetLatitude()
	east := (r.GetTo().GetLongitude() - r.GetFrom().GetLongitude()) * math.Cos(cityLatitude*math.Pi/180)
	metres := math.Hypot(north, east) * metresPerDegree * detour
	return &rides.RouteReply{Metres: int32(metres), Seconds: int32(metres / metresPerSecond)}, nil
}
