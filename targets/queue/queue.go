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

// DefaultUnacknowledged is how many orders may wait at once for the broker to
// acknowledge them, where a Config does not say.
const DefaultUnacknowledged = 10_000

// acknowledged bounds that wait. It is well below a caller's timeout, so that the
// caller learns the reason.
const acknowledged = 5 * time.Second

// Config is how to start a server.
type Config struct {
	admission.Config               // its MaxInflight 0 means any number of requests, of orders DefaultUnacknowledged
	Broker           string        // a nats:// address
	Streams          broker.Config // how to make the streams where the broker has none
}

// Server is a running server.
type Server struct {
	*front.Server
	config      Config
	admission   *admission.Control
	placing     *admission.Control
	late        atomic.Int64 // orders that were admitted, and then rejected
	broker      *broker.Client
	store, sync string
}

var _ orders.Tracker = (*Server)(nil)

// Start starts a server. The broker must be running.
func Start(c Config) (*Server, error) {
	if c.Broker == "" {
		return nil, errors.New("it needs a broker: the nats:// address of one")
	}
	s := &Server{config: c, admission: admission.New(Name, c.Config), placing: admission.New(Name, admission.Config{MaxInflight: DefaultUnacknowledged})}
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
	ctx, cancel := context.WithTimeout(context.Background(), acknowledged)
	defer cancel()
	q.Room()
	if q.Err = s.broker.Place(ctx, &q.Order); q.Err != nil {
		if errors.Is(q.Err, orders.ErrBusy) {
			s.late.Add(1)
		}
		return true
	}
	q.Orders = append(q.Orders[:0], q.Order)
	return true
}

// Track implements [orders.Tracker]: the broker knows.
func (s *Server) Track(id int64) (orders.Order, bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), acknowledged)
	defer cancel()
	return s.broker.Order(ctx, id)
}

// Stats reports what the server is doing.
func (s *Server) Stats() orders.Stats {
	st := s.counts()
	st.Broker = &orders.BrokerStats{URL: redact.Servers(s.config.Broker), Connected: s.broker.Connected(), Store: s.store, Sync: s.sync}
	return st
}

// counts are those of admission, except that orders which were admitted and then
// found no place count as rejected: they got 503.
func (s *Server) counts() orders.Stats {
	late := s.late.Load() // first: none of these is missing among those admitted
	st := s.admission.Stats()
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
