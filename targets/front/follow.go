package front

import (
	"io"

	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/valyala/fasthttp"
)

// Follower is a service that holds streams open.
type Follower interface {
	orders.Follower

	// Follow does the job as an [Ask] does, and then holds its stream, unless it
	// failed: hold is then nil.
	Follow(j *backend.Job) (hold Hold, ok bool)
}

// Hold is what a style keeps for a stream while that is open.
type Hold interface {
	// Next waits until the next event is due; the first one is due at once. With the
	// last event the stream leaves the server: its place is free before a client can
	// come back for it.
	Next()

	// End lets the stream leave before its last event. It is called once, and only if
	// that has not come.
	End()
}

func (s *Server) follow(ctx *fasthttp.RequestCtx, r orders.Request) {
	j := jobs.Get().(*backend.Job)
	defer jobs.Put(j)
	j.Begin(r)
	defer j.Release()
	follower := s.service.(Follower) // Route has asked
	hold, ok := follower.Follow(j)
	if !ok {
		orders.Busy(&ctx.Response)
		return
	}
	j.Answer(&ctx.Response)
	if hold == nil {
		return
	}
	events := follower.Events()
	if c, ok := ctx.Conn().(*conn); ok && c.patience == 0 {
		c.patience = events.Patience
		c.boundWrites(orders.EventBuffer)
	}
	ctx.Response.SetBodyStream(&stream{hold: hold, events: events, order: r.OrderID}, -1)
}

// stream is the body of a reply as fasthttp reads it: it sends what one Read returns as
// one chunk, at once.
type stream struct {
	hold   Hold
	events orders.Events
	order  int64
	next   int // event
}

// Read implements [io.Reader]. The buffer has 4 KiB.
func (s *stream) Read(buf []byte) (int, error) {
	if s.next == s.events.N {
		return 0, io.EOF
	}
	s.hold.Next()
	s.next++
	return len(s.events.Append(buf[:0], s.order, s.next-1)), nil
}

// Close implements [io.Closer]. fasthttp calls it after the last event, and when an
// event could not be written.
func (s *stream) Close() error {
	if s.next < s.events.N {
		s.next = s.events.N
		s.hold.End()
	}
	return nil
}
