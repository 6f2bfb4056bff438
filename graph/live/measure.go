package live

import (
	"math"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// measure sums edges over a rate window. Sums are of integers, so that they do
// not depend on the order of edges.
type measure struct {
	calls, errors           int64
	firstCalls, firstErrors int64 // the part of them in the window's first bucket
	client, server          merged
}

// merged is a sum of sketches that copies none as long as there is only one.
type merged struct {
	only  *sketch.Sketch // borrowed
	sum   sketch.Sketch
	parts int
}

func (m *merged) add(s *sketch.Sketch) {
	if s.IsZero() {
		return
	}
	switch m.parts++; m.parts {
	case 1:
		m.only = s
		return
	case 2:
		m.sum = m.only.Clone()
	}
	m.sum.Merge(s)
}

func (m *merged) sketch() *sketch.Sketch {
	if m.parts == 1 {
		return m.only
	}
	return &m.sum
}

// add counts e. It borrows e's sketches.
func (m *measure) add(e *edge, w rateWindow) {
	r := &e.recent
	m.calls += r.sum.calls
	m.errors += r.sum.errors
	m.client.add(&r.sum.client)
	m.server.add(&r.sum.server)
	calls, errors, _ := r.at(w.first)
	m.firstCalls += calls
	m.firstErrors += errors
}

// rate returns calls a second and the failed share of them.
func (m *measure) rate(w rateWindow) (rate, errorRate float32) {
	calls := float64(m.calls) - (1-w.share)*float64(m.firstCalls)
	errors := float64(m.errors) - (1-w.share)*float64(m.firstErrors)
	if calls <= 0 {
		return 0, 0
	}
	return float32(calls / RateSpan.Seconds()), float32(max(0, min(errors/calls, 1)))
}

// measure returns the row of c with its newest values.
func (c *call) measure(w rateWindow) Call {
	row := c.row
	var m measure
	row.Calls, row.Errors, row.First, row.Last = 0, 0, 0, 0
	for e := c.edges; e != nil; e = e.next {
		m.add(e, w)
		row.Calls += e.minutes.calls
		row.Errors += e.minutes.errors
		first, last := e.minutes.seen()
		if row.First == 0 || first < row.First && first != 0 {
			row.First = first
		}
		row.Last = max(row.Last, last)
	}
	row.Rate, row.ErrorRate = m.rate(w)
	if m.calls <= 0 {
		m.client, m.server = c.newest(w)
	}
	times := m.client.sketch()
	if times.IsZero() {
		times = m.server.sketch()
	}
	row.P50, row.P95, row.P99 = quantile(times, 0.50), quantile(times, 0.95), quantile(times, 0.99)
	return row
}

// newest returns how long calls took in the newest bucket that was kept of c's
// edges.
func (c *call) newest(w rateWindow) (client, server merged) {
	var bucket graph.Instant
	for e := c.edges; e != nil; e = e.next {
		if k := e.recent.newestBehind(w); k != nil {
			bucket = max(bucket, k.bucket)
		}
	}
	for e := c.edges; e != nil; e = e.next {
		if k := e.recent.newestBehind(w); k != nil && k.bucket == bucket {
			client.add(&k.client)
			server.add(&k.server)
		}
	}
	return client, server
}

// measure returns the row of s with its newest values.
func (s *service) measure(w rateWindow) Service {
	row := s.row
	var m measure
	for _, c := range s.in {
		for e := c.edges; e != nil; e = e.next {
			m.add(e, w)
		}
	}
	row.Rate, row.ErrorRate = m.rate(w)
	times := m.server.sketch()
	if times.IsZero() {
		times = m.client.sketch()
	}
	row.P50, row.P99 = quantile(times, 0.50), quantile(times, 0.99)
	return row
}

var absent = float32(math.NaN())

// quantile returns the q-quantile of s in ms, absent if s is empty.
func quantile(s *sketch.Sketch, q float64) float32 {
	if s.IsZero() {
		return absent
	}
	return float32(float64(s.Quantile(q)) / float64(time.Millisecond))
}
