package broker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/orders"
)

// Payment is the record of a paid order.
type Payment struct {
	orders.Order
	Payment string `json:"payment,omitempty"` // identifies one act of paying: two records of an order differ in it
}

func parse(data []byte) (p Payment, err error) {
	if err = json.Unmarshal(data, &p); err == nil && p.ID < 1 {
		err = fmt.Errorf("the order's id is %d", p.ID)
	}
	return p, err
}

func key(id uint64) string { return strconv.FormatUint(id, 10) }

// idOf reads the id behind a subject's prefix.
func idOf(subject, prefix string) (uint64, bool) {
	text, ok := strings.CutPrefix(subject, prefix)
	if !ok {
		return 0, false
	}
	id, err := strconv.ParseUint(text, 10, 64)
	return id, err == nil
}

// Recorded looks an order up in the record of paid orders.
func (c *Client) Recorded(ctx context.Context, id int64) (p Payment, ok bool, err error) {
	return lookUp(ctx, c.done, subjectDone, id)
}

// Order looks an order up, which is paid, or placed and still to be paid.
func (c *Client) Order(ctx context.Context, id int64) (o orders.Order, ok bool, err error) {
	// The record last: an order that is being paid is in one of them, always.
	placed, toBePaid, err := lookUp(ctx, c.orders, subjectPlaced, id)
	if err != nil {
		return o, false, err
	}
	paid, ok, err := c.Recorded(ctx, id)
	if err != nil || ok {
		return paid.Order, ok, err
	}
	return placed.Order, toBePaid, nil
}

func lookUp(ctx context.Context, in jetstream.Stream, prefix string, id int64) (p Payment, ok bool, err error) {
	msg, err := in.GetLastMsgForSubject(ctx, prefix+key(uint64(id)))
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return Payment{}, false, nil
	}
	if err != nil {
		return Payment{}, false, err
	}
	p, err = parse(msg.Data)
	return p, err == nil, err
}

// Record puts a paid order into the record, which has at most one entry for
// each. It is false where the order had been recorded before, by another act of
// paying. It may be called again where it failed.
func (c *Client) Record(ctx context.Context, p Payment) (first bool, err error) {
	data, err := json.Marshal(p)
	if err != nil {
		return false, err
	}
	msg := nats.NewMsg(subjectDone + key(uint64(p.ID)))
	msg.Data = data
	// Not by a message id, which the broker knows for a while only: the subject
	// must have no message yet.
	_, err = c.js.PublishMsg(ctx, msg, jetstream.WithExpectLastSequencePerSubject(0), jetstream.WithExpectStream(streamProcessed))
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != jetstream.JSErrCodeStreamWrongLastSequence {
		return err == nil, err
	}
	// It was recorded before: by us, in an earlier call that was not answered, or by
	// another service.
	there, ok, err := c.Recorded(ctx, p.ID)
	if err != nil || !ok {
		return false, errors.Join(err, api)
	}
	return there.Payment == p.Payment, nil
}

// ReportAgain reports to those who watch that an order was delivered again. Without
// a watcher the report is lost.
func (c *Client) ReportAgain(id int64, paidTwice bool) {
	text := "again"
	if paidTwice {
		text = "twice"
	}
	_ = c.conn.Publish(subjectAgain+key(uint64(id)), []byte(text))
}

// Paid calls report with each payment that is recorded after it returns, until ctx
// ends. When the broker comes back after an interruption it continues where it was,
// some seconds later.
func (c *Client) Paid(ctx context.Context, report func(Payment)) error {
	info, err := c.done.Info(ctx)
	if err != nil {
		return fmt.Errorf("watching the paid orders: %w", err)
	}
	// Not "what is new": that would start from the end again when the broker is back.
	consumer, err := c.done.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: info.State.LastSeq + 1,
	})
	if err != nil {
		return fmt.Errorf("watching the paid orders: %w", err)
	}
	consuming, err := consumer.Consume(func(msg jetstream.Msg) {
		if p, err := parse(msg.Data()); err == nil {
			report(p)
		}
	}, jetstream.ConsumeErrHandler(func(jetstream.ConsumeContext, error) {}))
	if err != nil {
		return fmt.Errorf("watching the paid orders: %w", err)
	}
	context.AfterFunc(ctx, consuming.Stop)
	return nil
}

// Watch reports what happens to placed orders: see bench.Completions.
func (c *Client) Watch(ctx context.Context, report func(id uint64, how result.CompletionEvent)) error {
	again, err := c.conn.Subscribe(subjectAgain+"*", func(msg *nats.Msg) {
		if id, ok := idOf(msg.Subject, subjectAgain); ok {
			how := result.Redelivered
			if string(msg.Data) == "twice" {
				how = result.CompletedAgain
			}
			report(id, how)
		}
	})
	if err != nil {
		return fmt.Errorf("watching the orders: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = again.Unsubscribe() })
	return c.Paid(ctx, func(p Payment) { report(uint64(p.Order.ID), result.Completed) })
}

// Waiting is how many of the orders are in one of the streams: still to be paid, or
// paid so recently that it was not reported. See bench.Completions.
func (c *Client) Waiting(ctx context.Context, ids []uint64) (int, error) {
	// The record last: an order that is being paid is in one of them, always.
	held := map[uint64]bool{}
	for _, s := range []struct {
		stream jetstream.Stream
		prefix string
	}{{c.orders, subjectPlaced}, {c.done, subjectDone}} {
		info, err := s.stream.Info(ctx, jetstream.WithSubjectFilter(s.prefix+"*"))
		if err != nil {
			return 0, err
		}
		for subject := range info.State.Subjects {
			if id, ok := idOf(subject, s.prefix); ok {
				held[id] = true
			}
		}
	}
	n := 0
	for _, id := range ids {
		if held[id] {
			n++
		}
	}
	return n, nil
}
