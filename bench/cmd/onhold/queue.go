package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
	"github.com/a628bb15/onhold/targets/queue/payments"
)

// brokerName is the STYLE of serve that is the embedded broker.
const brokerName = "broker"

const aboutQueue = "Style queue answers a POST with 202 as soon as a message broker has the order, and\n" +
	"tells at GET /api/orders/ID whether it is paid. Without --broker it starts a broker\n" +
	"and a payment service, each a process of its own on the same CPUs. By hand:\n\n" +
	"  onhold serve broker --addr 127.0.0.1:4222\n" +
	"  onhold serve payments --broker nats://127.0.0.1:4222 --consumers 200\n" +
	"  onhold serve queue --broker nats://127.0.0.1:4222 --addr 127.0.0.1:8080\n\n"

// queueFlags are the flags of style queue, of the broker and the payment
// service, but for the broker's address.
var queueFlags = []string{"broker-store", "broker-sync", "broker-limit", "stream-orders", "consumers", "ack-wait"}

// streams are the broker's part of the flags.
func streams(c *cli.Command) broker.Config {
	return broker.Config{
		Store: c.String("broker-store"), Sync: c.String("broker-sync"),
		Limit: int64(c.Int("broker-limit")) << 20, Orders: int64(c.Int("stream-orders")),
	}
}

// queued reads the flags of queueFlags.
func queued(c *cli.Command) targets.Queued {
	return targets.Queued{Broker: c.String(flagBroker), Streams: streams(c), Consumers: c.Int("consumers"), AckWait: c.Duration("ack-wait")}
}

// queueArgs hands the flags on. The broker's address goes by the environment:
// see targetEnv.
func queueArgs(c *cli.Command) []string {
	var args []string
	for _, f := range queueFlags {
		args = append(args, fmt.Sprintf("--%s=%v", f, c.Value(f)))
	}
	return args
}

// queueSettings are the settings of the queue that are stored with a stage,
// where the broker is ours.
func queueSettings(c *cli.Command) result.Settings {
	s := result.Settings{{Key: flagBroker, Value: cmp.Or(redact.Servers(c.String(flagBroker)), "own")}}
	for _, f := range queueFlags {
		value := fmt.Sprint(c.Value(f))
		switch {
		case f == "broker-limit":
			value += "MiB"
		case f == "broker-sync" && c.String("broker-store") == broker.Memory:
			value = "none"
		}
		s = append(s, result.Setting{Key: strings.ReplaceAll(f, "-", "_"), Value: value})
	}
	return s
}

func startBroker(c *cli.Command) (func(context.Context) (listening, error), error) {
	config := streams(c)
	config.Addr, config.Dir = c.String("addr"), c.String("broker-dir")
	if err := config.Validate(); err != nil {
		return nil, usageError("--%w", err)
	}
	return func(ctx context.Context) (listening, error) { return broker.Start(ctx, config) }, nil
}

// ensemble is a server of style queue with the processes that were started for
// it.
type ensemble struct {
	listening
	url   string // of the broker
	parts []*targets.Process
	ended chan error // one of them, while the server goes on
}

// startQueue starts the broker and the payment service where there is no broker
// yet, and then the server.
func startQueue(ctx context.Context, c *cli.Command, style targets.Style, o targets.Options) (listening, error) {
	e := &ensemble{url: o.Queued.Broker, ended: make(chan error, 2)}
	if e.url == "" {
		args := append(queueArgs(c), "--broker-dir="+c.String("broker-dir"))
		if err := e.launch(ctx, c, brokerName, args); err != nil {
			return nil, err
		}
		e.url = "nats://" + e.parts[0].Addr
		args = append(targetArgs(c), queueArgs(c)...)
		if err := e.launch(ctx, c, payments.Name, args); err != nil {
			return nil, errors.Join(err, e.stop())
		}
		o.Queued.Broker = e.url
	}
	var err error
	if e.listening, err = startTarget(ctx, c, style, o); err != nil {
		return nil, errors.Join(err, e.stop())
	}
	return e, nil
}

// launch starts one part, which inherits the CPUs of this process, and is told
// where the broker is, once there is one.
func (e *ensemble) launch(ctx context.Context, c *cli.Command, name string, args []string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(exe, append([]string{"serve", name}, args...)...)
	cmd.Env = append(targetEnv(c), variableOf(flagBroker)+"="+e.url)
	p, err := targets.Launch(ctx, cmd, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	e.parts = append(e.parts, p)
	go func() {
		<-p.Done()
		_, how := p.Ended()
		e.ended <- fmt.Errorf("the %s process ended: %s", name, how)
	}()
	return nil
}

// stop ends the parts, those first that need the others.
func (e *ensemble) stop() error {
	var all error
	for i := len(e.parts) - 1; i >= 0; i-- {
		if ended, _ := e.parts[i].Ended(); !ended {
			all = errors.Join(all, e.parts[i].Stop())
		}
	}
	if len(e.parts) > 0 {
		broker.Sweep() // the folder of one that was killed
	}
	return all
}

func (e *ensemble) Shutdown(ctx context.Context) error {
	return errors.Join(e.listening.Shutdown(ctx), e.stop())
}

// later makes of a subject one whose orders are paid later: it is driven by
// POSTs, and the broker is asked when they are paid.
func (s *style) later(ctx context.Context, c *cli.Command) error {
	s.args = append(s.args, queueArgs(c)...)
	s.settings = append(targetSettings(c, s.style), queueSettings(c)...)
	url := c.String(flagBroker)
	if url != "" {
		store, sync, err := aboutBroker(ctx, url, s.options.Queued.Streams)
		if err != nil {
			return &exitError{exitNotStarted, fmt.Errorf("--%s: %w", flagBroker, err)}
		}
		// How many consumers pay, and what the limits are, is not known either.
		s.settings = append(targetSettings(c, s.style), result.Setting{Key: flagBroker, Value: redact.Servers(url)},
			result.Setting{Key: result.KeyBrokerStore, Value: store}, result.Setting{Key: result.KeyBrokerSync, Value: sync})
	}
	s.driver = func(ctx context.Context, r targets.Ready) (bench.Driver, func(), error) {
		return queueDriver(ctx, r.Addr, cmp.Or(url, r.Broker), c.Bool("new-connection"))
	}
	return nil
}

// aboutBroker asks a broker that runs already.
func aboutBroker(ctx context.Context, url string, like broker.Config) (store, sync string, err error) {
	client, err := broker.Connect(ctx, url)
	if err != nil {
		return "", "", err
	}
	defer client.Close()
	if err := client.EnsureStreams(ctx, like); err != nil {
		return "", "", err
	}
	return client.About(ctx)
}

// placingDriver places orders over HTTP.
func placingDriver(addr string, newConnection bool) (*bench.Conns, error) {
	d, err := bench.HTTP{
		URL: "http://" + addr + orders.PathOrders, Method: "POST", Header: []string{"Content-Type: application/json"},
		Body: queue.Body(), Fill: queue.Fill, Accepted: queue.Accepted, NewConnection: newConnection,
	}.Driver()
	if err != nil {
		return nil, err
	}
	d.Kind = queue.Name
	return d, nil
}

// queueDriver places orders, and listens at the broker for those that are paid.
func queueDriver(ctx context.Context, addr, brokerURL string, newConnection bool) (bench.Driver, func(), error) {
	d, err := placingDriver(addr, newConnection)
	if err != nil {
		return nil, nil, err
	}
	client, err := broker.Connect(ctx, brokerURL)
	if err != nil {
		return nil, nil, err
	}
	d.Later = client
	return d, client.Close, nil
}
