package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/a628bb15/onhold/targets/orders"
)

// consumerName is durable: the broker remembers deliveries that are not acknowledged
// when consumers end, and when it ends itself.
const consumerName = "payments"

// MaxConsumers is how many may ask for orders at once.
const MaxConsumers = 4_000

// Orders delivers orders.
type Orders struct {
	client   *Client
	consumer jetstream.Consumer
}

// Consume returns a consumer of orders. Each order is delivered to one caller of
// Next, and again where it is not acknowledged within ackWait.
func (c *Client) Consume(ctx context.Context, ackWait time.Duration) (*Orders, error) {
	consumer, err := c.orders.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
		Durable: consumerName, AckPolicy: jetstream.AckExplicitPolicy, AckWait: ackWait,
		MaxDeliver: -1, MaxAckPending: -1, MaxWaiting: 2 * MaxConsumers, // of one service that died and of the next
	})
	if err != nil {
		return nil, fmt.Errorf("making the consumer: %w", err)
	}
	return &Orders{c, consumer}, nil
}

// Placed is an order that was delivered.
type Placed struct {
	orders.Order
	msg jetstream.Msg
}

// askFor is how long a question for an order is held that is not there. The
// broker gives up a tenth earlier, so that no order crosses with the end.
const askFor = 9 * time.Second

// Next waits for an order: nil where there was none for a while, or where ctx has
// ended. An order that was on its way at that moment is delivered again.
func (o *Orders) Next(ctx context.Context) (*Placed, error) {
	ctx, cancel := o.client.untilLost(ctx) // a question ends with the broker that took it
	defer cancel()
	batch, err := o.consumer.Fetch(1, jetstream.FetchContext(ctx))
	if err != nil {
		return nil, err
	}
	msg, ok := <-batch.Messages()
	if !ok {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, batch.Error()
	}
	p, err := parse(msg.Data())
	if err != nil {
		_ = msg.Term() // it will never be readable
		return nil, fmt.Errorf("an order that cannot be read: %w", err)
	}
	return &Placed{p.Order, msg}, nil
}

// Ack removes the order from the stream. Where the broker does not receive it, the
// order is delivered again.
func (p *Placed) Ack() { _ = p.msg.Ack() }

// Keep restarts the time for the acknowledgement.
func (p *Placed) Keep() { _ = p.msg.InProgress() }

// Return gives the order back, to be delivered again later.
func (p *Placed) Return(after time.Duration) { _ = p.msg.NakWithDelay(after) }
