package star

import (
	"fmt"
	"slices"

	"graphctl/graph"
)

// Places of title and legend, in norm pixels from the edges.
const (
	cornerX     = 28
	titleY      = 42
	titleSize   = 19
	totalsSize  = 12.5
	legendStep  = 21
	legendBelow = 30
	legendText  = 24 // from the mark to its text
)

// drawTitle writes what the picture shows into its upper left corner.
func (d *drafter) drawTitle(g *graph.Graph) {
	d.title = "Service graph"
	look := toneInk
	switch {
	case d.f.errors > redErrors:
		look = toneBad
	case d.f.errors > showErrors:
		look = toneWarn
	}
	counts := []piece{
		{text: countText(len(d.f.services)), bold: true}, {text: plural(" service", len(d.f.services)) + "   ", tone: toneSub},
		{text: countText(len(d.f.calls)), bold: true}, {text: plural(" call", len(d.f.calls)), tone: toneSub},
	}
	rates := []piece{
		{text: rateText(d.f.total), bold: true}, {text: " calls/s   ", tone: toneSub},
		{text: percentText(d.f.errors), tone: look, bold: true}, {text: " errors", tone: toneSub},
	}
	d.note = fmt.Sprintf("%s, %s, %s calls/s, %s errors", countText(len(d.f.services))+plural(" service", len(d.f.services)),
		countText(len(d.f.calls))+plural(" call", len(d.f.calls)), rateText(d.f.total), percentText(d.f.errors))
	lines := []text{
		{size: titleSize, pieces: []piece{{text: d.title, bold: true}}},
		{size: totalsSize, pieces: counts},
		{size: totalsSize, pieces: rates},
	}
	if w := windowText(g); w != "" {
		d.note += ", " + w
		lines = slices.Insert(lines, 1, text{size: totalsSize, pieces: []piece{{text: w, tone: toneSub}}})
	}
	y := float64(titleY)
	for _, t := range lines {
		t.side, t.at = 1, point{cornerX, y}
		d.texts = append(d.texts, t)
		y += 21
	}
}

// drawLegend explains colours, sizes and shapes in the lower left corner.
func (d *drafter) drawLegend() {
	rows := []struct {
		marks []mark
		text  string
	}{
		{[]mark{{radius: 5, plain: true}}, "healthy"},
		{[]mark{{radius: 5, errors: 2 * degraded}}, "errors > 2.5%"},
		{[]mark{{radius: 5, errors: 1}}, "errors > 10%"},
		{[]mark{{radius: 2, plain: true}, {radius: 4, plain: true}, {radius: 6.5, plain: true}}, "calls/s"},
	}
	if d.small {
		for _, k := range []graph.NodeKind{graph.User, graph.Messaging, graph.Database, graph.External} {
			if slices.ContainsFunc(d.f.services, func(s service) bool { return s.kind == k }) {
				rows = append(rows, rows[0])
				last := &rows[len(rows)-1]
				last.marks, last.text = []mark{{radius: 6, plain: true, kind: k}}, k.String()
			}
		}
	}
	rows = append(rows, rows[0])
	rows[len(rows)-1].marks, rows[len(rows)-1].text = nil, "calls grow stronger towards the callee"
	y := d.height - legendBelow - float64(legendStep*(len(rows)-1))
	for _, row := range rows {
		x := float64(cornerX) + 6
		for i, m := range row.marks {
			if i > 0 {
				x += m.radius + row.marks[i-1].radius + 4
			}
			if m.kind == 0 {
				m.kind = graph.Service
			}
			m.at, m.rank = point{x, y}, 1
			d.marks = append(d.marks, m)
		}
		if len(row.marks) == 0 {
			x -= legendText
		}
		d.texts = append(d.texts, text{
			at: point{x + legendText - 6, y + 4}, size: totalsSize - 1, side: 1, pieces: []piece{{text: row.text, tone: toneSub}},
		})
		y += legendStep
	}
}
