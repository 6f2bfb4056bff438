package stream

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// Whatever a client sends is a message exactly if it is a JSON object with a
// string type, in a text frame of at most 4 KiB; nothing else is believed.
func FuzzMessage(f *testing.F) {
	for _, text := range []string{
		`{"type":"resume","epoch":"e","seq":12}`, `{"type":"resume","epoch":1,"seq":-1}`, `{"type":"ack","seq":1e3}`,
		`{"type":"ack","seq":18446744073709551616}`, `{"type":"ping","time_ms":1767261601000}`, `{"type":"ping","time_ms":"x"}`,
		`{"type":"pause"}`, `{"type":"subscribe","filter":{}}`, `{"TYPE":"pause"}`, `{"type":"a","type":1}`, `null`, `[]`, `"type"`, "{\"type\":\"\xff\"}",
		strings.Repeat("[", 4096), `{"type":"` + strings.Repeat("x", 4096) + `"}`,
	} {
		f.Add(websocket.TextMessage, []byte(text))
	}
	f.Fuzz(func(t *testing.T, typ int, text []byte) {
		m, why := judge(typ, text)
		var object map[string]any
		name, isMessage := "", false
		if json.Unmarshal(text, &object) == nil {
			name, isMessage = object["type"].(string)
		}
		want := Left
		switch {
		case len(text) > maxMessage:
			want = Size
		case typ != websocket.TextMessage || !isMessage:
			want = Protocol
		}
		if why != want {
			t.Fatalf("%q in a frame of type %d: got %v, want %v", text, typ, why, want)
		}
		if why != Left {
			return
		}
		if m.kind != kinds[name] {
			t.Errorf("%q: kind %d, want %d", text, m.kind, kinds[name])
		}
		if seq, ok := object["seq"].(float64); m.seq != 0 && (!ok || float64(m.seq) != seq) {
			t.Errorf("%q: seq %d, want %v", text, m.seq, object["seq"])
		}
		if m.time != nil {
			if _, ok := object["time_ms"].(float64); !ok {
				t.Errorf("%q: time %s", text, m.time)
			}
		}
	})
}
