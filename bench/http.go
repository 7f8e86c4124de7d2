package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/reports/result"
)

// GoroutineName names the goroutine driver over connections of HTTP.
const GoroutineName = "goroutine"

// The largest reply that is read, in bytes; a larger one is an error.
const (
	MaxBody   = http1.MaxBody
	MaxHeader = http1.MaxHeader
)

// Dial returns a function that makes connections for the requests. It fails
// where they are not ones that can be made.
//
// Note: the clients of net/http and fasthttp are not used. They share
// connections among callers, retry on their own, alter header lines, keep
// bodies in memory, and do not tell connecting from waiting; each of these
// would blur what is measured.
func (h HTTP) Dial() (Dial, error) {
	requests, err := h.Requests()
	if err != nil {
		return nil, err
	}
	var config *tls.Config
	if requests.Secure {
		config = h.TLS.Clone()
		if config == nil {
			config = &tls.Config{}
		}
		if config.ServerName == "" {
			config.ServerName = requests.Host
		}
	}
	var dialer net.Dialer
	var made atomic.Uint64
	return func(ctx context.Context) (Conn, error) {
		conn, err := dialer.DialContext(ctx, "tcp", requests.Addr)
		if err != nil {
			return nil, err
		}
		c := &httpConn{
			conn: conn, tcp: conn, wire: newWire(conn), buf: make([]byte, connBuffer), reader: http1.Reader{Head: requests.Head, Keep: h.Accepted != nil},
			picker: requests.Picker(made.Add(1)), once: requests.Close, accepted: h.Accepted,
		}
		if config != nil {
			c.under = &underTLS{Conn: conn, wire: c.wire}
			secure := tls.Client(c.under, config)
			if err := secure.HandshakeContext(ctx); err != nil {
				conn.Close()
				return nil, err
			}
			c.conn = secure
		}
		return c, nil
	}, nil
}

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
	picker   Picker
	once     bool // for one request only
	buf      []byte
	reader   http1.Reader
	reply    http1.Reply
	replied  bool // a complete reply was read
	unasked  bool // bytes came that are no reply to anything
	status   int  // the last one that was an error
	why      string
	accepted func(body []byte) (id uint64, ok bool)
}

var (
	_ Conn    = (*httpConn)(nil)
	_ Aliver  = (*httpConn)(nil)
	_ Unasker = (*httpConn)(nil)
)

// Alive is false where the server has closed the connection, or has said
// something on it that nobody asked for.
func (c *httpConn) Alive() bool {
	if c.wire == nil {
		return true
	}
	said, nothing, err := c.wire.pending()
	if err != nil || nothing {
		return err == nil
	}
	if c.under != nil { // then they are records
		said, err = c.under.ask(c.conn, available)
		nothing = len(said) == 0 && err == nil
	}
	c.unasked = len(said) > 0 && !http1.IsFarewell(said)
	return nothing
}

// Unasked is whether Alive found bytes that nobody asked for.
func (c *httpConn) Unasked() bool { return c.unasked }

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
// is followed by bytes nobody asked for spends the connection.
func (c *httpConn) Do(timeout time.Duration) Reply {
	if c.under != nil {
		c.busy.Store(true)
		defer c.busy.Store(false)
	}
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return failed(err, err)
	}
	request := c.picker.Next()
	if len(request) > mostAtOnce {
		return c.doLong(request)
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
func (c *httpConn) doLong(request []byte) Reply {
	got := make(chan Reply, 1)
	go func() {
		reply := c.read()
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
	c.replied, c.reader.Body = false, c.reader.Body[:0]
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
// request's reply it would turn all that follow into those of others.
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
		spent = true // nobody can tell
	}
	surplus := len(behind) > 0 && !http1.IsFarewell(behind)
	status := c.reply.Status()
	reply := Reply{Outcome: OutcomeOf(status), Spent: spent, Unsolicited: surplus && status != http.StatusSwitchingProtocols}
	if reply.Outcome == result.Error {
		if status != c.status || c.why == "" { // else as last time: an erring server must not cost an allocation a request
			c.status, c.why = status, StatusWhy(status)
		}
		reply.Why = c.why
	}
	if c.accepted != nil && reply.Outcome == result.OK {
		var ok bool
		if reply.ID, ok = c.accepted(c.reader.Body); !ok {
			reply.Outcome, reply.Why = result.Error, "the reply does not say under which id the request was accepted"
		}
	}
	return reply
}

// OutcomeOf is how a request ended that was answered with the HTTP status.
func OutcomeOf(status int) result.Outcome {
	switch {
	case status >= 200 && status < 400:
		return result.OK
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests:
		return result.Rejected
	}
	return result.Error
}

// StatusWhy is the reason of an error status, for people.
func StatusWhy(status int) string {
	if status < 100 || status > 599 {
		return fmt.Sprintf("HTTP status %03d, which is none: they go from 100 to 599", status)
	}
	return fmt.Sprintf("HTTP status %d", status)
}

// failed is how an exchange ended that brought no reply: by what the
// connection said (nil where it was fine and the reply was malformed), with
// what the parser said as the reason.
func failed(conn, why error) Reply {
	r := Reply{Outcome: result.Reset, Spent: true, Why: FirstLine(why.Error())}
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case conn == nil:
		r.Outcome, r.Why = result.Error, "malformed reply: "+r.Why
	case errors.Is(conn, os.ErrDeadlineExceeded):
		r.Outcome, r.Why = result.Timeout, WhyTimeout
	case errors.As(conn, &record), errors.As(conn, &op) && (op.Op == "local error" || op.Op == "remote error"): // the session's
		r.Outcome = result.Error
	case errors.Is(conn, io.EOF):
		r.Why = "the connection was closed before the reply was complete"
	}
	return r
}

// FirstLine keeps what a parser quotes of a garbled reply from filling the report.
func FirstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return s
}
