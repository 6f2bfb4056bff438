package api

import (
	"encoding/json"
	"net/http"
)

// Status is what /api/v1/status says. It is written as it is.
type Status struct {
	Version   string  `json:"version"`
	StartedAt string  `json:"started_at"` // RFC 3339, UTC
	UptimeS   float64 `json:"uptime_s"`
	// Ports are the addresses of the listeners, "" for those that are off.
	Ports      Ports      `json:"ports"`
	Durability Durability `json:"durability"`
	SettleS    float64    `json:"settle_s"`  // patience before a guess is shown
	HorizonS   float64    `json:"horizon_s"` // how late a span may come and still join its trace
	Accounting Accounting `json:"accounting"`
	// DroppedSignals counts requests that carried metrics or logs: they are
	// accepted, so that senders do not complain, and dropped.
	DroppedSignals DroppedSignals `json:"dropped_signals"`
	Store          StoreStatus    `json:"store"`
	StreamClients  int            `json:"stream_clients"`
	// TraceURL is a link to the user's tracing backend with {service}, {from}
	// and {to} to be filled in, "" if none is set.
	TraceURL string `json:"trace_url,omitempty"`
	LagMS    int64  `json:"lag_ms"` // age of the newest span in the graph
	// Marks are facts that people should know, as in docs/protocol.md.
	Marks []Mark `json:"marks"`
}

// Ports are addresses, host:port.
type Ports struct {
	Web      string `json:"web"`
	OTLPGRPC string `json:"otlp_grpc"`
	OTLPHTTP string `json:"otlp_http"`
	Zipkin   string `json:"zipkin"`
}

// Durability says what an acknowledged span survives.
type Durability struct {
	Log  string `json:"log"`  // on, off
	Sync string `json:"sync"` // how often the log is synced: a duration or batch
	// ProcessLossS and PowerLossS are how much of what was acknowledged the
	// death of the process, or of the machine, may cost; seconds. -1: all that is
	// not settled.
	ProcessLossS float64 `json:"process_loss_s"`
	PowerLossS   float64 `json:"power_loss_s"`
	Text         string  `json:"text"` // the same for people
}

// Accounting says what became of every span since the start: the buckets add up
// to Received.
type Accounting struct {
	Received uint64   `json:"received"`
	Buckets  []Bucket `json:"buckets"`
}

// Sum returns the spans of all buckets.
func (a Accounting) Sum() uint64 {
	var n uint64
	for _, b := range a.Buckets {
		n += b.Spans
	}
	return n
}

// A Bucket is one of the places where a received span can end.
type Bucket struct {
	Name  string `json:"name"`
	Spans uint64 `json:"spans"`
}

// DroppedSignals counts requests.
type DroppedSignals struct {
	Metrics uint64 `json:"metrics"`
	Logs    uint64 `json:"logs"`
}

// StoreStatus is the state of the store.
type StoreStatus struct {
	Kind    string `json:"kind"`             // bbolt, memory
	Bytes   int64  `json:"bytes"`            // of its file
	Commits uint64 `json:"commits"`          // since the start
	Errors  uint64 `json:"errors"`           // commits that failed, since the start
	Error   string `json:"error,omitempty"`  // the last failure, while it lasts
	Oldest  string `json:"oldest,omitempty"` // RFC 3339: start of the oldest bucket kept
}

// A Mark is a fact that people should know.
type Mark struct {
	Reason  string `json:"reason"` // from a closed list
	Text    string `json:"text"`   // a short sentence without markup
	SinceMS int64  `json:"since_ms"`
}

func (h *handler) status(w http.ResponseWriter, r *http.Request) error {
	if h.o.Status == nil {
		return notFound(w, r)
	}
	s := h.o.Status()
	if s.Marks == nil {
		s.Marks = []Mark{}
	}
	if s.Accounting.Buckets == nil {
		s.Accounting.Buckets = []Bucket{}
	}
	return writeJSON(w, s)
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	_, err = w.Write(append(b, '\n'))
	return written(err)
}

func (h *handler) healthz(w http.ResponseWriter, _ *http.Request) error {
	return text(w, http.StatusOK, "ok")
}

func (h *handler) readyz(w http.ResponseWriter, _ *http.Request) error {
	if h.o.Ready != nil {
		if err := h.o.Ready(); err != nil {
			return text(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
		}
	}
	return text(w, http.StatusOK, "ready")
}

func text(w http.ResponseWriter, status int, line string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, err := w.Write([]byte(line + "\n"))
	return written(err)
}
