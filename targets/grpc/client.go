package grpc

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/targets/grpc/orderspb"
	"github.com/a628bb15/onhold/targets/orders"
)

// Driver names the goroutine driver over connections of gRPC.
const Driver = "grpc"

// Client is who calls the service, and how: one unary call after another from
// each [bench.Conn].
type Client struct {
	Addr        string         // HOST:PORT
	Connections int            // HTTP/2 connections that all of them share; 0: each has its own
	Request     orders.Request // of kind Find or Place
}

// Driver is what drives the calls.
//
// A deadline goes with each call, so the server knows when its caller gives up.
// Nothing is called twice, but for what [orderspb.NewClient] says.
func (c Client) Driver() (*bench.GoroutineDriver, error) {
	dial, err := c.Dial()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%+v", c.Request)) // nothing in it is secret
	return &bench.GoroutineDriver{
		Dial: dial, Kind: Driver, SharedConnections: c.Connections,
		RequestSettings: result.Settings{{Key: result.KeyGRPCConnections, Value: strconv.Itoa(c.Connections)}, {Key: result.KeyRequest, Value: hex.EncodeToString(sum[:2])}},
	}, nil
}

// Dial returns a function that makes a Conn for each caller.
func (c Client) Dial() (bench.Dial, error) {
	call, err := c.call()
	if err != nil {
		return nil, err
	}
	pool := newPool(c.Addr, c.Connections)
	return func(ctx context.Context) (bench.Conn, error) {
		channel, fresh, err := pool.get(ctx)
		if err != nil {
			return nil, err
		}
		k := &caller{pool: pool, channel: channel, fresh: fresh, call: call}
		k.ctx, k.end = context.WithCancel(context.Background())
		return k, nil
	}, nil
}

// calling makes one call.
type calling func(context.Context, orderspb.OrdersClient, ...grpc.CallOption) error

func (c Client) call() (calling, error) {
	switch r := c.Request; r.Kind {
	case orders.Find:
		in := &orderspb.FindRequest{UserId: r.UserID}
		return func(ctx context.Context, to orderspb.OrdersClient, with ...grpc.CallOption) error {
			_, err := to.Find(ctx, in, with...)
			return err
		}, nil
	case orders.Place:
		in := &orderspb.PlaceRequest{UserId: r.UserID, TotalCents: r.TotalCents}
		return func(ctx context.Context, to orderspb.OrdersClient, with ...grpc.CallOption) error {
			_, err := to.Place(ctx, in, with...)
			return err
		}, nil
	}
	return nil, errors.New("the service has calls for finding and placing orders only")
}

// caller is one who calls, over a connection of its own or one that others use
// as well.
type caller struct {
	pool    *pool
	channel *channel
	fresh   bool
	call    calling
	ctx     context.Context // ends with the caller
	end     context.CancelFunc
	closed  sync.Once
}

var (
	_ bench.Conn       = (*caller)(nil)
	_ bench.Checker    = (*caller)(nil)
	_ bench.SharedConn = (*caller)(nil)
)

// Fresh implements [bench.SharedConn].
func (c *caller) Fresh() bool { return c.fresh }

// Check implements [bench.Checker]. A connection that is about to be closed takes no
// more calls.
func (c *caller) Check() (usable, unsolicited bool) { return c.channel.alive(), false }

// Do makes one call.
func (c *caller) Do(timeout time.Duration) bench.Reply {
	ctx, cancel := context.WithTimeout(c.ctx, timeout)
	defer cancel()
	var trailer metadata.MD
	err := c.call(ctx, c.channel.orders, grpc.Trailer(&trailer))
	if err == nil {
		return bench.Reply{Outcome: result.OK}
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.ResourceExhausted:
		return bench.Reply{Outcome: result.Rejected}
	case codes.DeadlineExceeded:
		return bench.Reply{Outcome: result.Timeout}
	case codes.Unavailable:
		if !answered(trailer) {
			return bench.Reply{Outcome: result.Reset, Spent: true, Why: "the connection was closed before the reply was complete: " + s.Message()}
		}
	case codes.Canceled:
		if c.ctx.Err() != nil {
			return bench.Reply{Outcome: result.Reset, Spent: true, Why: "the caller hung up"}
		}
	}
	return bench.Reply{Outcome: result.Error, Why: fmt.Sprintf("gRPC status %v: %s", s.Code(), s.Message())}
}

// answered is whether it was the server that said what became of a call, and
// not the library on this side: only a reply has a content type.
func answered(trailer metadata.MD) bool { return len(trailer.Get("content-type")) > 0 }

// Close ends the call in progress, too. It may be called more than once.
func (c *caller) Close() error {
	c.end()
	c.closed.Do(func() { c.pool.put(c.channel) })
	return nil
}

// Stats asks a server that listens at addr what it says of itself.
func Stats(ctx context.Context, addr string) (orders.Stats, error) {
	var st orders.Stats
	c, err := connect(ctx, addr)
	if err != nil {
		return st, err
	}
	defer c.cc.Close()
	out, err := c.orders.Stats(ctx, &orderspb.StatsRequest{})
	if err != nil {
		return st, err
	}
	return st, json.Unmarshal([]byte(out.Json), &st)
}
