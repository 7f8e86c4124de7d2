package eventloop

import (
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
	query   backend.Query // the request in work
	done    func()        // c.answered, made into a value once
	waiting bool          // for the backend
	closed  bool          // gnet's connection must not be touched any more

	// Of the request in work or just answered.
	head   bool // wants no body
	http10 bool // wants to be told that the connection stays
	last   bool // closes after the reply
}

// serve answers the requests that are there, up to one that has to wait, and
// sends the replies together. The connection is to be closed on gnet.Close.
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
		c.begin(&l.reader.header)
		_, _ = c.Discard(n)
		c.need = 0
	}
	return c.flush()
}

// begin takes up one request: it is answered at once, or the backend is asked.
func (c *conn) begin(h *fasthttp.RequestHeader) {
	l, s := c.loop, c.loop.server
	c.head, c.http10, c.last = h.IsHead(), !h.IsHTTP11(), h.ConnectionClose()
	user, wait := orders.Route(h, &l.resp, s.Stats)
	switch {
	case !wait:
	case !s.gate.Enter():
		orders.Busy(&l.resp)
	default:
		c.waiting = true
		c.query.UserID = user
		s.config.Backend.Notify(&c.query, l, c.done)
		return
	}
	l.append(c)
}

// answered runs on the loop when the backend has answered.
func (c *conn) answered() {
	l := c.loop
	l.server.gate.Leave()
	if c.closed {
		return // the client went away meanwhile: nobody is left to tell
	}
	c.waiting = false
	if c.query.Err != nil {
		orders.Failed(&l.resp, c.query.Err)
	} else {
		orders.Answer(&l.resp, c.query.Orders)
	}
	c.query.Release()
	l.append(c)
	if c.serve() == gnet.Close {
		l.close(c)
	}
}

// flush sends what there is to send.
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
