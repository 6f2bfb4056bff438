package spanlog

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"
)

// Sync returns when all that was appended before the call is durable. Callers
// that wait at the same time share an fsync.
func (l *Log) Sync(ctx context.Context) error {
	target := l.appended.Load()
	if l.failing.Load() == nil && l.synced.Load() >= target {
		return nil
	}
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("spanlog: sync: %w", context.Cause(ctx))
	}
	defer func() { <-l.turn }()
	switch {
	case l.failing.Load() == nil && l.synced.Load() >= target: // by the caller before
		return nil
	case l.closed:
		return errClosed
	}
	return l.sync()
}

// sync makes durable what was appended so far. After an error the descriptor is
// not asked again: the kernel may have dropped what it could not write, and
// would say that all is well. The turn must be held.
func (l *Log) sync() error {
	if f := l.failing.Load(); f != nil {
		return f.error
	}
	upTo := l.appended.Load()
	if l.synced.Load() == upTo {
		return nil
	}
	began := time.Now()
	err := l.cur.Sync()
	took := time.Since(began)
	l.stats.syncs.Add(1)
	l.stats.syncTime.Add(int64(took))
	l.stats.lastSync.Store(int64(took))
	if err != nil {
		err = fmt.Errorf("spanlog: fsync %s: %w", l.dir, err)
		f := &failure{err}
		l.failing.Store(f)
		l.stats.lastError.Store(f)
		return err
	}
	l.synced.Store(upTo)
	return nil
}

// Stats is what a log did since it was opened.
type Stats struct {
	Bytes        int64         // of all files on disk
	Appended     uint64        // bytes, since it was opened
	Records      uint64        // appended
	Refused      uint64        // records that were not
	AppendErrors uint64        // writes that failed
	Full         bool          // the disk has too little space, or does not say
	Syncs        uint64        // fsyncs
	SyncTime     time.Duration // they took
	LastSync     time.Duration // the last one took
	CutBytes     int64         // of a torn end, when the log was opened
	Failing      error         // why nothing is taken until Begin; nil if it is
	LastError    error         // of the last write or sync that failed, or nil
}

type counters struct {
	bytes, syncTime, lastSync             atomic.Int64
	records, refused, appendErrors, syncs atomic.Uint64
	full                                  atomic.Bool
	lastError                             atomic.Pointer[failure]
}

// Stats returns what the log did so far.
func (l *Log) Stats() Stats {
	s := Stats{
		Appended:     l.appended.Load(),
		Bytes:        l.stats.bytes.Load(),
		Records:      l.stats.records.Load(),
		Refused:      l.stats.refused.Load(),
		AppendErrors: l.stats.appendErrors.Load(),
		Full:         l.stats.full.Load(),
		Syncs:        l.stats.syncs.Load(),
		SyncTime:     time.Duration(l.stats.syncTime.Load()),
		LastSync:     time.Duration(l.stats.lastSync.Load()),
		CutBytes:     l.found.CutBytes,
	}
	if f := l.failing.Load(); f != nil {
		s.Failing = f.error
	}
	if f := l.stats.lastError.Load(); f != nil {
		s.LastError = f.error
	}
	return s
}
