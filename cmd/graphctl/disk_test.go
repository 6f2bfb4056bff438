package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a disk in memory of so many bytes.
func smallDisk(t *testing.T, bytes int64) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("a small disk cannot be mounted here (it takes root): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// answer posts a request and returns the status and how long to wait.
func (p *process) answer(body string) (status int, retryAfter string, err error) {
	res, err := http.Post("http://"+p.http+"/v1/traces", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, res.Header.Get("Retry-After"), err
}

// A full disk refuses spans and tells when to come back, goes on answering
// questions, and takes spans again, without a restart, when there is room.
func TestDiskFull(t *testing.T) {
	const size = 200 << 20
	data := smallDisk(t, size)
	p := serve(t, data, nil, "--settle", "1s")
	now := time.Now()
	for _, server := range []bool{true, false} {
		if err := p.post(t.Context(), half(0, server, now)); err != nil {
			t.Fatal(err)
		}
	}
	p.wantCalls(1)
	filler := filepath.Join(data, "filler")
	if err := os.WriteFile(filler, make([]byte, size-40<<20), 0o600); err != nil && !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	p.eventually("a refusal", func() error {
		status, after, err := p.answer(half(1, true, now))
		if err == nil && (status != http.StatusTooManyRequests || after != "30") {
			err = fmt.Errorf("answered %d, Retry-After %q", status, after)
		}
		return err
	})
	p.wantCalls(1)
	p.eventually("marks for the disk and for what was refused", func() error {
		body, err := p.get("/api/v1/status")
		if err == nil && !(strings.Contains(body, `"reason":"disk"`) && strings.Contains(body, `"reason":"throttled"`)) {
			err = errors.New(body)
		}
		return err
	})
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p.eventually("room", func() error { return p.post(t.Context(), half(1, true, now)) })
	if err := p.post(t.Context(), half(1, false, now)); err != nil {
		t.Error(err)
	}
	p.wantCalls(2)
	p.stop()
	again := serve(t, data, p)
	again.wantCalls(2)
	again.accounted()
	again.stop()
}

func remount(dir string, flags uintptr) error {
	return syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|flags, "size=300m")
}

// A directory that cannot be written to is an error that says what to do.
func TestStartReadOnly(t *testing.T) {
	data := smallDisk(t, 300<<20)
	if err := remount(data, syscall.MS_RDONLY); err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	code := run(t.Context(), []string{"serve", "--data", filepath.Join(data, "d"), "--listen", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0", "--otlp-http", "127.0.0.1:0"},
		streams{nil, io.Discard, &errs})
	if code != exitFailed || !strings.Contains(errs.String(), "read-only") || !strings.Contains(errs.String(), "--data") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// A stop with a hundred requests in hand answers each, or leaves it to be sent
// again to the next server, and loses none.
func TestStopWithRequestsInFlight(t *testing.T) {
	data := t.TempDir()
	p := serve(t, data, nil, "--settle", "1s")
	const requests = 100
	table := tableOf{}
	done := make(chan bool, requests)
	var bodies [][]string
	for i := range requests {
		s := &sender{rand.New(rand.NewPCG(1, uint64(i))), uint64(i+1) << 32, tableOf{}}
		bodies = append(bodies, s.requests(20))
		for edge, n := range s.table {
			table[edge] = [2]int64{table[edge][0] + n[0], table[edge][1] + n[1]}
		}
	}
	unanswered := make([][]string, requests)
	for i := range requests {
		go func() {
			for n, body := range bodies[i] {
				if err := p.post(t.Context(), body); err != nil {
					unanswered[i] = bodies[i][n:]
					break
				}
			}
			done <- true
		}()
	}
	began := time.Now()
	p.stop()
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("stopped after %v", took)
	}
	for range requests {
		<-done
	}
	again := serve(t, data, nil, "--settle", "1s")
	for _, bodies := range unanswered {
		for _, body := range bodies {
			if err := again.post(t.Context(), body); err != nil {
				t.Fatal(err)
			}
		}
	}
	again.wantEdges(table)
	again.accounted()
	again.stop()
}
