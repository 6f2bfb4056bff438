// Package traffic is the public of the sample company: passengers and drivers
// with browsers, who send no spans.
//
// Arrivals do not wait for answers, as people do not: when the company slows
// down, requests pile up. They are bounded by a number of requests under way;
// an arrival beyond it is turned away and counted.
package traffic

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"graphctl/sampleapps/company"
	"graphctl/sampleapps/service"
)

const (
	// maxUnderWay bounds the requests without an answer.
	maxUnderWay = 256
	// patience is how long a person waits for an answer.
	patience = 5 * time.Second
	// stopGrace is how long requests under way may take when traffic stops.
	stopGrace = 800 * time.Millisecond
	// maxLate is how far behind arrivals may be and still all be made.
	maxLate = time.Second
	// MaxRate bounds Options.Rate: beyond it one process has nothing to show
	// but its own limits.
	MaxRate = 2000
	// minRate keeps the city awake: the least arrivals a second.
	minRate = 0.1
)

// Options say how much traffic there is.
type Options struct {
	// Rate is requests a second at noon: more than 0, at most MaxRate.
	Rate float64
	// Day is how long a day takes; 0 is an eternal noon.
	Day time.Duration
	// Seed makes the same people do the same things in the same order.
	Seed uint64
	// Dial connects to the company; see lan.Network.
	Dial func(ctx context.Context, network, name string) (net.Conn, error)
}

// A Generator makes traffic: it is the company's Public.
type Generator struct {
	options Options
	base    *http.Transport
	client  *service.Client
	rng     *rand.Rand // of Run alone
	trips   rides

	sent, failed, turnedAway, abandoned atomic.Int64
}

// New makes a generator.
func New(o Options) (*Generator, error) {
	if !(o.Rate > 0) || o.Rate > MaxRate {
		return nil, fmt.Errorf("traffic: rate %v: must be more than 0 and at most %v", o.Rate, MaxRate)
	}
	if o.Day < 0 {
		return nil, fmt.Errorf("traffic: day %s: must not be negative", o.Day)
	}
	base := &http.Transport{DialContext: o.Dial, MaxIdleConnsPerHost: maxUnderWay}
	return &Generator{
		options: o, base: base, client: service.NewClient(base),
		rng: rand.New(rand.NewPCG(o.Seed, 1)),
	}, nil
}

// Count implements company.Public.
func (g *Generator) Count() company.Count {
	return company.Count{
		Sent: g.sent.Load(), Failed: g.failed.Load(),
		TurnedAway: g.turnedAway.Load(), Abandoned: g.abandoned.Load(),
	}
}

// Run makes traffic until ctx is done. It returns when all requests have been
// answered or given up.
func (g *Generator) Run(ctx context.Context) error {
	defer g.base.CloseIdleConnections()
	asking, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	var people errgroup.Group
	people.SetLimit(maxUnderWay)
	start := time.Now()
	due := start // when the next person arrives
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			impatient := time.AfterFunc(stopGrace, giveUp)
			defer impatient.Stop()
			return people.Wait()
		case <-next.C:
		}
		act := g.choose(time.Now())
		if !people.TryGo(func() error { g.perform(asking, act); return nil }) {
			g.turnedAway.Add(1)
		}
		now := time.Now()
		due = following(due, now, g.wait(now.Sub(start)))
		next.Reset(time.Until(due))
	}
}

// wait is the time to the next arrival. Arrivals are independent of each
// other, so it is exponentially distributed.
func (g *Generator) wait(elapsed time.Duration) time.Duration {
	rate := g.options.Rate
	if g.options.Day > 0 {
		rate = max(minRate, rate*rhythm(hourAt(elapsed, g.options.Day)))
	}
	return time.Duration(g.rng.ExpFloat64() / rate * float64(time.Second))
}

// following is when the next person arrives: wait after the one before was due,
// however late that one was, so that slow timers do not make fewer of them.
// After a standstill nobody catches up.
func following(due, now time.Time, wait time.Duration) time.Time {
	next := due.Add(wait)
	if now.Sub(next) > maxLate {
		return now
	}
	return next
}

// perform makes one request and counts how it went.
func (g *Generator) perform(ctx context.Context, act action) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	g.sent.Add(1)
	if err := act(ctx, g.client); err != nil {
		g.failed.Add(1)
	}
}
