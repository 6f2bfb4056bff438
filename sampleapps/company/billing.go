package company

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"graphctl/sampleapps/database"
	"graphctl/sampleapps/rides"
	"graphctl/sampleapps/service"
)

const (
	// maxInvoices is how many invoices are kept; they are pruned like trips.
	maxInvoices = 5000
	// chargeTimeout bounds the charging of one trip.
	chargeTimeout = 5 * time.Second
)

const billingSchema = `CREATE TABLE invoices (
	trip      INTEGER PRIMARY KEY,
	passenger INTEGER NOT NULL,
	cents     INTEGER NOT NULL,
	state     TEXT NOT NULL
)`

// billing makes an invoice of every trip that is completed, and has it paid.
type billing struct {
	db       *sql.DB
	payments rides.PaymentsClient
}

func newBilling(s *service.Service, sh *shared) error {
	db, err := database.Open(context.Background(), s.Tracing, "ledger", billingSchema)
	if err != nil {
		return err
	}
	s.OnClose(db.Close)
	payments, err := s.Dial(Payment)
	if err != nil {
		return err
	}
	b := &billing{db: db, payments: rides.NewPaymentsClient(payments)}
	return sh.consume(s, rides.TripEvents, Billing, b.handle)
}

// handle is called for each message of trip.events.
func (b *billing) handle(ctx context.Context, message []byte) error {
	var event rides.TripEvent
	if err := json.Unmarshal(message, &event); err != nil {
		return fmt.Errorf("billing: decode event: %w", err)
	}
	if event.Kind != rides.TripCompleted {
		return nil
	}
	if err := b.invoice(ctx, event); err != nil {
		return err
	}
	state, charge := b.charge(ctx, event)
	if _, err := b.db.ExecContext(ctx, `UPDATE invoices SET state = ? WHERE trip = ?`, state, event.Trip); err != nil {
		return err
	}
	return charge
}

// invoice stores an invoice. Kafka may deliver an event twice; one trip has one
// invoice.
func (b *billing) invoice(ctx context.Context, event rides.TripEvent) error {
	_, err := b.db.ExecContext(ctx,
		`INSERT INTO invoices (trip, passenger, cents, state) VALUES (?, ?, ?, 'open') ON CONFLICT DO NOTHING`,
		event.Trip, event.Passenger, event.Cents)
	if err != nil {
		return err
	}
	if event.Trip%pruneEvery == 0 {
		_, err = b.db.ExecContext(ctx, `DELETE FROM invoices WHERE trip <= ?`, event.Trip-maxInvoices)
	}
	return err
}

// charge has a trip paid, and returns the state of its invoice. Without a
// payment that is unpaid, and the error says why.
func (b *billing) charge(ctx context.Context, event rides.TripEvent) (state string, err error) {
	ctx, cancel := context.WithTimeout(ctx, chargeTimeout)
	defer cancel()
	reply, err := b.payments.Charge(ctx, &rides.ChargeRequest{
		TripId: event.Trip, PassengerId: event.Passenger, Cents: event.Cents,
	})
	switch {
	case err != nil:
		return "unpaid", err
	case reply.GetReference() == "":
		return "declined", nil
	}
	return "paid", nil
}
