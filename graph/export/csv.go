package export

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"

	"graphctl/graph"
	"graphctl/graph/sketch"
)

// CSV is the table of edges, one a row under a header, for spreadsheets and
// scripts (RFC 4180, but lines end with LF). Services without calls are not in
// it. A name that a spreadsheet would take for a formula starts with an
// apostrophe, which says that what follows is text.
var CSV = Format{Name: "csv", Ext: ".csv", MediaType: "text/csv; charset=utf-8; header=present", Write: writeCSV}

func writeCSV(w io.Writer, g *graph.Graph, _ Options) error {
	out := csv.NewWriter(w)
	out.Write(csvHeader())
	var row []string
	for i := range g.Edges {
		row = appendEdgeRow(row[:0], &g.Edges[i])
		out.Write(row)
	}
	out.Flush()
	return out.Error() // the first one of any Write
}

func csvHeader() []string {
	header := []string{"from", "to", "kind", "calls", "errors", "estimated_calls"}
	for _, side := range []string{"client_", "server_"} {
		header = append(header, side+"count", side+"errors", side+"sum_ms")
		for _, q := range quantiles {
			header = append(header, side+q.key)
		}
	}
	return append(header, "network_count", "network_sum_ms", "first_seen", "last_seen")
}

func appendEdgeRow(row []string, e *graph.Edge) []string {
	s := &e.Stats
	row = append(row, csvText(e.From), csvText(e.To), e.Kind.String(),
		strconv.FormatInt(s.Calls, 10), strconv.FormatInt(s.Errors, 10), string(appendWeight(nil, s.Estimated)))
	row = appendSideRow(row, &s.Client, s.ClientErrors, s.ClientSum)
	row = appendSideRow(row, &s.Server, s.ServerErrors, s.ServerSum)
	return append(row, strconv.FormatInt(s.NetworkCount, 10), string(appendMillis(nil, s.NetworkSum)),
		csvTime(e.First), csvTime(e.Last))
}

// appendSideRow leaves the quantiles of nothing empty: a table that is averaged
// over should not meet zeros that nobody measured.
func appendSideRow(row []string, s *sketch.Sketch, errors, sum int64) []string {
	row = append(row, strconv.FormatInt(s.Total(), 10), strconv.FormatInt(errors, 10), string(appendMillis(nil, sum)))
	for _, q := range quantiles {
		cell := ""
		if s.Total() > 0 {
			cell = string(appendQuantile(nil, s.Quantile(q.q)))
		}
		row = append(row, cell)
	}
	return row
}

func csvTime(t graph.Instant) string {
	if t == 0 {
		return ""
	}
	return t.Time().Format(time.RFC3339)
}

// csvText marks what a spreadsheet would evaluate as text.
func csvText(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
