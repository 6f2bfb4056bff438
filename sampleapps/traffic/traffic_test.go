package traffic

import (
	"context"
	"math"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// When nobody answers, what is under way is bounded, arrivals beyond it are
// turned away and counted, and Run still ends soon.
func TestSilentCompanyBoundsTraffic(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g, err := New(Options{Rate: MaxRate, Seed: 1, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, l.Addr().String())
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	deadline := time.After(time.Minute)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for g.Count().TurnedAway == 0 {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("nobody was turned away: %+v", g.Count())
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("run: %v", err)
	}
	if n := g.Count(); n.Failed != n.Sent {
		t.Errorf("failed: got %d, want all %d that were sent", n.Failed, n.Sent)
	}
}

// As many people come as Rate says. The clock is that of synctest: a minute
// takes no time.
func TestRateIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 1000
		g, err := New(Options{Rate: rate, Seed: 1, Dial: func(context.Context, string, string) (net.Conn, error) {
			time.Sleep(time.Millisecond)
			return nil, net.ErrClosed
		}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := g.Run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
		n := g.Count()
		if got, want := float64(n.Sent+n.TurnedAway), 60.0*rate; math.Abs(got-want) > want/50 {
			t.Errorf("arrivals in a minute: got %v, want %v within 2 %%", got, want)
		}
	})
}

// A timer that is always late makes people late, but not fewer; a standstill is
// not made up for.
func TestArrivalsKeepTheirTimes(t *testing.T) {
	const wait, lateness = 2 * time.Millisecond, time.Millisecond
	start := time.Unix(1_000_000, 0)
	due := start
	for range 1000 {
		due = following(due, due.Add(lateness), wait)
	}
	if got, want := due.Sub(start), 2*time.Second; got != want {
		t.Errorf("a thousand arrivals: got %s, want %s", got, want)
	}
	awake := due.Add(time.Hour)
	if got := following(due, awake, wait); got != awake {
		t.Errorf("after a standstill: got %s, want %s", got, awake)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{}, {Rate: -1}, {Rate: MaxRate + 1}, {Rate: 1, Day: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v: accepted", o)
		}
	}
}

// Trips come back oldest first, once each, when they have taken long enough.
func TestTripsUnderWay(t *testing.T) {
	var r rides
	now := time.Unix(1_000_000, 0)
	for id := range int64(maxTrips) {
		if !r.add(underWay{id: id, since: now}) {
			t.Fatalf("trip %d: no room", id)
		}
	}
	if r.add(underWay{id: maxTrips, since: now}) {
		t.Error("a trip beyond the bound was taken in")
	}
	if trip, ok := r.arrived(now.Add(shortestTrip - 1)); ok {
		t.Errorf("trip %d arrived too early", trip.id)
	}
	for want := range int64(2) {
		if got, ok := r.arrived(now.Add(shortestTrip)); !ok || got.id != want {
			t.Errorf("arrived: got %d, %v, want %d", got.id, ok, want)
		}
	}
	if got, ok := r.newest(); !ok || got.id != maxTrips-1 {
		t.Errorf("newest: got %d, %v, want %d", got.id, ok, maxTrips-1)
	}
}
