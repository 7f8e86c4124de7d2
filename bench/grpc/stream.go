package grpc

import (
	"context"
	"io"
	"strconv"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// tooFew is why a call is an error that the server ended gracefully.
const tooFew = "the stream ended before it had as many messages as were asked for"

// checkStream checks what is asked of the streams of a method.
func (s *service) checkStream(method protoreflect.MethodDescriptor) error {
	return field.Check(s.StreamEvents == 0 || method.IsStreamingServer(), "StreamEvents", s.StreamEvents, string("0, as the reply of "+method.FullName()+" is one message"))
}

// streamCaller is one who calls a method that streams its replies. The events are its
// messages.
type streamCaller struct {
	*caller
	event func(bench.Event)
	gaps  stream.Gaps
}

var _ bench.StreamConn = (*streamCaller)(nil)

// Events implements [bench.StreamConn].
func (c *streamCaller) Events(event func(bench.Event)) { c.event = event }

// Do makes one call. It has no deadline, as it may last for any time.
func (c *streamCaller) Do(timeout time.Duration) bench.Reply {
	call, ctx, reply := c.begin()
	if call == nil {
		return reply
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var late atomic.Bool
	limit := time.AfterFunc(timeout, func() {
		late.Store(true)
		cancel()
	})
	defer limit.Stop()
	c.gaps.Begin()
	events, first, before, reads := 0, time.Duration(0), time.Duration(0), int64(-1)
	// Of its own: gRPC notes how a call ended that is cancelled when it may be the next one's turn.
	end := new(closing)
	messages, err := c.open(ctx, call.encoded, end)
	for err == nil {
		if err = messages.RecvMsg(discarded{}); err != nil {
			break
		}
		e := bench.Event{Before: before, At: clock.Now(), First: events == 0}
		// Where nothing was read since the message before, they came together.
		if n := c.channel.reads.Load(); n == reads && events > 0 {
			e.Together, e.At = true, before
		} else {
			reads = n
		}
		if e.First {
			first = e.At
		} else {
			c.gaps.Add(e.At - before)
		}
		c.event(e)
		before = e.At
		if events++; events == c.StreamEvents {
			break
		}
		limit.Reset(timeout)
	}
	switch {
	case err == nil: // cancel ends it
		reply.Outcome = result.OK
	case late.Load():
		reply.Outcome, reply.Why = result.Timeout, stream.NoEvent
	case err == io.EOF && events < c.StreamEvents:
		reply.Outcome, reply.Why, reply.EndedEarly = result.Error, tooFew, true
	case err == io.EOF:
		reply.Outcome = result.OK
	default:
		reply = c.failed(err, end)
		reply.EndedEarly = events > 0 && c.ctx.Err() == nil
	}
	reply.Spent = reply.Spent || c.channel.replaced.Load()
	reply.FirstEvent, reply.Events, reply.MedianGap = first, events, c.gaps.Median()
	return reply
}

// open sends the message of a call.
func (c *streamCaller) open(ctx context.Context, message []byte, end *closing) (grpc.ClientStream, error) {
	messages, err := c.channel.cc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, c.path, end.noted(c.options)...)
	if err != nil {
		return nil, err
	}
	if err := messages.SendMsg(message); err != nil && err != io.EOF { // whose reason RecvMsg has
		return nil, err
	}
	return messages, messages.CloseSend()
}

// found are the settings of the streams, where the method has some.
func (s *service) found() result.Settings {
	found := s.set.Found()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready != nil && s.ready.method.IsStreamingServer() {
		found = found.With(result.KeyStream, Driver)
	}
	return found
}

// streamSettings are those that are known from the beginning.
func (c Calls) streamSettings() (s result.Settings) {
	if c.StreamEvents > 0 {
		s = s.With(result.KeyStreamEvents, strconv.Itoa(c.StreamEvents))
	}
	return s
}
