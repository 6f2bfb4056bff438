package main

import (
	"strconv"

	"graphctl/collector"
	"graphctl/collector/infer"
	"graphctl/graph/api"
	"graphctl/graph/stream"
)

// samples are the program's own metrics. No label has a value from a span.
func (s *server) samples() []api.Sample {
	var all []api.Sample
	add := func(gauge bool, name, help string, value float64, labels ...api.Label) {
		all = append(all, api.Sample{Name: "graph_" + name, Help: help, Gauge: gauge, Labels: labels, Value: value})
	}
	c := s.tally.Snapshot()
	for _, r := range c.Requests {
		add(false, "ingest_requests_total", "Requests answered.", float64(r.Count),
			api.Label{Name: "transport", Value: r.Transport.String()}, api.Label{Name: "code", Value: strconv.Itoa(r.Code)})
	}
	for _, by := range collector.Transports {
		add(false, "ingest_spans_total", "Spans received.", float64(c.Spans[by]), api.Label{Name: "transport", Value: by.String()})
	}
	addReasons(&all, "ingest_rejected_spans_total", "Spans refused for good.", collector.Rejections[:], c.Rejected[:])
	addReasons(&all, "ingest_rejected_requests_total", "Requests refused for good.", collector.Refusals[:], c.RefusedRequests[:])
	addReasons(&all, "ingest_throttled_spans_total", "Spans to be sent again.", collector.Throttles[:], c.Throttled[:])
	addReasons(&all, "ingest_throttled_total", "Requests, or connections, to be tried again.", collector.Throttles[:], c.ThrottledRequests[:])
	addReasons(&all, "ingest_repaired_total", "What was put right in spans.", collector.Repairs[:], c.Repaired[:])
	addReasons(&all, "ingest_dropped_requests_total", "Requests of signals that are accepted and dropped.", collector.Signals[:], c.DroppedRequests[:])
	add(true, "ingest_held_bytes", "Bytes of request bodies held.", float64(s.budget.Held()))
	s.laneSamples(add)
	s.logSamples(add)

	k := s.keeper.Stats()
	add(false, "store_commits_total", "Commits.", float64(k.Commits))
	add(false, "store_commit_seconds_total", "Time spent in commits.", k.Seconds)
	add(false, "store_errors_total", "Operations of the store that failed.", float64(k.Errors), api.Label{Name: "op", Value: "commit"})
	disk := s.store.Stats()
	add(true, "store_bytes", "Size of the store's file.", float64(disk.Bytes))
	add(true, "store_free_bytes", "Bytes of the store's file that hold nothing.", float64(disk.FreeBytes))
	add(true, "store_oldest_read_seconds", "Age of the oldest read transaction that is open.", disk.OldestRead.Seconds())
	add(true, "store_unfolded_pages", "Pages that wait to be added to sums.", float64(disk.Unfolded))
	add(false, "store_late_rows_total", "Rows that changed buckets older than all that is kept.", float64(disk.DroppedLate))
	add(false, "store_dropped_hours_total", "Hours of a resolution that were given up for want of room.", float64(disk.DroppedHours))

	st := s.stream.Stats()
	add(true, "stream_clients", "Streams open.", float64(st.Clients))
	for _, why := range stream.Reasons() {
		add(false, "stream_closed_total", "Streams ended.", float64(st.Closed[why]), api.Label{Name: "reason", Value: why.String()})
	}
	return all
}

// laneSamples adds the metrics of inference.
func (s *server) laneSamples(add func(bool, string, string, float64, ...api.Label)) {
	l := s.lane.Counters()
	add(false, "infer_duplicates_total", "Spans that had come before.", float64(l.Duplicates))
	add(false, "infer_late_total", "Spans beyond the horizon.", float64(l.Late))
	for _, e := range []struct {
		reason string
		n      uint64
	}{{"memory", l.Evicted}, {"trace_too_large", l.Refused}, {"links", l.LinksDropped}} {
		add(false, "infer_evicted_total", "What was given up for want of room.", float64(e.n), api.Label{Name: "reason", Value: e.reason})
	}
	add(false, "names_folded_total", "Edges, operations and addresses that became \"other\".", float64(l.Folded), api.Label{Name: "kind", Value: "edge"})
	for d, n := range l.Spans {
		add(true, "infer_spans", "Spans by what became of them.", float64(n), api.Label{Name: "state", Value: infer.Disposition(d).String()})
	}
	add(true, "infer_live_spans", "Spans in memory.", float64(l.LiveSpans))
	add(true, "infer_hidden", "Guesses that have not settled.", float64(l.Hidden))
	add(true, "lane_queued_spans", "Spans that wait for the engine.", float64(s.lane.Queued()))
}

// logSamples adds the metrics of the span log and of what hangs on it.
func (s *server) logSamples(add func(bool, string, string, float64, ...api.Label)) {
	l := s.lane.Stats()
	add(true, "lanes", "Lanes of inference.", float64(l.Lanes))
	add(true, "horizon_seconds", "How late a span may come and still join its trace.", l.Horizon.Seconds())
	add(true, "log_bytes", "Size of the span log.", float64(l.LogBytes))
	add(false, "log_append_errors_total", "Appends to the span log that failed.", float64(l.Log.AppendErrors))
	add(false, "log_syncs_total", "Syncs of the span log.", float64(l.Log.Syncs))
	add(false, "log_sync_seconds_total", "Time spent in them.", l.Log.SyncTime.Seconds())
	add(false, "log_cut_bytes_total", "Bytes cut off the end of the span log at the start.", float64(l.Log.CutBytes))
	add(true, "archive_bytes", "Size of the traces that left memory.", float64(l.ArchiveBytes))
	add(false, "archive_errors_total", "Traces that could not be archived or read back.", float64(l.KeepErrors), api.Label{Name: "op", Value: "keep"})
	add(false, "archive_errors_total", "Traces that could not be archived or read back.", float64(l.RecallErrors), api.Label{Name: "op", Value: "recall"})
	add(false, "archive_forgotten_total", "Archived traces given up before the horizon for want of room.", float64(l.Forgotten))
	add(false, "checkpoints_total", "Checkpoints written.", float64(l.Checkpoints))
	add(false, "checkpoint_errors_total", "Checkpoints that could not be written.", float64(l.SaveErrors))
}

// addReasons adds a counter for each reason of a closed list.
func addReasons[R interface{ String() string }](to *[]api.Sample, name, help string, reasons []R, counts []uint64) {
	for i, r := range reasons {
		*to = append(*to, api.Sample{
			Name: "graph_" + name, Help: help,
			Labels: []api.Label{{Name: "reason", Value: r.String()}},
			Value:  float64(counts[i]),
		})
	}
}
