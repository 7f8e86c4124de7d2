// Package queue accepts orders now and has them paid later. A POST puts the order
// into a stream of a message broker and is answered as soon as the broker has it. A
// payment service in its own process (package payments) takes orders out of the
// stream, and waits for the backend.
//
// All other requests are served as in style goroutine.
package queue

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/reports/redact"
	"github.com/a628bb15/onhold/targets/admission"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/front"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/a628bb15/onhold/targets/queue/broker"
)

// Name of the style.
const Name = "queue"

// Kept is for how many orders a server knows the status: the newest that it
// accepted. Older ones are known to the broker only.
const Kept = 100_000

// DefaultUnacknowledged is how many orders may wait at once for the broker to
// acknowledge them, where a Config does not say.
const DefaultUnacknowledged = 10_000

// acknowledged bounds that wait. It is well below a caller's timeout, so that the
// caller learns the reason.
const acknowledged = 5 * time.Second

// Config is how to start a server.
type Config struct {
	Addr        string        // TCP address, port 0 for any
	Broker      string        // a nats:// address
	Streams     broker.Config // how to make the streams where the broker has none
	MaxInflight int           // how many requests may wait at once, others get 503; 0 means any number, of orders DefaultUnacknowledged
	Backend     backend.Backend
}

// Server is a running server.
type Server struct {
	*front.Server
	config      Config
	admission   admission.Control
	placing     admission.Control
	late        atomic.Int64 // orders that were admitted, and then rejected
	broker      *broker.Client
	store, sync string

	mu   sync.Mutex
	kept map[int64]orders.Order
	ring []int64 // their ids; from next on, the oldest
	next int
	paid int64
}

var _ orders.Tracker = (*Server)(nil)

// Start starts a server. The broker must be running.
func Start(c Config) (*Server, error) {
	if c.Broker == "" {
		return nil, errors.New("it needs a broker: the nats:// address of one")
	}
	s := &Server{config: c, admission: admission.Control{Limit: int64(c.MaxInflight)}, kept: map[int64]orders.Order{}}
	s.placing.Limit = DefaultUnacknowledged
	ctx, cancel := context.WithTimeout(context.Background(), acknowledged)
	defer cancel()
	var err error
	if s.broker, err = broker.Open(ctx, c.Broker, c.Streams); err != nil {
		return nil, err
	}
	if err := s.listen(ctx); err != nil {
		s.broker.Close()
		return nil, err
	}
	return s, nil
}

func (s *Server) listen(ctx context.Context) (err error) {
	if s.store, s.sync, err = s.broker.About(ctx); err != nil {
		return err
	}
	// Until the connection is closed.
	if err := s.broker.Paid(context.Background(), s.payment); err != nil {
		return err
	}
	s.Server, err = front.Listen(s.config.Addr, s.ask, s)
	return err
}

func (s *Server) ask(j *backend.Job) bool {
	if !s.admission.Enter() {
		return false
	}
	defer s.admission.Leave()
	if j.Kind == orders.Place {
		return s.place(&j.Queries[0])
	}
	j.Park(s.config.Backend)
	return true
}

// place answers with the order as it was placed, once the broker has it. It is
// false where too many wait for that already.
func (s *Server) place(q *backend.Query) bool {
	if !s.placing.Enter() {
		s.late.Add(1)
		return false
	}
	defer s.placing.Leave()
	s.keep(q.Order) // first: it may be paid before the broker's word is here
	ctx, cancel := context.WithTimeout(context.Background(), acknowledged)
	defer cancel()
	q.Room()
	if q.Err = s.broker.Place(ctx, &q.Order); q.Err != nil {
		s.forget(q.Order.ID)
		if errors.Is(q.Err, orders.ErrBusy) {
			s.late.Add(1)
		}
		return true
	}
	q.Orders = append(q.Orders[:0], q.Order)
	return true
}

func (s *Server) keep(o orders.Order) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) < Kept {
		s.ring = append(s.ring, o.ID)
	} else {
		delete(s.kept, s.ring[s.next])
		s.ring[s.next] = o.ID
		s.next = (s.next + 1) % Kept
	}
	s.kept[o.ID] = o
}

func (s *Server) forget(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, id)
}

// payment notes that an order was paid, where it is one of ours.
func (s *Server) payment(p broker.Payment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paid++
	if o, ok := s.kept[p.Order.ID]; ok {
		o.Status = p.Order.Status
		s.kept[o.ID] = o
	}
}

// Track implements [orders.Tracker].
func (s *Server) Track(id int64) (orders.Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.kept[id]
	return o, ok
}

// Stats reports what the server is doing.
func (s *Server) Stats() orders.Stats {
	st := s.counts(s.config.Backend.Stats())
	st.MaxInflight = s.config.MaxInflight
	s.mu.Lock()
	defer s.mu.Unlock()
	st.Broker = &orders.BrokerStats{URL: redact.Servers(s.config.Broker), Connected: s.broker.Connected(), Store: s.store, Sync: s.sync, Paid: s.paid}
	return st
}

// counts are those of admission, except that orders which were admitted and then
// found no place count as rejected: they got 503.
func (s *Server) counts(b orders.BackendStats) orders.Stats {
	late := s.late.Load() // first: none of these is missing among those admitted
	st := s.admission.Stats(Name, 0, b)
	st.Accepted -= late
	st.Rejected += late
	return st
}

// Shutdown stops accepting, answers what is in flight and returns when that is
// done, or when ctx ends, with its error. What was accepted is the broker's.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.Server.Shutdown(ctx); err != nil {
		return err
	}
	s.broker.Close()
	return nil
}
