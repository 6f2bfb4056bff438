package stream

import (
	"encoding/json"
	"fmt"
	"time"

	"graphctl/graph"
	"graphctl/graph/live"
)

// The JSON form of docs/protocol.md.

type helloMessage struct {
	Type         string        `json:"type"`
	Protocol     int           `json:"protocol"`
	Version      string        `json:"version"`
	Epoch        string        `json:"epoch"`
	Seq          uint64        `json:"seq"`
	ResolutionS  float64       `json:"resolution_s"`
	WindowS      float64       `json:"window_s"`
	RateS        float64       `json:"rate_s"`
	ServerTimeMS int64         `json:"server_time_ms"`
	Capabilities []string      `json:"capabilities"`
	Status       statusMessage `json:"status"`
}

type statusMessage struct {
	LagMS int64         `json:"lag_ms"`
	Marks []markMessage `json:"marks"`
}

type markMessage struct {
	Reason  string `json:"reason"`
	Text    string `json:"text"`
	SinceMS int64  `json:"since_ms"`
}

type snapshotMessage struct {
	Type     string         `json:"type"`
	Epoch    string         `json:"epoch"`
	Seq      uint64         `json:"seq"`
	TimeMS   int64          `json:"time_ms"`
	LagMS    int64          `json:"lag_ms"`
	Status   *statusMessage `json:"status,omitempty"`
	Services []newService   `json:"services"`
	Calls    []newCall      `json:"calls"`
}

// In a delta new rows come before changed ones.
type deltaMessage struct {
	Type            string         `json:"type"`
	Seq             uint64         `json:"seq"`
	Base            uint64         `json:"base"`
	TimeMS          int64          `json:"time_ms"`
	LagMS           int64          `json:"lag_ms"`
	Status          *statusMessage `json:"status,omitempty"`
	Services        []any          `json:"services,omitempty"`
	Calls           []any          `json:"calls,omitempty"`
	RemovedServices []uint32       `json:"removed_services,omitempty"`
	RemovedCalls    []uint32       `json:"removed_calls,omitempty"`
}

type newService struct {
	ID        uint32 `json:"id"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Label     string `json:"label"`
	Kind      string `json:"kind"`
	Team      string `json:"team,omitempty"`
	Env       string `json:"environment,omitempty"`
	serviceValues
}

type changedService struct {
	ID uint32 `json:"id"`
	serviceValues
}

type serviceValues struct {
	Rate      float32 `json:"rate"`
	ErrorRate float32 `json:"error_rate"`
	P50MS     latency `json:"p50_ms,omitzero"`
	P99MS     latency `json:"p99_ms,omitzero"`
}

type newCall struct {
	ID   uint32 `json:"id"`
	From uint32 `json:"from"`
	To   uint32 `json:"to"`
	Kind string `json:"kind"`
	callValues
	FirstSeenMS int64 `json:"first_seen_ms"`
	LastSeenMS  int64 `json:"last_seen_ms"`
}

type changedCall struct {
	ID uint32 `json:"id"`
	callValues
	LastSeenMS int64 `json:"last_seen_ms"`
}

type callValues struct {
	Rate      float32 `json:"rate"`
	ErrorRate float32 `json:"error_rate"`
	P50MS     latency `json:"p50_ms,omitzero"`
	P95MS     latency `json:"p95_ms,omitzero"`
	P99MS     latency `json:"p99_ms,omitzero"`
	Calls     int64   `json:"calls"`
	Errors    int64   `json:"errors"`
}

// latency is in ms; NaN is absent.
type latency float32

// IsZero reports an absent latency, which is left out.
func (l latency) IsZero() bool { return l != l }

func milliseconds(t graph.Instant) int64 { return int64(t) / int64(time.Millisecond) }

func statusOf(s Status) statusMessage {
	m := statusMessage{LagMS: s.Lag.Milliseconds(), Marks: make([]markMessage, len(s.Marks))}
	for i, k := range s.Marks {
		m.Marks[i] = markMessage{k.Reason, k.Text, milliseconds(k.Since)}
	}
	return m
}

func newServiceOf(s *live.Service) newService {
	return newService{s.ID, s.Name, s.Namespace, s.Label, s.Kind.String(), s.Team, s.Environment, serviceValuesOf(s)}
}

func serviceValuesOf(s *live.Service) serviceValues {
	return serviceValues{s.Rate, s.ErrorRate, latency(s.P50), latency(s.P99)}
}

func newCallOf(c *live.Call) newCall {
	return newCall{c.ID, c.From, c.To, c.Kind.String(), callValuesOf(c), milliseconds(c.First), milliseconds(c.Last)}
}

func callValuesOf(c *live.Call) callValues {
	return callValues{c.Rate, c.ErrorRate, latency(c.P50), latency(c.P95), latency(c.P99), c.Calls, c.Errors}
}

// jsonSnapshot encodes s.
func jsonSnapshot(s *live.Snapshot, status statusMessage) []byte {
	m := snapshotMessage{
		Type:     "snapshot",
		Epoch:    s.Epoch,
		Seq:      s.Seq,
		TimeMS:   milliseconds(s.Time),
		LagMS:    status.LagMS,
		Status:   &status,
		Services: make([]newService, len(s.Services)),
		Calls:    make([]newCall, len(s.Calls)),
	}
	for i := range s.Services {
		m.Services[i] = newServiceOf(&s.Services[i])
	}
	for i := range s.Calls {
		m.Calls[i] = newCallOf(&s.Calls[i])
	}
	return encode(m)
}

// jsonDelta encodes u; the status only if withStatus.
func jsonDelta(u *live.Update, status statusMessage, withStatus bool) []byte {
	m := deltaMessage{
		Type:            "delta",
		Seq:             u.Seq,
		Base:            u.Base,
		TimeMS:          milliseconds(u.Time),
		LagMS:           status.LagMS,
		RemovedServices: u.RemovedServices,
		RemovedCalls:    u.RemovedCalls,
	}
	if withStatus {
		m.Status = &status
	}
	for i := range u.NewServices {
		m.Services = append(m.Services, newServiceOf(&u.NewServices[i]))
	}
	for i := range u.Services {
		s := &u.Services[i]
		m.Services = append(m.Services, changedService{s.ID, serviceValuesOf(s)})
	}
	for i := range u.NewCalls {
		m.Calls = append(m.Calls, newCallOf(&u.NewCalls[i]))
	}
	for i := range u.Calls {
		c := &u.Calls[i]
		m.Calls = append(m.Calls, changedCall{c.ID, callValuesOf(c), milliseconds(c.Last)})
	}
	return encode(m)
}

// encode returns the JSON of a message of this package, all of which can be
// encoded.
func encode(m any) []byte {
	b, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("stream: encode %T: %v", m, err))
	}
	return b
}
