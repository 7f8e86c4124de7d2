package bench

import (
	"cmp"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	connBuffer  = 4 << 10  // bytes that a connection has to read into
	largeBuffer = 64 << 10 // bytes that one borrows while a larger reply comes
)

var largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}

// httpConn is one connection with a request ready to be written.
type httpConn struct {
	conn     net.Conn // the TLS session where there is one, else tcp
	tcp      net.Conn
	under    *underTLS // nil where there is no session
	wire     *wire
	busy     atomic.Bool // Do is running
	sending  atomic.Bool // a long request, of which not all is sent
	picker   request.Picker
	number   uint64 // of the next request
	once     bool   // for one request only
	buf      []byte
	reader   http1.Reader
	reply    http1.Reply
	replied  bool          // a complete reply was read
	first    time.Duration // when its first byte had come, where more came after it
	meaning  *result.Meaning
	reasons  exchange.Reasons // nil until there is one
	accepted func(body []byte) (id uint64, ok bool)

	handshake time.Duration // of TLS
}

var (
	_ Conn       = (*httpConn)(nil)
	_ Checker    = (*httpConn)(nil)
	_ SecureConn = (*httpConn)(nil)
)

// Number implements [NumberedConn].
func (c *httpConn) Number(n uint64) { c.number = n }

// Handshake implements [SecureConn].
func (c *httpConn) Handshake() time.Duration { return c.handshake }

// Check implements [Checker].
func (c *httpConn) Check() (usable, unsolicited bool) {
	if c.wire == nil {
		return true, false
	}
	said, nothing, err := c.wire.pending()
	if err != nil || nothing {
		return err == nil, false
	}
	if c.under != nil { // then they are records
		said, err = c.under.ask(c.conn, available)
		nothing = len(said) == 0 && err == nil
	}
	return nothing, len(said) > 0 && !http1.IsFarewell(said)
}

// Close closes the connection, at once: a session that is not in use is ended
// properly as far as the server takes in the few bytes of it.
func (c *httpConn) Close() error {
	if tcp, ok := c.tcp.(*net.TCPConn); ok && c.sending.Load() {
		// Else the kernel would go on sending what it has, megabytes that stay with
		// it for minutes where the server does not take them.
		_ = tcp.SetLinger(0)
		return tcp.Close()
	}
	if c.under == nil || c.busy.Load() {
		return c.tcp.Close()
	}
	c.under.closing.Store(true)
	return c.conn.Close()
}

// mostAtOnce is the longest request, in bytes, that is written before the reply
// is looked for: it fits into the kernel's buffers.
const mostAtOnce = 64 << 10

// Do makes one request. The body is read to its end and dropped; a reply that
// is followed by unsolicited bytes spends the connection.
func (c *httpConn) Do(timeout time.Duration) Reply {
	request, head := c.picker.Next(c.number)
	c.number++
	return c.send(request, head, timeout)
}

// send makes a request, to which the reply has no body where head is true.
func (c *httpConn) send(request []byte, head bool, timeout time.Duration) Reply {
	c.reader.Head = head
	if c.under != nil {
		c.busy.Store(true)
		defer c.busy.Store(false)
	}
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return failed(err, err)
	}
	if len(request) > mostAtOnce {
		return c.doLong(request, c.read)
	}
	if _, err := c.conn.Write(request); err != nil {
		// A server that rejects a caller may reply and close before it has read
		// the request: then the reply is there all the same.
		if reply := c.read(); c.replied {
			reply.Spent = true
			return reply
		}
		return failed(err, err)
	}
	return c.read()
}

// doLong makes a request that may not fit into what the server takes before it
// replies: the reply is looked for while it is written.
func (c *httpConn) doLong(request []byte, read func() Reply) Reply {
	got := make(chan Reply, 1)
	go func() {
		reply := read()
		_ = c.tcp.SetWriteDeadline(time.Unix(1, 0)) // what is not written by now is of no use
		got <- reply
	}()
	c.sending.Store(true)
	_, err := c.conn.Write(request)
	c.sending.Store(err != nil)
	reply := <-got
	reply.Spent = reply.Spent || err != nil
	return reply
}

func (c *httpConn) read() Reply {
	c.replied, c.first, c.reader.Body = false, 0, c.reader.Body[:0]
	c.reply.Again()
	buf := c.buf
	for {
		if len(buf) == connBuffer && c.reply.Expects() > connBuffer {
			large := largeBuffers.Get().(*[largeBuffer]byte)
			defer largeBuffers.Put(large)
			buf = large[:]
		}
		n, err := c.conn.Read(buf)
		if n > 0 {
			done, after, malformed := c.reader.Next(&c.reply, buf[:n])
			switch {
			case malformed != nil:
				c.reply.Again()
				return failed(nil, malformed)
			case done:
				return c.answered(buf[n-after:n], n == len(buf), err != nil)
			case c.first == 0:
				c.first = clock.Now()
			}
		}
		if err == io.EOF && c.reply.EndsWithConnection() {
			return c.answered(nil, false, true)
		}
		if err != nil {
			c.reply.Again()
			return failed(err, err)
		}
	}
}

// answered is the outcome of a request whose reply is complete, given what came
// behind it. Where more may wait there, that is looked for: taken for the next
// request's reply it would shift all replies that follow.
func (c *httpConn) answered(behind []byte, more, closed bool) Reply {
	c.replied = true
	spent := c.once || closed || c.reply.Last() || len(behind) > 0
	switch {
	case len(behind) > 0 || closed:
	case c.under != nil:
		var err error
		behind, err = c.under.ask(c.conn, buffered)
		spent = spent || len(behind) > 0 || err != nil
	case more && c.wire != nil:
		var nothing bool
		behind, nothing, _ = c.wire.pending()
		spent = spent || !nothing
	case more:
		spent = true // it is not known
	}
	unsolicited := len(behind) > 0 && !http1.IsFarewell(behind)
	status := c.reply.Status()
	reply := Reply{Outcome: c.meaning.Of(status), FirstByte: cmp.Or(c.first, AtOnce), Status: status, Spent: spent, Unsolicited: unsolicited && status != http.StatusSwitchingProtocols}
	if reply.Outcome == result.Error {
		if c.reasons == nil {
			c.reasons = exchange.Reasons{}
		}
		reply.Why = c.reasons.Of(status)
	}
	if c.accepted != nil && reply.Outcome == result.OK {
		var ok bool
		if reply.ID, ok = c.accepted(c.reader.Body); !ok {
			reply.Outcome, reply.Why = result.Error, "the reply does not say under which id the request was accepted"
		}
	}
	return reply
}

// failed is how an exchange ended that brought no reply: by what the
// connection said (nil where it was fine and the reply was malformed), with
// what the parser said as the reason.
func failed(conn, why error) Reply {
	r := Reply{Outcome: exchange.OfBroken(conn), Spent: true, Why: why.Error()}
	switch {
	case conn == nil:
		r.Outcome, r.Why = result.Error, "malformed reply: "+r.Why
	case errors.Is(conn, os.ErrDeadlineExceeded):
		r.Outcome, r.Why = result.Timeout, exchange.NoReply
	case errors.Is(conn, io.EOF):
		r.Why = exchange.Closed
	}
	return r
}
