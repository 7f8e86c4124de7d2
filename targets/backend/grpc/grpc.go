// Package grpc is a backend that is an order service in another process, called
// over gRPC.
//
// Many calls share a connection, so a bound on connections is none on calls: a
// process that wants to be asked less must turn callers away, or bound the calls
// on a connection, which makes the ones beyond it wait in this process, where
// gRPC does not count them.
package grpc

import (
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

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// Name of the backend.
const Name = "rpc"

// DefaultConns is what the zero Conns of a Config means. One connection carries
// any number of calls; more of them share out the work of reading and writing
// them, of which one process has plenty at some ten thousand calls a second.
const DefaultConns = 1

// MaxConns is the largest Conns of a Config.
const MaxConns = 1_000

// reconnect is how a connection that is gone is made anew: soon, as the upstream
// is next door, and a call meanwhile fails at once.
var reconnect = grpc.ConnectParams{
	Backoff:           backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
	MinConnectTimeout: 5 * time.Second,
}

// Config is how to call the upstream.
type Config struct {
	URL     string        // grpc://HOST:PORT, or HOST:PORT
	Conns   int           // HTTP/2 connections, which calls take in turn; 0 means DefaultConns
	Timeout time.Duration // for a call
}

// Validate checks every field. The error begins with the field's name in lower
// case, as in "url=x: …".
func (c Config) Validate() error {
	if c.Conns < 0 || c.Conns > MaxConns {
		return fmt.Errorf("conns=%d: must be from 1 to %d with backend %s, or 0 for %d", c.Conns, MaxConns, Name, DefaultConns)
	}
	host, port, err := net.SplitHostPort(c.addr())
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || host == "" {
		return fmt.Errorf("url=%s: must be grpc://HOST:PORT, without a path", c.URL)
	}
	return nil
}

func (c Config) addr() string { return strings.TrimPrefix(c.URL, "grpc://") }

// RPC is an upstream over gRPC.
type RPC struct {
	timeout time.Duration
	conns   []*grpc.ClientConn
	clients []orderspb.OrdersClient
	calls   atomic.Int64

	open context.Context // ends with Close, and every call with it
	end  context.CancelFunc
}

var _ backend.Backend = (*RPC)(nil)

// New returns a backend, or what Validate has to say of its configuration. It
// waits for no connection: an upstream that is not there is told by each call.
func New(c Config) (*RPC, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	r := &RPC{timeout: c.Timeout}
	r.open, r.end = context.WithCancel(context.Background())
	n := c.Conns
	if n == 0 {
		n = DefaultConns
	}
	for range n {
		conn, err := orderspb.NewClient(c.addr(), grpc.WithConnectParams(reconnect))
		if err != nil {
			return nil, errors.Join(err, r.Close())
		}
		conn.Connect()
		r.conns = append(r.conns, conn)
		r.clients = append(r.clients, orderspb.NewOrdersClient(conn))
	}
	return r, nil
}

// Park implements [backend.Backend].
func (r *RPC) Park(q *backend.Query) {
	n := uint64(r.calls.Add(1))
	ctx, cancel := context.WithTimeout(r.open, r.timeout)
	defer cancel()
	q.Err = r.call(ctx, r.clients[n%uint64(len(r.clients))], q)
}

// Block implements [backend.Backend]. The calling goroutine is locked to its OS
// thread: while the client parks the one, the other sleeps in the kernel and
// serves nobody else.
func (r *RPC) Block(q *backend.Query) { r.Park(q) }

// Notify implements [backend.Backend].
func (r *RPC) Notify(q *backend.Query, loop backend.Loop, done func()) {
	backend.NotifyOf(r.Park, q, loop, done)
}

// Stats implements [backend.Backend].
func (r *RPC) Stats() orders.BackendStats {
	return orders.BackendStats{Name: Name, Conns: len(r.conns), Calls: r.calls.Load()}
}

// Close implements [backend.Backend]. It ends the calls that are under way and
// closes the connections.
func (r *RPC) Close() error {
	r.end()
	var all error
	for _, c := range r.conns {
		all = errors.Join(all, c.Close())
	}
	return all
}

// call makes one call and reads what it is answered.
func (r *RPC) call(ctx context.Context, to orderspb.OrdersClient, q *backend.Query) error {
	var one [1]*orderspb.Order
	list := one[:]
	if q.Pay {
		out, err := to.Place(ctx, &orderspb.PlaceRequest{UserId: q.Order.UserID, TotalCents: q.Order.TotalCents})
		if err != nil {
			return r.failed(err)
		}
		one[0] = out.Order
	} else {
		out, err := to.Find(ctx, &orderspb.FindRequest{UserId: q.UserID})
		if err != nil {
			return r.failed(err)
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

func (r *RPC) failed(err error) error {
	if r.open.Err() != nil {
		return backend.ErrClosed
	}
	switch s := status.Convert(err); s.Code() {
	case codes.ResourceExhausted:
		return fmt.Errorf("the upstream is full: %w", orders.ErrBusy)
	case codes.DeadlineExceeded:
		return fmt.Errorf("the upstream did not answer within %v", r.timeout)
	default:
		return fmt.Errorf("calling the upstream: %v: %s", s.Code(), s.Message())
	}
}
