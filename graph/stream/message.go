package stream

import (
	"encoding/json"
	"errors"
)

// message is what a client says.
type message struct {
	kind  kind
	epoch string          // of resume
	seq   uint64          // of resume and ack
	time  json.RawMessage // of ping, a number
}

type kind uint8

const (
	unknown kind = iota // ignored
	subscribe
	resume
	ack
	pause
	ping
)

var kinds = map[string]kind{"subscribe": subscribe, "resume": resume, "ack": ack, "pause": pause, "ping": ping}

var errNoMessage = errors.New("stream: not a JSON object with a string type")

// parseMessage reads a text frame. Fields of the wrong type count as absent: a
// resume without its fields is answered by a snapshot.
func parseMessage(text []byte) (message, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil || fields == nil {
		return message{}, errNoMessage
	}
	var name *string
	if err := json.Unmarshal(fields["type"], &name); err != nil || name == nil {
		return message{}, errNoMessage
	}
	m := message{kind: kinds[*name]}
	switch m.kind {
	case resume:
		if json.Unmarshal(fields["epoch"], &m.epoch) != nil || json.Unmarshal(fields["seq"], &m.seq) != nil {
			m.epoch, m.seq = "", 0
		}
	case ack:
		if json.Unmarshal(fields["seq"], &m.seq) != nil {
			m.seq = 0
		}
	case ping:
		var t float64
		if json.Unmarshal(fields["time_ms"], &t) == nil {
			m.time = fields["time_ms"]
		}
	}
	return m, nil
}
