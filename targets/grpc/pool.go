package grpc

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/a628bb15/onhold/targets/grpc/orderspb"
)

// channel is one HTTP/2 connection. Once it is broken it stays so.
type channel struct {
	cc     *grpc.ClientConn
	orders orderspb.OrdersClient
	slot   *slot // where it is one of those that are shared

	users int // guarded by the pool
}

func (c *channel) alive() bool { return c.cc.GetState() == connectivity.Ready }

var (
	errBroken = errors.New("the connection is broken, and this channel makes no other")
	errNoGRPC = errors.New("the server closed the connection before the gRPC handshake")
)

// connect makes a channel, and returns when calls can be made.
//
// By default a ClientConn hides the connection: it makes it with the first call, and
// again when it breaks, with pauses in between, and reports a failure as text only.
// So the connection is made here, and handed over once.
func connect(ctx context.Context, addr string) (*channel, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	made := make(chan net.Conn, 1)
	made <- conn
	cc, err := orderspb.NewClient(addr, grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) {
		select {
		case c := <-made:
			return c, nil
		default:
			return nil, errBroken
		}
	}))
	if err != nil {
		conn.Close()
		return nil, err
	}
	cc.Connect()
	for {
		taken := len(made) == 0 // before the state is read: it is idle before and, where it broke, after
		state := cc.GetState()
		switch {
		case state == connectivity.Ready:
			return &channel{cc: cc, orders: orderspb.NewOrdersClient(cc)}, nil
		case state == connectivity.Idle && !taken, state == connectivity.Connecting:
			if cc.WaitForStateChange(ctx, state) {
				continue
			}
			err = ctx.Err()
		default:
			err = errNoGRPC
		}
		cc.Close()
		conn.Close()
		return nil, err
	}
}

// pool hands out channels: to each caller its own, or those of a few slots.
type pool struct {
	addr  string
	slots []*slot // none: to each its own

	mu sync.Mutex // guards the users of channels and slots, and which channel a slot has
}

// slot is a place for one channel that callers share.
type slot struct {
	making  sync.Mutex // held while a caller makes the channel
	channel *channel   // nil: none, or none that is alive
	users   int
}

func newPool(addr string, shared int) *pool {
	p := &pool{addr: addr}
	for range shared {
		p.slots = append(p.slots, &slot{})
	}
	return p
}

// get is a channel on which calls can be made, and whether it was made for this
// caller. Of those that are shared it is that of the slot with the fewest users.
func (p *pool) get(ctx context.Context) (c *channel, fresh bool, err error) {
	if len(p.slots) == 0 {
		c, err = connect(ctx, p.addr)
		return c, true, err
	}
	p.mu.Lock()
	s := slices.MinFunc(p.slots, func(a, b *slot) int { return a.users - b.users })
	s.users++
	p.mu.Unlock()

	s.making.Lock() // as long as others need, whose contexts end as ours does
	defer s.making.Unlock()
	p.mu.Lock()
	if c = s.channel; c != nil && c.alive() {
		c.users++
		p.mu.Unlock()
		return c, false, nil
	}
	p.mu.Unlock()
	c, err = connect(ctx, p.addr)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		s.users--
		return nil, false, err
	}
	c.slot, c.users, s.channel = s, 1, c
	return c, true, nil
}

// put ends a caller's use of a channel. The last one closes it.
func (p *pool) put(c *channel) {
	if s := c.slot; s != nil {
		p.mu.Lock()
		s.users--
		c.users--
		if c.users > 0 {
			p.mu.Unlock()
			return
		}
		if s.channel == c {
			s.channel = nil
		}
		p.mu.Unlock()
	}
	c.cc.Close()
}
