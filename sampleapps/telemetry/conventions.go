package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

// conventions adds the names of today's semantic conventions to spans of
// libraries that still write those of 2023. kotel calls the topic of a
// consumer span messaging.source.name and the operation messaging.operation;
// backends look for messaging.destination.name and messaging.operation.type.
// The old names stay.
//
// A span processor is the place for this: it sees every span of the service as
// it starts, whichever library started it.
type conventions struct{}

func (conventions) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	for _, a := range s.Attributes() {
		switch a.Key {
		case "messaging.source.name":
			s.SetAttributes(semconv.MessagingDestinationName(a.Value.AsString()))
		case "messaging.kafka.consumer.group":
			s.SetAttributes(semconv.MessagingConsumerGroupName(a.Value.AsString()))
		case "messaging.operation":
			s.SetAttributes(operationType(a.Value.AsString()))
		}
	}
}

// operationType is messaging.operation.type for an old messaging.operation.
func operationType(operation string) attribute.KeyValue {
	if operation == "publish" {
		operation = "send"
	}
	return semconv.MessagingOperationTypeKey.String(operation)
}

func (conventions) OnEnd(sdktrace.ReadOnlySpan)      {}
func (conventions) Shutdown(context.Context) error   { return nil }
func (conventions) ForceFlush(context.Context) error { return nil }
