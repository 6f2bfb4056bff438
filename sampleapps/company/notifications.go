package company

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

// sendTime is what it takes to hand over one text message.
const sendTime = 15 * time.Millisecond

// notifications tells passengers what happens to their trips.
type notifications struct {
	passengers rides.PassengersClient
}

func newNotifications(s *service.Service, sh *shared) error {
	passengers, err := s.Dial(PassengerManagement)
	if err != nil {
		return err
	}
	n := &notifications{passengers: rides.NewPassengersClient(passengers)}
	return sh.consume(s, rides.TripEvents, Notifications, n.handle)
}

// handle is called for each message of trip.events.
func (n *notifications) handle(ctx context.Context, message []byte) error {
	var event rides.TripEvent
	if err := json.Unmarshal(message, &event); err != nil {
		return fmt.Errorf("notifications: decode event: %w", err)
	}
	if _, err := n.passengers.Find(ctx, &rides.FindRequest{PassengerId: event.Passenger}); err != nil {
		return err
	}
	return busy(ctx, sendTime)
}
