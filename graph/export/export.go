// Package export writes a graph in the formats that other programs read: DOT,
// JSON, CSV, Mermaid and GraphML.
//
// Every format is a [Format] in the slice [Formats]; there is no registry. What
// a format writes is a function of the graph and the options alone: the same
// graph gives the same bytes, on every machine and in every run. Names come
// from spans, that is from anybody, so each writer escapes them for its format
// and none lets a name become markup, a formula or a statement.
//
// JSON is the form that can be read back ([ReadJSON]). It is also the body of
// /api/v1/graph: both use the same writer.
//
// Pictures (SVG, PNG) are drawn by package graphviz from the DOT of this one, and
// by package star from the graph.
package export

import (
	"io"

	"graphctl/graph"
)

// A Format is one way to write a graph.
type Format struct {
	Name      string // what users ask for: "dot"
	Ext       string // of files, with its dot: ".dot"
	MediaType string // with its charset, where text needs one
	// Write writes g. It borrows g for the call, does not change it, and
	// returns the first error of w. The writer need not be buffered.
	Write func(w io.Writer, g *graph.Graph, o Options) error
}

// Options are what a user may choose about the form. The zero value is the
// default of every format. A format ignores what does not concern it.
type Options struct {
	// Layout names the layout engine of a picture: one of Layouts, or "" to
	// choose by size. DOT carries it along for whoever draws it.
	Layout string
	// Compact leaves out the labels of edges and most of the space around
	// nodes: for pictures of graphs too large to read edge by edge.
	Compact bool
	// Width and Height are the size of a star in pixels, and Theme is one of
	// Themes; 0 and "" leave it to the format.
	Width, Height int
	Theme         string
}

// Themes are the looks of a star.
var Themes = []string{"dark", "light"}

// Layouts are the layout engines, by the names that users give.
var Layouts = []string{"dot", "sfdp", "star", "twopi", "circo", "neato", "fdp"}

// Formats are the text formats, in the order in which help lists them.
var Formats = []Format{DOT, JSON, CSV, Mermaid, GraphML}

// Find returns the format of that name among formats.
func Find(formats []Format, name string) (Format, bool) {
	for _, f := range formats {
		if f.Name == name {
			return f, true
		}
	}
	return Format{}, false
}
