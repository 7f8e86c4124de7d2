package eventloop

import (
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/reports/trace"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
	"github.com/panjf2000/gnet/v2"
	"github.com/valyala/fasthttp"
)

// maxAhead bounds how many bytes a client may send ahead while its request
// waits: gnet reads and keeps them, so they cannot push back on the client.
const maxAhead = 4 * (orders.MaxHeader + orders.MaxBody)

// conn is a connection. One request at a time is in work; what the client sends
// ahead stays in gnet's buffer until the reply is out.
type conn struct {
	gnet.Conn
	loop *loop

	need    int           // how many bytes must be there before the next look at them
	job     backend.Job   // the request in work
	visit   trace.Visit   // its number in the log of admission
	since   time.Duration // when it was let in
	open    int           // its queries that are not answered
	next    int           // the first of them that is not asked yet
	done    func()        // c.answered, made into a value once
	waiting bool          // for the backend
	closed  bool          // gnet's connection must not be touched any more
	stream  *stream       // the open one, or the one before; nil: none yet

	// Of the request in work or just answered.
	head   bool // wants no body
	http10 bool // needs a header that says that the connection stays
	last   bool // closes after the reply
}

// serve answers the requests that are there, up to one that has to wait, and
// sends the replies together. On gnet.Close the caller closes the
// connection.
func (c *conn) serve() gnet.Action {
	l := c.loop
	for !c.waiting && !c.last {
		data, _ := c.Peek(-1) // valid until Discard
		if len(data) == 0 || len(data) < c.need {
			break
		}
		n, err := l.reader.next(data)
		if err != nil {
			c.last, c.head = true, false
			orders.Malformed(&l.resp, err)
			l.append(c)
			break
		}
		if n > len(data) {
			if l.reader.expectsContinue() {
				l.out = append(l.out, "HTTP/1.1 100 Continue\r\n\r\n"...)
			}
			c.need = n
			break
		}
		c.begin(&l.reader.header, l.reader.body)
		_, _ = c.Discard(n)
		c.need = 0
	}
	return c.flush()
}

// begin takes up one request: it is answered at once, or the backend is asked.
func (c *conn) begin(h *fasthttp.RequestHeader, body []byte) {
	l, s := c.loop, c.loop.server
	c.head, c.http10, c.last = h.IsHead(), !h.IsHTTP11(), h.ConnectionClose()
	r, wait := orders.Route(h, body, &l.resp, s)
	switch {
	case !wait:
	default:
		var ok bool
		if c.visit, ok = s.Admit(); !ok {
			orders.Busy(&l.resp)
			break
		}
		c.waiting, c.since = true, clock.Now()
		c.job.Begin(r)
		c.open, c.next = len(c.job.Queries), 0
		c.ask()
		for !c.job.InTurn() && c.next < len(c.job.Queries) {
			c.ask()
		}
		return
	}
	l.append(c)
}

// ask makes the next query.
func (c *conn) ask() {
	q := &c.job.Queries[c.next]
	c.next++
	c.loop.server.Config.Backend.Notify(q, c.loop, c.done)
}

// answered runs on the loop when the backend has answered a query.
func (c *conn) answered() {
	if c.open--; c.open > 0 {
		if c.job.InTurn() {
			c.ask()
		}
		return
	}
	if c.job.Kind == orders.Follow && !c.closed && c.job.Failure() == nil {
		c.follow()
		return
	}
	l := c.loop
	c.leave()
	if c.closed {
		c.job.Release()
		return // the client has closed the connection meanwhile
	}
	c.waiting = false
	c.job.Answer(&l.resp)
	c.job.Release()
	l.append(c)
	if c.serve() == gnet.Close {
		l.close(c)
	}
}

// leave makes room for another request.
func (c *conn) leave() {
	s := c.loop.server
	s.Served(clock.Now() - c.since)
	s.Release(c.visit, trace.NoWorker, 0)
}

// flush sends the replies that are ready.
func (c *conn) flush() gnet.Action {
	l := c.loop
	if len(l.out) > 0 {
		_, _ = c.Write(l.out) // where it fails, gnet closes the connection
		l.out = l.out[:0]
	}
	if c.closed || !c.last || c.waiting {
		return gnet.None
	}
	return gnet.Close
}
