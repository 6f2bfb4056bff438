// Package fleet makes up a fleet of services and sends the spans that it would,
// so that large graphs can be looked at.
//
// The topology is a function of the number of services alone: teams of uneven
// size in layers, calls that mostly go to deeper layers and to the same team,
// popularity with a heavy tail, some databases, and a few services that fail
// often. Each trace is a walk through it.
package fleet

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
)

// A service of the fleet.
type service struct {
	name, team string
	layer      int
	calls      []call
	database   string  // "" for none
	failing    float64 // share of requests that fail
	latency    float64 // ms, median of its own work
}

// A call is a dependency with the chance that a request makes it.
type call struct {
	to     int
	chance float64
}

// A topology is the fleet.
type topology struct {
	services []service
	entries  []int // services that users call
}

var teamNames = []string{
	"checkout", "payments", "cart", "orders", "pricing", "tax", "catalog", "search", "reviews", "media",
	"inventory", "recommend", "shipping", "warehouse", "returns", "couriers", "routing", "identity", "profile", "consent",
	"support", "loyalty", "notify", "ads", "campaigns", "affiliates", "experiments", "features", "events", "analytics",
	"ledger", "fraud", "compliance", "secrets", "messaging", "storage", "config", "mesh", "billing", "geo",
	"partners", "vendors", "subscriptions", "invoices", "refunds", "stores", "fleet", "drivers", "trips", "matching",
	"forecast", "surge", "maps", "safety", "insurance", "growth", "referrals", "content", "localisation", "archive",
}

var parts = []string{
	"api", "gateway", "worker", "store", "index", "reader", "writer", "scheduler", "relay", "proxy",
	"rules", "quote", "sync", "batch", "adapter", "export", "feed", "audit", "cache", "router",
}

// layers is how deep calls go.
const layers = 5

// newTopology makes up n services.
func newTopology(n int) *topology {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	t := &topology{}
	teams := max(1, min(len(teamNames), int(math.Ceil(1.1*math.Sqrt(float64(n))))))
	weights := make([]float64, teams)
	total := 0.0
	for i := range weights {
		weights[i] = math.Exp(rng.NormFloat64() * 0.6)
		total += weights[i]
	}
	for team := range teams {
		size := max(1, int(math.Round(weights[team]/total*float64(n))))
		if team == teams-1 {
			size = max(1, n-len(t.services))
		}
		for i := 0; i < size && len(t.services) < n; i++ {
			t.services = append(t.services, newService(rng, team, i))
		}
	}
	t.connect(rng)
	return t
}

func newService(rng *rand.Rand, team, i int) service {
	name := teamNames[team] + "-" + parts[i%len(parts)]
	if i >= len(parts) {
		name += fmt.Sprint("-", i/len(parts)+1)
	}
	s := service{
		name:    name,
		team:    teamNames[team],
		layer:   min(layers-1, int(rng.ExpFloat64()*1.6)),
		failing: 0.001 * rng.ExpFloat64(),
		latency: 2 * math.Exp(rng.NormFloat64()*0.8),
	}
	switch p := rng.Float64(); {
	case p < 0.006:
		s.failing = 0.2 + 0.3*rng.Float64()
	case p < 0.016:
		s.failing = 0.03 + 0.03*rng.Float64()
	}
	if s.layer >= 2 && rng.Float64() < 0.4 {
		s.database = teamNames[team] + "-db"
	}
	return s
}

// connect gives every service below the first layer a caller, and about five
// calls a service in all.
func (t *topology) connect(rng *rand.Rand) {
	byLayer := make([][]int, layers)
	byTeam := map[string][]int{}
	for i := range t.services {
		s := &t.services[i]
		byLayer[s.layer] = append(byLayer[s.layer], i)
		byTeam[s.team] = append(byTeam[s.team], i)
	}
	popular := make([]float64, len(t.services))
	for i := range popular {
		popular[i] = math.Pow(rng.Float64(), -0.7) // heavy tail
	}
	pick := func(from []int) int {
		best := from[rng.IntN(len(from))]
		for range 3 {
			if o := from[rng.IntN(len(from))]; popular[o] > popular[best] {
				best = o
			}
		}
		return best
	}
	for i := range t.services {
		s := &t.services[i]
		if s.layer == 0 {
			t.entries = append(t.entries, i)
		} else if above := byLayer[rng.IntN(s.layer)]; len(above) > 0 {
			t.link(rng, above[rng.IntN(len(above))], i)
		} else {
			t.entries = append(t.entries, i)
		}
		for range rng.IntN(9) {
			to := pick(byTeam[s.team])
			if rng.Float64() < 0.55 && s.layer < layers-1 {
				deeper := byLayer[s.layer+1+rng.IntN(layers-s.layer-1)]
				if len(deeper) == 0 {
					continue
				}
				to = pick(deeper)
			}
			if t.services[to].layer > s.layer {
				t.link(rng, i, to)
			}
		}
	}
}

// link adds a call, once.
func (t *topology) link(rng *rand.Rand, from, to int) {
	for _, c := range t.services[from].calls {
		if c.to == to {
			return
		}
	}
	t.services[from].calls = append(t.services[from].calls, call{to, 0.15 + 0.5*rng.Float64()})
}

// entry chooses where a request begins; the first entries are the busiest.
func (t *topology) entry(rng *rand.Rand) int {
	n := float64(len(t.entries))
	return t.entries[min(len(t.entries)-1, int(n*math.Pow(rng.Float64(), 2)))]
}

// defaultOptions fills in what is missing.
func (o *Options) fill() {
	o.Rate = cmp.Or(o.Rate, 20)
	o.Services = cmp.Or(o.Services, 200)
}
