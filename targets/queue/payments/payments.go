// Package payments is the service that pays what style queue accepted. Each of its
// consumers takes one order at a time out of the broker's stream, waits for the
// backend once, records the payment and then acknowledges the order.
//
// # Nothing is lost
//
// An order that is not acknowledged is delivered again, also after a restart of the
// broker or of this service. It stays in the stream until its payment is recorded.
//
// # Paid once
//
// So an order can be delivered twice, and a consumer checks two things before it
// pays: does this service work on it already, and is it recorded? The record is a
// stream in the broker with at most one entry per order, so it outlives this service.
//
// A gap remains between the backend's answer and the record. A service that is killed
// there leaves a payment that is not recorded, and the next service pays again. Two
// services at once can do the same, where one does not acknowledge within
// Config.AckWait. What is detected afterwards is reported as "paid twice". Only the
// backend can close the gap: a database gets the order's id with every payment and
// can reject the second one; a service over HTTP or gRPC does not get the id, and
// draws its own.
package payments

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

// Name of the service.
const Name = "payments"

// What the zero values of a Config mean, and their bounds.
const (
	DefaultConsumers = 200 // as many as style blocking has workers
	MaxConsumers     = broker.MaxConsumers
	DefaultAckWait   = 5 * time.Second
	MinAckWait       = 500 * time.Millisecond
)

const (
	startLimit = 15 * time.Second
	pause      = 100 * time.Millisecond // before what failed is tried again
	returned   = 500 * time.Millisecond // before an order is handed out again that could not be paid
	callLimit  = 2 * time.Second        // of one call of the broker
)

// Config is how to start the service.
type Config struct {
	Addr      string        // TCP address of its health and stats, port 0 for any
	Broker    string        // a nats:// address
	Streams   broker.Config // how to make the streams where the broker has none
	Consumers int           // how many orders are paid at once; 0 means DefaultConsumers
	AckWait   time.Duration // an order that is not acknowledged within it is delivered again; 0 means DefaultAckWait
	Backend   backend.Backend
}

// Server is a running service.
type Server struct {
	config Config
	*front.Server
	broker  *broker.Client
	orders  *broker.Orders
	stop    context.CancelFunc
	stopped context.Context
	all     sync.WaitGroup

	mu     sync.Mutex
	inWork map[int64]bool // the orders that consumers have

	paid, again, twice, failed atomic.Int64
}

// Start starts the service.
func Start(c Config) (*Server, error) {
	c.Consumers = cmp.Or(c.Consumers, DefaultConsumers)
	c.AckWait = cmp.Or(c.AckWait, DefaultAckWait)
	s := &Server{config: c, inWork: map[int64]bool{}}
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	var err error
	if s.broker, err = broker.Open(ctx, c.Broker, c.Streams); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		s.broker.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context) (err error) {
	if s.orders, err = s.broker.Consume(ctx, s.config.AckWait); err != nil {
		return err
	}
	reject := func(*backend.Job) bool { return false }
	if s.Server, err = front.Listen(s.config.Addr, reject, s); err != nil {
		return err
	}
	s.stopped, s.stop = context.WithCancel(context.Background())
	for range s.config.Consumers {
		s.all.Go(s.consume)
	}
	return nil
}

// consume is the life of one consumer.
func (s *Server) consume() {
	var q backend.Query
	for s.stopped.Err() == nil {
		order, err := s.orders.Next(s.stopped)
		switch {
		case err != nil:
			s.rest()
		case order != nil:
			s.handle(order, &q)
		}
	}
}

// rest waits a moment, for a broker to come back.
func (s *Server) rest() {
	select {
	case <-time.After(pause):
	case <-s.stopped.Done():
	}
}

// handle pays an order that was delivered, unless it is being paid or was paid.
func (s *Server) handle(order *broker.Placed, q *backend.Query) {
	if !s.take(order.ID) {
		s.repeated(order, false) // the consumer that has it acknowledges it
		return
	}
	defer s.release(order.ID)
	ctx, cancel := context.WithTimeout(context.Background(), callLimit)
	_, paid, err := s.broker.Recorded(ctx, order.ID)
	cancel()
	switch {
	case err != nil: // it must not be paid as long as that is not known
		order.Return(returned)
		s.rest()
		return
	case paid:
		s.repeated(order, false)
		order.Ack()
		return
	}
	if err := s.pay(order, q); err != nil {
		s.failed.Add(1)
		order.Return(returned)
		return
	}
	s.record(order)
}

// pay waits for the backend, and extends the time for the acknowledgement meanwhile.
func (s *Server) pay(order *broker.Placed, q *backend.Query) error {
	done := make(chan struct{})
	third := s.config.AckWait / 3
	alive := time.AfterFunc(third, func() { // most are paid before
		for {
			order.Keep()
			select {
			case <-time.After(third):
			case <-done:
				return
			}
		}
	})
	defer alive.Stop()
	defer close(done)
	q.UserID, q.Pay, q.Order = order.UserID, true, order.Order
	s.config.Backend.Park(q)
	return q.Err
}

// record records the payment, however long that takes, and acknowledges the order.
// It records the order that was placed, under its own id: a backend that draws ids
// answers with another one.
func (s *Server) record(order *broker.Placed) {
	paid := order.Order
	paid.Status = orders.StatusPaid
	payment := broker.Payment{Order: paid, Payment: strconv.FormatUint(rand.Uint64(), 36)}
	for {
		ctx, cancel := context.WithTimeout(context.Background(), callLimit)
		first, err := s.broker.Record(ctx, payment)
		cancel()
		if err == nil {
			if first {
				s.paid.Add(1)
			} else {
				s.repeated(order, true)
			}
			order.Ack()
			return
		}
		select {
		case <-s.stopped.Done():
			return // the next service pays it again: see the package comment
		case <-time.After(pause):
		}
	}
}

func (s *Server) take(id int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inWork[id] {
		return false
	}
	s.inWork[id] = true
	return true
}

func (s *Server) release(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.inWork, id)
}

// repeated reports that an order was delivered again.
func (s *Server) repeated(order *broker.Placed, paidTwice bool) {
	s.again.Add(1)
	if paidTwice {
		s.twice.Add(1)
	}
	s.broker.ReportAgain(order.ID, paidTwice)
}

// Stats reports what the service is doing.
func (s *Server) Stats() orders.Stats {
	s.mu.Lock()
	busy := int64(len(s.inWork))
	s.mu.Unlock()
	return orders.Stats{
		Style: Name, Workers: s.config.Consumers, Busy: busy, InFlight: busy,
		Accepted: s.paid.Load() + busy,
		Backend:  s.config.Backend.Stats(),
		Broker: &orders.BrokerStats{
			URL: redact.Servers(s.config.Broker), Connected: s.broker.Connected(),
			Paid: s.paid.Load(), Duplicates: s.again.Load(), PaidTwice: s.twice.Load(), Failed: s.failed.Load(),
		},
	}
}

// Shutdown takes no further order, finishes those that are being paid and returns
// when that is done, or when ctx ends, with its error. Other orders stay in the
// broker.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() {
		s.all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("consumers are still at work: %w", ctx.Err())
	}
	err := s.Server.Shutdown(ctx)
	s.broker.Close()
	return err
}
