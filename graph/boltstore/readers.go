package boltstore

import (
	"sync"
	"time"
)

// readers knows when the read transactions that are open were begun. bbolt
// reuses no page that one of them may see, so that one which stays open makes
// the file grow with every commit.
type readers struct {
	mu   sync.Mutex
	next uint64
	open map[uint64]time.Time
}

// enter notes a transaction, and returns what to call when it has ended.
func (r *readers) enter() (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open == nil {
		r.open = map[uint64]time.Time{}
	}
	id := r.next
	r.next++
	r.open[id] = time.Now()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.open, id)
	}
}

// oldest returns the age of the transaction that is open longest, 0 if none is.
func (r *readers) oldest() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	var age time.Duration
	for _, begun := range r.open {
		age = max(age, time.Since(begun))
	}
	return age
}
