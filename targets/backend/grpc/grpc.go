// Package grpc is a backend that is an order service in another process, called
// over gRPC.
//
// Many calls share a connection, so a bound on connections does not bound calls. An
// upstream that wants fewer calls must reject them. A bound on the calls of a
// connection would make the others wait in this process, where gRPC does not count
// them.
package grpc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// Name of the backend.
const Name = "grpc"

// DefaultConnections is what the zero Connections of a Config means. One connection carries
// any number of calls; more of them share out the work of reading and writing
// them, of which one process has plenty at some ten thousand calls a second.
const DefaultConnections = 1

// MaxConnections is the largest Connections of a Config.
const MaxConnections = 1_000

// reconnect makes a lost connection again soon, as the upstream is on this machine.
// A call in between fails at once.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 5 * time.Second,
}

// Config is how to call the upstream.
type Config struct {
	URL         string        // grpc://HOST:PORT, or HOST:PORT
	Connections int           // HTTP/2 connections, which calls take in turn; 0 means DefaultConnections
	Timeout     time.Duration // for a call
}

// Validate checks every field. The error is a [*field.Error].
func (c Config) Validate() error {
	host, port, err := net.SplitHostPort(c.addr())
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return field.First(
		field.Check(c.Connections >= 0 && c.Connections <= MaxConnections, "Connections", c.Connections, fmt.Sprintf("1 to %d with backend %s, or 0 for %d", MaxConnections, Name, DefaultConnections)),
		field.Check(err == nil && host != "", "URL", c.URL, "grpc://HOST:PORT, without a path"),
	)
}

func (c Config) addr() string { return strings.TrimPrefix(c.URL, "grpc://") }

// Backend is an upstream over gRPC.
type Backend struct {
	backend.Parked
	timeout time.Duration
	conns   []*grpc.ClientConn
	clients []orderspb.OrdersClient
	calls   atomic.Int64

	open context.Context // ends with Close, and every call with it
	end  context.CancelFunc
}

var _ backend.Backend = (*Backend)(nil)

// New returns a backend, or the error of Validate. It
// waits for no connection: each call reports an upstream that is not there.
func New(c Config) (*Backend, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	b := &Backend{timeout: c.Timeout}
	b.Parked = backend.Parked{Ask: b.ask}
	b.open, b.end = context.WithCancel(context.Background())
	for range cmp.Or(c.Connections, DefaultConnections) {
		conn, err := orderspb.NewClient(c.addr(), grpc.WithConnectParams(reconnect))
		if err != nil {
			return nil, errors.Join(err, b.Close())
		}
		conn.Connect()
		b.conns = append(b.conns, conn)
		b.clients = append(b.clients, orderspb.NewOrdersClient(conn))
	}
	return b, nil
}

func (b *Backend) ask(q *backend.Query) {
	n := uint64(b.calls.Add(1))
	ctx, cancel := context.WithTimeout(b.open, b.timeout)
	defer cancel()
	q.Err = b.call(ctx, b.clients[n%uint64(len(b.clients))], q)
}

// Stats implements [backend.Backend].
func (b *Backend) Stats() orders.BackendStats {
	return orders.BackendStats{Name: Name, Connections: len(b.conns), Calls: b.calls.Load()}
}

// Close implements [backend.Backend]. It ends the calls that are under way and
// closes the connections.
func (b *Backend) Close() error {
	b.end()
	var all error
	for _, c := range b.conns {
		all = errors.Join(all, c.Close())
	}
	return all
}

// call makes one call and reads what it is answered.
func (b *Backend) call(ctx context.Context, to orderspb.OrdersClient, q *backend.Query) error {
	var one [1]*orderspb.Order
	list := one[:]
	if q.Pay {
		out, err := to.Place(ctx, &orderspb.PlaceRequest{UserId: q.Order.UserID, TotalCents: q.Order.TotalCents})
		if err != nil {
			return b.failed(err)
		}
		one[0] = out.Order
	} else {
		out, err := to.Find(ctx, &orderspb.FindRequest{UserId: q.UserID})
		if err != nil {
			return b.failed(err)
		}
		list = out.Orders
	}
	q.Room()
	q.Orders = q.Orders[:0]
	for _, m := range list {
		o, err := orderspb.Decode(m)
		if err != nil {
			return fmt.Errorf("the upstream's reply cannot be read: %w", err)
		}
		q.Orders = append(q.Orders, o)
	}
	return nil
}

func (b *Backend) failed(err error) error {
	if b.open.Err() != nil {
		return backend.ErrClosed
	}
	switch s := status.Convert(err); s.Code() {
	case codes.ResourceExhausted:
		return fmt.Errorf("the upstream is full: %w", orders.ErrBusy)
	case codes.DeadlineExceeded:
		return fmt.Errorf("the upstream did not answer within %v", b.timeout)
	default:
		return fmt.Errorf("calling the upstream: %v: %s", s.Code(), s.Message())
	}
}
