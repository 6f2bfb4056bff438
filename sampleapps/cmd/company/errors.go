package main

import (
	"log/slog"
	"sync"
	"time"
)

// logEvery bounds how often failing exports are logged: twelve services that
// send twice a second would fill the log.
const logEvery = 10 * time.Second

// exportErrors logs what OpenTelemetry reports: spans that could not be sent.
type exportErrors struct {
	log *slog.Logger

	mu      sync.Mutex
	last    time.Time
	skipped int // since last
}

// Handle implements otel.ErrorHandler.
func (e *exportErrors) Handle(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.last) < logEvery {
		e.skipped++
		return
	}
	e.log.Warn("sending spans", "error", err, "not_logged", e.skipped)
	e.last, e.skipped = time.Now(), 0
}
