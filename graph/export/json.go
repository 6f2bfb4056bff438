package export

import (
	"bufio"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// JSON is the object of /api/v1/graph: one node or edge a line, so that two
// exports can be compared line by line. Times are RFC 3339 in UTC, durations
// milliseconds. from and to are null when nothing is kept.
var JSON = Format{Name: "json", Ext: ".json", MediaType: "application/json", Write: writeJSON}

// A quantile that is written, and its key.
type quantile struct {
	q   float64
	key string
}

var quantiles = [...]quantile{{0.50, "p50_ms"}, {0.90, "p90_ms"}, {0.95, "p95_ms"}, {0.99, "p99_ms"}}

func writeJSON(w io.Writer, g *graph.Graph, _ Options) error {
	out := bufio.NewWriterSize(w, 1<<16)
	b := append([]byte(nil), `{"from":`...)
	b = appendTimeOrNull(b, g.From)
	b = append(b, `,"to":`...)
	b = appendTimeOrNull(b, g.To)
	b = append(b, `,"resolution_s":`...)
	b = strconv.AppendInt(b, int64(g.Resolution/time.Second), 10)
	b = append(b, ",\n\"nodes\":["...)
	for i := range g.Nodes {
		b = appendNodeJSON(appendLineStart(b, i), &g.Nodes[i])
		out.Write(b)
		b = b[:0]
	}
	b = append(b, "],\n\"edges\":["...)
	for i := range g.Edges {
		b = appendEdgeJSON(appendLineStart(b, i), &g.Edges[i])
		out.Write(b)
		b = b[:0]
	}
	out.Write(append(b, "]}\n"...))
	return out.Flush() // a bufio.Writer keeps its first error
}

func appendLineStart(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return append(b, '\n')
}

func appendNodeJSON(b []byte, n *graph.Node) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, n.ID)
	b = append(b, `,"name":`...)
	b = appendString(b, n.Name)
	b = append(b, `,"namespace":`...)
	b = appendString(b, n.Namespace)
	b = append(b, `,"kind":`...)
	b = appendString(b, n.Kind.String())
	b = append(b, `,"environments":`...)
	b = appendStrings(b, n.Environments)
	b = append(b, `,"teams":`...)
	b = appendStrings(b, n.Teams)
	b = append(b, `,"spans":`...)
	b = strconv.AppendInt(b, n.Spans, 10)
	b = appendSeen(b, n.First, n.Last)
	return append(b, '}')
}

func appendEdgeJSON(b []byte, e *graph.Edge) []byte {
	s := &e.Stats
	b = append(b, `{"from":`...)
	b = appendString(b, e.From)
	b = append(b, `,"to":`...)
	b = appendString(b, e.To)
	b = append(b, `,"kind":`...)
	b = appendString(b, e.Kind.String())
	b = append(b, `,"calls":`...)
	b = strconv.AppendInt(b, s.Calls, 10)
	b = append(b, `,"errors":`...)
	b = strconv.AppendInt(b, s.Errors, 10)
	b = append(b, `,"estimated_calls":`...)
	b = appendWeight(b, s.Estimated)
	b = append(b, `,"client":`...)
	b = appendSideJSON(b, &s.Client, s.ClientErrors, s.ClientSum)
	b = append(b, `,"server":`...)
	b = appendSideJSON(b, &s.Server, s.ServerErrors, s.ServerSum)
	b = append(b, `,"network":{"count":`...)
	b = strconv.AppendInt(b, s.NetworkCount, 10)
	b = append(b, `,"sum_ms":`...)
	b = appendMillis(b, s.NetworkSum)
	b = append(b, '}')
	b = appendSeen(b, e.First, e.Last)
	return append(b, '}')
}

func appendSideJSON(b []byte, s *sketch.Sketch, errors, sum int64) []byte {
	b = append(b, `{"count":`...)
	b = strconv.AppendInt(b, s.Total(), 10)
	b = append(b, `,"errors":`...)
	b = strconv.AppendInt(b, errors, 10)
	b = append(b, `,"sum_ms":`...)
	b = appendMillis(b, sum)
	for _, q := range quantiles {
		b = append(b, `,"`...)
		b = append(b, q.key...)
		b = append(b, `":`...)
		b = appendQuantile(b, s.Quantile(q.q))
	}
	return append(b, '}')
}

func appendSeen(b []byte, first, last graph.Instant) []byte {
	b = append(b, `,"first_seen":`...)
	b = appendTimeOrNull(b, first)
	b = append(b, `,"last_seen":`...)
	return appendTimeOrNull(b, last)
}

func appendTimeOrNull(b []byte, t graph.Instant) []byte {
	if t == 0 {
		return append(b, "null"...)
	}
	return append(appendTime(append(b, '"'), t), '"')
}

func appendStrings(b []byte, list []string) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, s)
	}
	return append(b, ']')
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string of valid UTF-8. <, > and & are
// escaped as well, so that the text stays text if it lands inside a page, and
// so are the two line ends that JavaScript knows and JSON does not.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f || r == '<' || r == '>' || r == '&':
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		case r == '\u2028' || r == '\u2029':
			b = append(b, '\\', 'u', '2', '0', '2', hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r) // invalid bytes arrive here as U+FFFD
		}
	}
	return append(b, '"')
}
