// Package api answers questions about the graph over HTTP: the program's own
// interface, that of Jaeger's and Zipkin's dependency pages, the service-graph
// series for Prometheus, and the state of the program.
//
// [New] makes the handler of the whole web port. The list of routes is the one
// in routes.go; openapi.json describes them, and a test holds the two together.
// Everything here reads: there is no request that changes anything.
//
// The package decides nothing about the graph. It turns a request into a
// [graph.Query], asks the [Source], and writes the answer in a format of
// package export. What the rest of the program knows about itself comes in
// through [Options].
package api
