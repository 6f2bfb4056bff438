package company

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"graphctl/sampleapps/database"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

// Passengers is how many passengers the company has: their ids are 1 to
// Passengers, and PassengerToken is what each one's browser sends.
const Passengers = 1000

// PassengerToken is the token of a passenger.
func PassengerToken(id int64) string { return fmt.Sprintf("token-%d", id) }

var passengersSchema = []string{
	`CREATE TABLE passengers (
		id    INTEGER PRIMARY KEY,
		token TEXT NOT NULL UNIQUE,
		name  TEXT NOT NULL,
		phone TEXT NOT NULL
	)`,
	fmt.Sprintf(`INSERT INTO passengers
		WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id+1 FROM n WHERE id < %d)
		SELECT id, 'token-' || id, 'Passenger ' || id, printf('+44 7700 9%%05d', id) FROM n`, Passengers),
}

// passengers is passenger-management: it keeps who the passengers are.
type passengers struct {
	rides.UnimplementedPassengersServer
	db *sql.DB
}

func newPassengers(s *service.Service, _ *shared) error {
	db, err := database.Open(context.Background(), s.Tracing, "passengers", passengersSchema...)
	if err != nil {
		return err
	}
	s.OnClose(db.Close)
	return s.HandleGRPC(func(r grpc.ServiceRegistrar) {
		rides.RegisterPassengersServer(r, &passengers{db: db})
	})
}

func (p *passengers) Authenticate(ctx context.Context, r *rides.AuthenticateRequest) (*rides.Passenger, error) {
	if err := busy(ctx, 2*time.Millisecond); err != nil {
		return nil, err
	}
	row := p.db.QueryRowContext(ctx, `SELECT id, name, phone FROM passengers WHERE token = ?`, r.GetToken())
	return scanPassenger(row, codes.Unauthenticated)
}

func (p *passengers) Find(ctx context.Context, r *rides.FindRequest) (*rides.Passenger, error) {
	row := p.db.QueryRowContext(ctx, `SELECT id, name, phone FROM passengers WHERE id = ?`, r.GetPassengerId())
	return scanPassenger(row, codes.NotFound)
}

// scanPassenger reads one row; without one it fails with the code missing.
func scanPassenger(row *sql.Row, missing codes.Code) (*rides.Passenger, error) {
	var p rides.Passenger
	err := row.Scan(&p.Id, &p.Name, &p.Phone)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, status.Error(missing, "no such passenger")
	}
	if err != nil {
		return nil, status.Errorf(codes.Internal, "read passenger: %v", err)
	}
	return &p, nil
}
