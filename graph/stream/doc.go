// Package stream sends what a live window publishes to browsers and tools, over
// WebSocket, as docs/protocol.md lays down.
//
// A [Handler] serves each client with one goroutine that writes and one that
// reads. The writer owns the client's [live.Feed]; nothing is queued for a
// client. While its socket is busy it falls behind, and then gets one merged
// update. What clients in step are sent is encoded once and shared.
//
// This is the only package that knows the WebSocket library.
package stream
