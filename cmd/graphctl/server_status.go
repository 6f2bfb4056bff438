package main

import (
	"time"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/graph/api"
	"graphctl/graph/stream"
)

// status is what /api/v1/status says.
func (s *server) status() api.Status {
	k := s.keeper.Stats()
	counts := s.tally.Snapshot()
	st := api.Status{
		Version:   version(),
		StartedAt: s.started.UTC().Format(time.RFC3339),
		UptimeS:   time.Since(s.started).Seconds(),
		Ports: api.Ports{
			Web:      addressOf(s.web),
			OTLPGRPC: addressOf(s.grpc),
			OTLPHTTP: addressOf(s.http),
			Zipkin:   addressOf(s.zipkin),
		},
		Durability: s.durability(),
		SettleS:    s.o.settle.Seconds(),
		HorizonS:   s.lane.Stats().Horizon.Seconds(),
		Accounting: s.accounting(),
		DroppedSignals: api.DroppedSignals{
			Metrics: counts.DroppedRequests[collector.Metrics],
			Logs:    counts.DroppedRequests[collector.Logs],
		},
		Store: api.StoreStatus{
			Kind:    "bbolt",
			Bytes:   s.store.Size(),
			Commits: k.Commits,
			Errors:  k.Errors,
		},
		StreamClients: s.stream.Stats().Clients,
		TraceURL:      s.o.traceURL,
		LagMS:         s.lag().Milliseconds(),
	}
	if k.Failing != nil {
		st.Store.Error = k.Failing.Error()
	}
	for _, m := range s.marks.list() {
		st.Marks = append(st.Marks, api.Mark{Reason: m.Reason, Text: m.Text, SinceMS: m.Since.Time().UnixMilli()})
	}
	return st
}

// durability tells what an acknowledged span survives.
func (s *server) durability() api.Durability {
	d := api.Durability{Log: s.o.log, Sync: s.o.sync}
	switch {
	case s.o.log == "off":
		d.ProcessLossS, d.PowerLossS = -1, -1
		d.Text = "there is no span log: calls that are open in a crash are lost"
	case s.o.sync == "batch":
		d.Text = "what was acknowledged survives a crash and a power cut"
	default:
		d.PowerLossS = 1
		d.Text = "what was acknowledged survives a crash; a power cut may lose the last second of it"
	}
	return d
}

// accounting puts every span that was received into one bucket. Spans of the
// run before, whose open calls were carried over, are counted too.
func (s *server) accounting() api.Accounting {
	lane := s.lane.Counters()
	intake := s.tally.Snapshot()
	var a api.Accounting
	put := func(name string, n uint64) {
		a.Buckets = append(a.Buckets, api.Bucket{Name: name, Spans: n})
		a.Received += n
	}
	for _, why := range collector.Rejections {
		put("rejected_"+why.String(), intake.Rejected[why])
	}
	for _, why := range collector.Throttles {
		put("throttled_"+why.String(), intake.Throttled[why])
	}
	// The lane publishes its counters once a tick: what it has not told of is
	// on its way.
	var taken uint64
	if s.isRecovered() {
		taken = intake.Accepted + s.carried
	}
	put("in_flight", taken-min(taken, lane.Observed))
	put("duplicate", lane.Duplicates)
	put("refused_trace_too_large", lane.Refused)
	for d, n := range lane.Spans {
		put(infer.Disposition(d).String(), n)
	}
	return a
}

// lag is the age of what the page shows.
func (s *server) lag() time.Duration {
	t := s.window.Stats().Time
	if t == 0 {
		return 0
	}
	return max(0, time.Since(t.Time()))
}

// streamStatus is what browsers are told beside the graph.
func (s *server) streamStatus() stream.Status {
	return stream.Status{Lag: s.lag(), Marks: s.marks.list()}
}
