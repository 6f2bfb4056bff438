package stream

import (
	"slices"
	"sync"

	"github.com/gorilla/websocket"

	"graphctl/graph/live"
)

// form is one of the two forms of messages.
type form uint8

const (
	jsonForm form = iota
	binaryForm
)

// frames encodes data frames and shares those of the newest publication among
// all clients that need the same.
type frames struct {
	status func() Status

	mu      sync.Mutex
	seq     uint64        // newest publication asked for
	told    statusMessage // status at seq
	since   uint64        // publication at which the marks changed last
	shared  map[frameKey]*websocket.PreparedMessage
	encoded int64
}

// frameKey names a frame of the newest publication: a snapshot, or the update
// from base.
type frameKey struct {
	form     form
	snapshot bool
	base     uint64
}

// frame returns the encoded event.
func (f *frames) frame(e live.Event, form form) (*websocket.PreparedMessage, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, seq := keyOf(e, form)
	f.advance(seq)
	if seq < f.seq { // the client's goroutine was overtaken
		return f.encode(e, form)
	}
	if m := f.shared[k]; m != nil {
		return m, nil
	}
	m, err := f.encode(e, form)
	if err != nil {
		return nil, err
	}
	f.shared[k] = m
	return m, nil
}

func keyOf(e live.Event, form form) (k frameKey, seq uint64) {
	if e.Snapshot != nil {
		return frameKey{form: form, snapshot: true}, e.Snapshot.Seq
	}
	return frameKey{form: form, base: e.Update.Base}, e.Update.Seq
}

// advance forgets frames older than seq and asks for the status.
func (f *frames) advance(seq uint64) {
	if seq <= f.seq && f.shared != nil {
		return
	}
	status := statusOf(f.status())
	if f.shared == nil || !slices.Equal(status.Marks, f.told.Marks) {
		f.since = seq
	}
	f.seq, f.told = seq, status
	f.shared = make(map[frameKey]*websocket.PreparedMessage)
}

func (f *frames) encode(e live.Event, form form) (*websocket.PreparedMessage, error) {
	f.encoded++
	withStatus := e.Update != nil && e.Update.Base < f.since
	switch {
	case form == jsonForm && e.Snapshot != nil:
		return websocket.NewPreparedMessage(websocket.TextMessage, jsonSnapshot(e.Snapshot, f.told))
	case form == jsonForm:
		return websocket.NewPreparedMessage(websocket.TextMessage, jsonDelta(e.Update, f.told, withStatus))
	case e.Snapshot != nil:
		return websocket.NewPreparedMessage(websocket.BinaryMessage, binarySnapshotOf(e.Snapshot, f.told))
	}
	return websocket.NewPreparedMessage(websocket.BinaryMessage, binaryDeltaOf(e.Update, f.told, withStatus))
}

func (f *frames) count() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.encoded
}
