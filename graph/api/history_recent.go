package api

import (
	"sync"
	"time"
)

const (
	// recentAge is for how long an answer about the whole graph is given again:
	// pages ask for the same points at about the same time.
	recentAge = 5 * time.Second
	// maxRecent bounds the answers that are kept; each is at most maxPoints long.
	maxRecent = 16
)

// recentHistories keeps answers about the whole graph for a moment. The zero
// value is empty.
type recentHistories struct {
	mu   sync.Mutex
	kept map[cut]recentHistory
}

type recentHistory struct {
	at     time.Time
	answer history
}

// find returns the answer about the points of c, if there is one that is new
// enough. It must not be changed.
func (r *recentHistories) find(c cut, now time.Time) (history, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k, ok := r.kept[c]
	return k.answer, ok && now.Sub(k.at) < recentAge
}

// keep keeps an answer, and forgets those that are too old, or all of them if
// too many are left.
func (r *recentHistories) keep(c cut, answer history, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, v := range r.kept {
		if now.Sub(v.at) >= recentAge {
			delete(r.kept, k)
		}
	}
	if r.kept == nil || len(r.kept) >= maxRecent {
		r.kept = make(map[cut]recentHistory)
	}
	r.kept[c] = recentHistory{now, answer}
}
