package grpc

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/bench/internal/shared"
	"github.com/a628bb15/onhold/reports/result"
)

// caller is one who calls, over a connection of its own or one that others use
// as well.
type caller struct {
	*service
	channel  *channel
	lease    *shared.Lease[*channel]
	messages *messages
	picker   request.Picker
	number   uint64 // of the next call

	options []grpc.CallOption
	closing closing // of the last call

	ctx    context.Context // ends with the caller
	end    context.CancelFunc
	with   context.Context // ctx with the metadata of the only message there is, or nil
	closed sync.Once
}

// closing is what is known of a call when it has ended.
type closing struct {
	trailer metadata.MD
	peer    peer.Peer
}

// noted are options, and those that fill it in.
func (e *closing) noted(options []grpc.CallOption) []grpc.CallOption {
	return append(slices.Clip(options), grpc.Trailer(&e.trailer), grpc.Peer(&e.peer))
}

var (
	_ bench.Conn         = (*caller)(nil)
	_ bench.Checker      = (*caller)(nil)
	_ bench.NumberedConn = (*caller)(nil)
	_ bench.SharedConn   = (*caller)(nil)
	_ bench.SecureConn   = (*caller)(nil)
)

func newCaller(s *service, lease *shared.Lease[*channel], m *messages) bench.Conn {
	c := &caller{service: s, channel: lease.Conn, lease: lease, messages: m, picker: s.set.Picker()}
	c.ctx, c.end = context.WithCancel(context.Background())
	c.options = []grpc.CallOption{grpc.ForceCodecV2(encoded{}), grpc.MaxCallRecvMsgSize(maxReply)}
	if len(m.all) == 1 {
		c.with = metadata.NewOutgoingContext(c.ctx, m.all[0].metadata)
	}
	if m.method.IsStreamingServer() {
		return &streamCaller{caller: c}
	}
	c.options = c.closing.noted(c.options)
	return c
}

// Number implements [bench.NumberedConn].
func (c *caller) Number(n uint64) { c.number = n }

// Fresh implements [bench.SharedConn].
func (c *caller) Fresh() bool { return c.lease.Fresh }

// Handshake implements [bench.SecureConn].
func (c *caller) Handshake() time.Duration { return c.channel.handshake }

// Check implements [bench.Checker]. A connection that is about to be closed takes no
// more calls.
func (c *caller) Check() (usable, unsolicited bool) { return c.channel.Usable(), false }

// Do makes one call.
func (c *caller) Do(timeout time.Duration) bench.Reply {
	call, ctx, reply := c.begin()
	if call == nil {
		return reply
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if err := c.channel.cc.Invoke(ctx, c.path, call.encoded, discarded{}, c.options...); err != nil {
		reply = c.failed(err, &c.closing)
	}
	reply.Spent = reply.Spent || c.channel.replaced.Load()
	return reply
}

// begin is the next call, and the context of its metadata; nil where it cannot be made,
// and how it ended then.
func (c *caller) begin() (*message, context.Context, bench.Reply) {
	call, ctx, err := c.next()
	if err != nil {
		return nil, nil, bench.Reply{Outcome: result.Unsent, Why: err.Error()}
	}
	c.closing = closing{}
	return &call, ctx, bench.Reply{}
}

// failed is how a call ended that failed.
func (c *caller) failed(err error, end *closing) bench.Reply {
	if c.ctx.Err() != nil {
		return bench.Reply{Outcome: result.Reset, Spent: true, Why: "the caller hung up"}
	}
	return c.meaning.of(err, end.trailer, end.peer.Addr != nil)
}

// next is the next call, and the context of its metadata.
func (c *caller) next() (call message, ctx context.Context, err error) {
	n := c.number
	c.number++
	switch {
	case c.with != nil:
		return c.messages.all[0], c.with, nil
	case c.messages.all != nil:
		call = c.messages.all[c.set.Which(n)]
	default:
		raw, _ := c.picker.Next(n)
		if call, err = c.messages.of(raw); err != nil {
			return call, nil, fmt.Errorf("the message of request %d cannot be made: %w", n+1, err)
		}
	}
	return call, metadata.NewOutgoingContext(c.ctx, call.metadata), nil
}

// Close ends the call in progress, too. It may be called more than once.
func (c *caller) Close() error {
	c.end()
	c.closed.Do(c.lease.Release)
	return nil
}

// encoded is the codec of messages that are encoded already, and of replies that nobody
// reads.
type encoded struct{}

// discarded is what a reply is read into.
type discarded struct{}

func (encoded) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (encoded) Unmarshal(mem.BufferSlice, any) error { return nil }

// Name is empty, so that the content type is application/grpc, as of any other caller.
func (encoded) Name() string { return "" }
