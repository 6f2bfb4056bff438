package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// A workload is a fleet that the load generator makes up; traces have 16 spans,
// requests 512.
type workload struct {
	name            string
	services, edges int
}

var (
	w1 = workload{"W1", 50, 200}
	w2 = workload{"W2", 2000, 10_000}
	w3 = workload{"W3", 10_000, 60_000}
)

// A sent is what the generator tells of a run.
type sent struct {
	PerCPU    float64 `json:"spans_per_cpu_s"`     // until the last answer
	PerCPUAll float64 `json:"spans_per_cpu_s_all"` // with what the receiver did afterwards
	PerSecond float64 `json:"spans_per_s"`
	Retries   int     `json:"retries"`
	Errors    int     `json:"error_requests"`
	Error     string  `json:"first_error"`
}

const (
	// settled is how long a receiver is given for what it does after the last
	// answer, before its CPU time is read again.
	settled = 3 * time.Second
	// retries of a refused request, 50 ms apart: as many as any sender would
	// want before it gives data up.
	retries = "400"
)

// send puts a workload through a receiver and writes the table of calls to
// expect.
func (o *options) send(ctx context.Context, p *process, w workload, spans int, expect string, flags ...string) (s sent, err error) {
	out := filepath.Join(o.work, "sent.json")
	os.Remove(out)
	args := append([]string{"send", "-target", p.grpc, "-protocol", "grpc", "-services", strconv.Itoa(w.services), "-edges", strconv.Itoa(w.edges),
		"-total-spans", strconv.Itoa(spans), "-pid", strconv.Itoa(p.cmd.Process.Pid), "-settle", settled.String(), "-retry", retries,
		"-expect", expect, "-out", out, "-name", w.name}, flags...)
	if said, err := exec.CommandContext(ctx, o.load, args...).CombinedOutput(); err != nil {
		return s, fmt.Errorf("send %s: %w\n%s\n%s", w.name, err, said, p.log)
	}
	b, err := os.ReadFile(out)
	if err == nil {
		err = json.Unmarshal(b, &s)
	}
	if err != nil {
		return s, fmt.Errorf("send %s: %w", w.name, err)
	}
	return s, nil
}

// A verdict compares a graph with the table.
type verdict struct {
	All struct {
		Edges, Found, Exact int
		Calls               float64 `json:"calls_pct"`
		Over                float64 `json:"over_pct"`
		Errors              float64 `json:"errors_pct"`
	} `json:"all"`
	Unexpected int `json:"edges_not_expected"`
}

func (v *verdict) exact() bool {
	return v.All.Edges > 0 && v.All.Exact == v.All.Edges && v.All.Errors == 100 && v.Unexpected == 0
}

func (v *verdict) String() string {
	if v.exact() {
		return fmt.Sprintf("%d edges, all exact", v.All.Edges)
	}
	return fmt.Sprintf("**%d of %d edges exact**, %d not expected; calls %.4g %% and %.4g %% over, errors %.4g %%",
		v.All.Exact, v.All.Edges, v.Unexpected, v.All.Calls, v.All.Over, v.All.Errors)
}

// verifyPatience is how long a graph may take to become right after the last
// span: the settle time, a tick and a commit on a busy machine, which may not
// even answer at first.
const verifyPatience = 90 * time.Second

// verify compares a receiver's graph with the table, until they agree or
// patience ends.
func (o *options) verify(ctx context.Context, url, source, expect string) (v verdict, err error) {
	for deadline := time.Now().Add(verifyPatience); ; {
		v, err = o.compare(ctx, url, source, expect)
		if err == nil && v.exact() || time.Now().After(deadline) {
			return v, err
		}
		select {
		case <-time.After(500 * time.Millisecond): // reading the graph costs the receiver too
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

// compare compares them once.
func (o *options) compare(ctx context.Context, url, source, expect string) (v verdict, err error) {
	out := filepath.Join(o.work, "verdict.json")
	os.Remove(out)
	cmd := exec.CommandContext(ctx, o.load, "verify", "-expect", expect, "-source", source, "-url", url, "-out", out)
	if said, err := cmd.CombinedOutput(); err != nil {
		return v, fmt.Errorf("verify: %w\n%s", err, said)
	}
	b, err := os.ReadFile(out)
	if err == nil {
		err = json.Unmarshal(b, &v)
	}
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	return v, nil
}
