package queue

import (
	"context"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

// Request places orders with any server of the order service that listens at addr,
// each order unlike its neighbours.
func Request(addr string) bench.HTTP {
	return bench.HTTP{
		URL: "http://" + addr + orders.PathOrders, Method: "POST", Header: []string{"Content-Type: application/json"},
		Body: Body(), Fill: Fill,
	}
}

// Driver places orders with a server of this style, and learns from the broker
// which are paid. done must be called after the stage. Without a brokerURL the
// driver has no completions: it then serves to show its settings.
func Driver(ctx context.Context, addr, brokerURL string, newConnection bool) (_ *bench.GoroutineDriver, done func(), err error) {
	h := Request(addr)
	h.Accepted, h.NewConnection = Accepted, newConnection
	d, err := h.Driver()
	if err != nil {
		return nil, nil, err
	}
	d.Kind = Name
	if brokerURL == "" {
		return d, nil, nil
	}
	client, err := broker.Connect(ctx, brokerURL)
	if err != nil {
		return nil, nil, err
	}
	d.Completions = client
	return d, client.Close, nil
}
