package targets

import (
	"cmp"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/targets/queue/broker"
	"github.com/a628bb15/onhold/targets/queue/payments"
)

// Queued is how style queue, its broker and its payment service are started.
type Queued struct {
	// Broker is the nats:// address of the broker. [Serve] starts one where it is
	// empty; [Style.Start] needs it.
	Broker string

	// Streams is how the streams are made in a broker that has none. Of ours,
	// which has them from its start, it is ignored.
	Streams broker.Config

	// Consumers is how many orders the payment service pays at once, up to
	// payments.MaxConsumers; 0 means payments.DefaultConsumers.
	Consumers int

	// AckWait is how long the payment service may take to acknowledge an order, or to report
	// that it works on it, before the order is delivered again; 0 means payments.DefaultAckWait.
	AckWait time.Duration
}

func (q Queued) validate() error {
	return field.First(
		field.In("Streams", q.Streams.Validate()),
		field.Check(q.Consumers >= 0 && q.Consumers <= payments.MaxConsumers, "Consumers", q.Consumers, fmt.Sprintf("1 to %d", payments.MaxConsumers)),
		field.Check(q.AckWait == 0 || q.AckWait >= payments.MinAckWait, "AckWait", q.AckWait, fmt.Sprintf("%v or more", payments.MinAckWait)),
	)
}

func (q Queued) consumers() int { return cmp.Or(q.Consumers, payments.DefaultConsumers) }

func (q Queued) ackWait() time.Duration { return cmp.Or(q.AckWait, payments.DefaultAckWait) }
