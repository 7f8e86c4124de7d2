package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

const aboutQueue = "Style queue answers a POST with 202 as soon as a message broker has the order;\n" +
	"GET /api/orders/ID says whether it is paid. Without --broker it starts a broker and a\n" +
	"payment service, each its own process on the same CPUs. By hand:\n\n" +
	"  onhold serve broker --addr 127.0.0.1:4222\n" +
	"  onhold serve payments --broker nats://127.0.0.1:4222 --consumers 200\n" +
	"  onhold serve queue --broker nats://127.0.0.1:4222 --addr 127.0.0.1:8080\n\n"

// streams are the broker's part of the flags.
func streams(c *cli.Command) broker.Config {
	return broker.Config{
		Store: c.String("broker-store"), Sync: c.String("broker-sync"),
		Limit: int64(c.Int("broker-limit")) << 20, Orders: int64(c.Int("stream-orders")),
	}
}

// queued reads the flags of style queue.
func queued(c *cli.Command) targets.Queued {
	return targets.Queued{Broker: c.String(flagBroker), Streams: streams(c), Consumers: c.Int("consumers"), AckWait: c.Duration("ack-wait")}
}

// later makes the style one whose orders are paid later: it is driven by
// POSTs, and the broker is asked when they are paid.
func (s *style) later(ctx context.Context, c *cli.Command) error {
	url := s.options.Queued.Broker
	if url != "" {
		store, sync, err := aboutBroker(ctx, url, s.options.Queued.Streams)
		if err != nil {
			return &exitError{exitNotStarted, fmt.Errorf("--%s: %w", flagBroker, err)}
		}
		s.settings = append(s.settings, result.Setting{Key: result.KeyBrokerStore, Value: store}, result.Setting{Key: result.KeyBrokerSync, Value: sync})
	}
	s.driver = func(ctx context.Context, r targets.Ready) (bench.Driver, func(), error) {
		return queue.Driver(ctx, r.Addr, cmp.Or(url, r.Broker), c.Bool("new-connection"))
	}
	return nil
}

// aboutBroker asks a broker that runs already.
func aboutBroker(ctx context.Context, url string, like broker.Config) (store, sync string, err error) {
	client, err := broker.Open(ctx, url, like)
	if err != nil {
		return "", "", err
	}
	defer client.Close()
	return client.About(ctx)
}
