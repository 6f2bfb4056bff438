// Package broker is the Kafka of the sample company: a cluster in the process
// (kfake), and producers and consumers instrumented with kotel.
package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/plugin/kotel"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"graphctl/sampleapps/telemetry"
)

const (
	partitions = 3
	// Topics are kept in memory: older messages are removed.
	retentionBytes        = "2097152" // for each partition
	retentionMilliseconds = "300000"
	retentionCheckMillis  = "10000"
	// pollRecords bounds the messages a consumer takes at once, and parallel
	// those that it works on at the same time.
	pollRecords = 64
	parallel    = 16
	// stopGrace is how long the messages under way may take when a consumer
	// stops.
	stopGrace = 800 * time.Millisecond
)

// A Cluster is a Kafka cluster of one broker, in memory.
type Cluster struct {
	fake *kfake.Cluster
}

// Open starts a cluster that has the topics. The caller must Close it.
func Open(topics ...string) (*Cluster, error) {
	fake, err := kfake.NewCluster(
		kfake.NumBrokers(1),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": retentionCheckMillis}))
	if err != nil {
		return nil, fmt.Errorf("broker: start: %w", err)
	}
	retention := map[string]string{"retention.bytes": retentionBytes, "retention.ms": retentionMilliseconds}
	for _, topic := range topics {
		if err := fake.CreateTopic(topic, partitions, retention); err != nil {
			fake.Close()
			return nil, fmt.Errorf("broker: create topic %s: %w", topic, err)
		}
	}
	return &Cluster{fake: fake}, nil
}

// Close stops the cluster. Producers and consumers must be closed before.
func (c *Cluster) Close() { c.fake.Close() }

// A Producer publishes to one topic.
type Producer struct {
	client *kgo.Client
	topic  string
}

// NewProducer makes a producer for a service. The caller must Close it.
func (c *Cluster) NewProducer(t *telemetry.Tracing, topic string) (*Producer, error) {
	tracer := kotel.NewTracer(kotel.TracerProvider(t.Provider), kotel.TracerPropagator(t.Propagator))
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.fake.ListenAddrs()...),
		kgo.ProducerLinger(0),
		kgo.WithHooks(kotel.NewKotel(kotel.WithTracer(tracer)).Hooks()...))
	if err != nil {
		return nil, fmt.Errorf("broker: producer of %s: %w", topic, err)
	}
	return &Producer{client: client, topic: topic}, nil
}

// Publish sends one message and waits until the broker has it. The producer
// span is a child of the span in ctx; its context travels in the headers of
// the message. Messages of one key stay in order.
func (p *Producer) Publish(ctx context.Context, key string, message []byte) error {
	record := &kgo.Record{Topic: p.topic, Key: []byte(key), Value: message}
	if err := p.client.ProduceSync(ctx, record).FirstErr(); err != nil {
		return fmt.Errorf("broker: publish to %s: %w", p.topic, err)
	}
	return nil
}

// Close waits for nothing: Publish has waited.
func (p *Producer) Close() { p.client.Close() }

// A Consumer is a member of a consumer group: each group sees every message of
// the topic once.
type Consumer struct {
	client *kgo.Client
	tracer *kotel.Tracer
	topic  string
}

// NewConsumer makes a consumer for a service. The caller must Close it, after
// Run if that was called.
func (c *Cluster) NewConsumer(t *telemetry.Tracing, topic, group string) (*Consumer, error) {
	tracer := kotel.NewTracer(
		kotel.TracerProvider(t.Provider),
		kotel.TracerPropagator(t.Propagator),
		kotel.ConsumerGroup(group))
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.fake.ListenAddrs()...),
		kgo.ConsumeTopics(topic),
		kgo.ConsumerGroup(group),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.BlockRebalanceOnPoll(),
		kgo.WithHooks(kotel.NewKotel(kotel.WithTracer(tracer)).Hooks()...))
	if err != nil {
		return nil, fmt.Errorf("broker: consumer %s of %s: %w", group, topic, err)
	}
	return &Consumer{client: client, tracer: tracer, topic: topic}, nil
}

// Run hands messages to handle, up to parallel at a time, until ctx is done;
// it then gives those under way stopGrace to be finished. Each message has a
// process span below the receive span that kotel made, which is below the
// producer's: one trace from the request to the last consumer. An error of
// handle marks the span as failed; the message counts as processed all the same.
func (c *Consumer) Run(ctx context.Context, handle func(ctx context.Context, message []byte) error) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(stopGrace):
			cut()
		case <-work.Done(): // Run has returned
		}
	})()
	for {
		fetches := c.client.PollRecords(ctx, pollRecords)
		if ctx.Err() != nil {
			return nil
		}
		for _, f := range fetches.Errors() {
			return fmt.Errorf("broker: fetch %s: %w", f.Topic, f.Err)
		}
		var workers errgroup.Group
		workers.SetLimit(parallel)
		fetches.EachRecord(func(r *kgo.Record) {
			workers.Go(func() error {
				c.process(work, r, handle)
				return nil
			})
		})
		_ = workers.Wait() // process returns no error: it puts it on the span
		c.client.AllowRebalance()
	}
}

func (c *Consumer) process(work context.Context, r *kgo.Record, handle func(context.Context, []byte) error) {
	_, span := c.tracer.WithProcessSpan(r)
	defer span.End()
	// The context of a record carries the span; work ends with the consumer.
	err := handle(trace.ContextWithSpan(work, span), r.Value)
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
}

// Close leaves the group. It must not be called while Run runs.
func (c *Consumer) Close() { c.client.CloseAllowingRebalance() }
