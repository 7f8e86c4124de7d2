package targets

import (
	"fmt"
	"time"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/queue"
	"github.com/a628bb15/onhold/targets/queue/broker"
	"github.com/a628bb15/onhold/targets/queue/payments"
)

// Later lists the styles that accept an order now and have it paid later. They
// stand apart from Styles, for they need a broker and a payment service beside
// them, a POST is answered 202, and GET /api/orders/ID tells how an order does.
var Later = []Style{
	{Name: queue.Name, About: "an order is put into a message queue, and paid after the reply", start: startQueue},
}

// Payments is the service that pays what the styles of Later accepted. It is
// no style: it answers /healthz and /stats alone.
var Payments = Style{Name: payments.Name, About: "pays the orders of style queue", start: startPayments}

// Queued is how the styles of Later are started, and Payments. Options of zero
// value have no broker, which both must have.
type Queued struct {
	// Broker is the nats:// address of the broker.
	Broker string

	// Streams is how the streams are made in a broker that has none. Of ours,
	// which has them from its start, it is ignored.
	Streams broker.Config

	// Consumers is how many orders Payments pays at once, up to
	// payments.MaxConsumers; 0 means payments.DefaultConsumers.
	Consumers int

	// AckWait is how long Payments may give no sign of life until an order that
	// it has is handed out again; 0 means payments.DefaultAckWait.
	AckWait time.Duration
}

func (q Queued) validate() error {
	if err := q.Streams.Validate(); err != nil {
		return fmt.Errorf("--%w", err)
	}
	switch {
	case q.Consumers < 0 || q.Consumers > payments.MaxConsumers:
		return fmt.Errorf("--consumers=%d: must be from 1 to %d", q.Consumers, payments.MaxConsumers)
	case q.AckWait != 0 && q.AckWait < payments.MinAckWait:
		return fmt.Errorf("--ack-wait=%v: must be at least %v", q.AckWait, payments.MinAckWait)
	}
	return nil
}

func startQueue(o Options, b backend.Backend) (Server, error) {
	return queue.Start(queue.Config{Addr: o.Addr, Broker: o.Queued.Broker, Streams: o.Queued.Streams, MaxInflight: o.MaxInflight, Backend: b})
}

func startPayments(o Options, b backend.Backend) (Server, error) {
	return payments.Start(payments.Config{
		Addr: o.Addr, Broker: o.Queued.Broker, Streams: o.Queued.Streams,
		Consumers: o.Queued.Consumers, AckWait: o.Queued.AckWait, Backend: b,
	})
}
