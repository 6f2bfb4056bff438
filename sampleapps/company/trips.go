package company

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"graphctl/sampleapps/broker"
	"graphctl/sampleapps/database"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// tripsAttempts is how often trip-management tries dispatch and maps.
	tripsAttempts = 3
	// maxTrips is how many trips are kept; pruneEvery is how often, in trips,
	// older ones are removed.
	maxTrips   = 5000
	pruneEvery = 500

	baseFare      = 250 // cents
	centsPerMetre = 0.12
)

const tripsSchema = `CREATE TABLE trips (
	id        INTEGER PRIMARY KEY AUTOINCREMENT,
	passenger INTEGER NOT NULL,
	driver    INTEGER NOT NULL,
	cents     INTEGER NOT NULL,
	status    TEXT NOT NULL
)`

// trips is trip-management: it keeps trips, from the quote to the arrival, and
// tells trip.events what happens to them.
type trips struct {
	db         *sql.DB
	events     *broker.Producer
	http       *service.Client
	passengers rides.PassengersClient
	dispatch   rides.DispatchClient
	maps       rides.MapsClient
}

func newTrips(s *service.Service, sh *shared) error {
	db, err := database.Open(context.Background(), s.Tracing, "trips", tripsSchema)
	if err != nil {
		return err
	}
	s.OnClose(db.Close)
	events, err := sh.broker.NewProducer(s.Tracing, rides.TripEvents)
	if err != nil {
		return err
	}
	s.OnClose(func() error { events.Close(); return nil })
	passengers, err := s.Dial(PassengerManagement)
	if err != nil {
		return err
	}
	dispatch, err := s.Dial(Dispatch)
	if err != nil {
		return err
	}
	maps, err := s.Dial(Maps)
	if err != nil {
		return err
	}
	t := &trips{
		db: db, events: events, http: s.HTTPClient(),
		passengers: rides.NewPassengersClient(passengers),
		dispatch:   rides.NewDispatchClient(dispatch),
		maps:       rides.NewMapsClient(maps),
	}
	mux := http.NewServeMux()
	mux.Handle("POST /quotes", service.Handler(t.quote))
	mux.Handle("POST /trips", service.Handler(t.request))
	mux.Handle("GET /trips/{id}", service.Handler(t.get))
	mux.Handle("POST /trips/{id}/complete", service.Handler(t.complete))
	return s.HandleHTTP(mux)
}

func (t *trips) quote(r *http.Request) (any, error) {
	var ask rides.TripRequest
	if err := service.ReadJSON(r, &ask); err != nil {
		return nil, err
	}
	return t.price(r.Context(), ask)
}

// price asks maps how long the trip is.
func (t *trips) price(ctx context.Context, ask rides.TripRequest) (rides.Quote, error) {
	var route *rides.RouteReply
	err := service.Retry(ctx, tripsAttempts, func(ctx context.Context) (err error) {
		route, err = t.maps.Route(ctx, &rides.RouteRequest{From: ask.From.Point(), To: ask.To.Point()})
		return err
	})
	return rides.Quote{
		Cents:   baseFare + int64(centsPerMetre*float64(route.GetMetres())),
		Seconds: route.GetSeconds(),
	}, err
}

// request turns a request into a trip with a driver.
func (t *trips) request(r *http.Request) (any, error) {
	ctx := r.Context()
	var ask rides.TripRequest
	if err := service.ReadJSON(r, &ask); err != nil {
		return nil, err
	}
	if _, err := t.passengers.Find(ctx, &rides.FindRequest{PassengerId: ask.Passenger}); err != nil {
		return nil, err
	}
	quote, err := t.price(ctx, ask)
	if err != nil {
		return nil, err
	}
	trip := rides.Trip{Passenger: ask.Passenger, Cents: quote.Cents}
	deny, err := score(ctx, t.http, rides.ScoreRequest{Passenger: trip.Passenger, Cents: trip.Cents})
	if err != nil {
		return nil, err
	}
	if deny {
		trip.Status = rides.StatusDeclined
		return trip, nil
	}
	if trip.Driver, err = t.match(ctx, ask.From); err != nil {
		return nil, err
	}
	if trip.Driver == 0 {
		trip.Status = rides.StatusUnserved
		return trip, nil
	}
	return t.accept(ctx, trip)
}

// match asks dispatch for a driver; 0 is none.
func (t *trips) match(ctx context.Context, from rides.Place) (int64, error) {
	var match *rides.MatchReply
	err := service.Retry(ctx, tripsAttempts, func(ctx context.Context) (err error) {
		match, err = t.dispatch.Match(ctx, &rides.MatchRequest{Pickup: from.Point()})
		return err
	})
	return match.GetDriverId(), err
}

// accept stores the trip and says so.
func (t *trips) accept(ctx context.Context, trip rides.Trip) (rides.Trip, error) {
	trip.Status = rides.StatusAccepted
	result, err := t.db.ExecContext(ctx, `INSERT INTO trips (passenger, driver, cents, status) VALUES (?, ?, ?, ?)`,
		trip.Passenger, trip.Driver, trip.Cents, trip.Status)
	if err != nil {
		return trip, err
	}
	if trip.ID, err = result.LastInsertId(); err != nil {
		return trip, err
	}
	if trip.ID%pruneEvery == 0 {
		if _, err := t.db.ExecContext(ctx, `DELETE FROM trips WHERE id <= ?`, trip.ID-maxTrips); err != nil {
			return trip, err
		}
	}
	return trip, t.publish(ctx, rides.TripAccepted, trip)
}

func (t *trips) get(r *http.Request) (any, error) {
	id, err := tripID(r)
	if err != nil {
		return nil, err
	}
	return scanTrip(t.db.QueryRowContext(r.Context(),
		`SELECT id, passenger, driver, cents, status FROM trips WHERE id = ?`, id))
}

func (t *trips) complete(r *http.Request) (any, error) {
	id, err := tripID(r)
	if err != nil {
		return nil, err
	}
	trip, err := scanTrip(t.db.QueryRowContext(r.Context(),
		`UPDATE trips SET status = ? WHERE id = ? RETURNING id, passenger, driver, cents, status`,
		rides.StatusCompleted, id))
	if err != nil {
		return nil, err
	}
	return trip, t.publish(r.Context(), rides.TripCompleted, trip)
}

// publish tells trip.events about a trip. The trip is the key, so that its
// events stay in order.
func (t *trips) publish(ctx context.Context, kind string, trip rides.Trip) error {
	event, err := json.Marshal(rides.TripEvent{
		Kind: kind, Trip: trip.ID, Passenger: trip.Passenger, Driver: trip.Driver, Cents: trip.Cents,
	})
	if err != nil {
		return err
	}
	return t.events.Publish(ctx, strconv.FormatInt(trip.ID, 10), event)
}

func tripID(r *http.Request) (int64, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, &service.StatusError{Code: http.StatusBadRequest, Message: "trip: " + err.Error()}
	}
	return id, nil
}

func scanTrip(row *sql.Row) (rides.Trip, error) {
	var t rides.Trip
	err := row.Scan(&t.ID, &t.Passenger, &t.Driver, &t.Cents, &t.Status)
	if errors.Is(err, sql.ErrNoRows) {
		return t, &service.StatusError{Code: http.StatusNotFound, Message: "no such trip"}
	}
	return t, err
}
