package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Bounds of waiting for a program.
const (
	startPatience = 60 * time.Second // the first start on a machine compiles the picture library
	stopPatience  = 30 * time.Second
	memorySample  = 100 * time.Millisecond
)

// A peak is the most memory that a process had, in MB: all, and what was its own
// without the pages of mapped files, which the kernel takes back when it needs
// them.
type peak struct{ rss, own float64 }

// A process is a receiver under test.
type process struct {
	cmd             *exec.Cmd
	grpc, http, web string // addresses; web is a URL
	ended           chan struct{}
	log             *tail

	sampling sync.WaitGroup
	peak     peak // after sampling
}

// start runs a receiver and waits for its ready lines, "NAME: otlp/grpc on
// ADDRESS" and the like, web last.
func start(ctx context.Context, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), ended: make(chan struct{}), log: new(tail)}
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	ready := make(chan struct{})
	go func() {
		p.read(stderr, sync.OnceFunc(func() { close(ready) }))
		p.cmd.Wait() // how it ended is in the log
		close(p.ended)
	}()
	select {
	case <-ready:
	case <-p.ended:
		return nil, fmt.Errorf("%s %s did not start:\n%s", name, strings.Join(args, " "), p.log)
	case <-time.After(startPatience):
		p.cmd.Process.Kill()
		return nil, fmt.Errorf("%s %s is not ready after %v:\n%s", name, strings.Join(args, " "), startPatience, p.log)
	case <-ctx.Done():
		p.cmd.Process.Kill()
		return nil, ctx.Err()
	}
	p.sampling.Go(p.sample)
	return p, nil
}

func (p *process) read(stderr io.Reader, ready func()) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		line := lines.Text()
		p.log.add(line)
		_, what, _ := strings.Cut(line, ": ")
		for prefix, to := range map[string]*string{"otlp/grpc on ": &p.grpc, "otlp/http on ": &p.http, "web on ": &p.web} {
			if a, ok := strings.CutPrefix(what, prefix); ok && *to == "" {
				*to = a
			}
		}
		if p.web != "" {
			ready()
		}
	}
}

// sample follows the memory of the program.
func (p *process) sample() {
	tick := time.NewTicker(memorySample)
	defer tick.Stop()
	for {
		pid := p.cmd.Process.Pid
		p.peak = peak{max(p.peak.rss, memory(pid, "VmRSS")), max(p.peak.own, memory(pid, "RssAnon"))}
		select {
		case <-tick.C:
		case <-p.ended:
			return
		}
	}
}

// memory returns a line of a process's status, in MB.
func memory(pid int, key string) float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, key+":"); ok {
			kB, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kB / 1024
		}
	}
	return 0
}

// stop ends the process and returns its peak of memory.
func (p *process) stop() peak {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopPatience):
		p.cmd.Process.Kill()
		<-p.ended
	}
	p.sampling.Wait()
	return p.peak
}

// awaitReady waits until graphctl takes spans, which it does some time after it
// listens.
func (p *process) awaitReady(ctx context.Context) error {
	for deadline := time.Now().Add(startPatience); ; {
		_, err := p.get(ctx, "/readyz", "", "")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %v: %w\n%s", startPatience, err, p.log)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// get reads a path of the web port, with a header more if it has a value.
func (p *process) get(ctx context.Context, path, header, value string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.web+path, nil)
	if err != nil {
		return nil, err
	}
	if value != "" {
		req.Header.Set(header, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(res.Body)
	err = errors.Join(err, res.Body.Close())
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, res.Status)
	}
	return b, err
}

// A tail keeps the last lines that a process wrote.
type tail struct {
	mu    sync.Mutex
	lines []string
}

const tailLines = 20

func (t *tail) add(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lines) == tailLines {
		t.lines = t.lines[1:]
	}
	t.lines = append(t.lines, line)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}
