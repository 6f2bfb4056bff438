// Package otlp receives OpenTelemetry spans: OTLP over gRPC and over HTTP, as
// protobuf and as JSON.
//
// A [Decoder] reads a request's bytes straight into reduced spans, without an
// object for each span, and hands them on in batches. Nothing of a malformed
// request is handed on. [GRPC] and [HTTP] are the servers around it.
package otlp
