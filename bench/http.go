package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/valyala/fasthttp"
)

// Fasthttp names the goroutine driver over connections of HTTP.
const Fasthttp = "fasthttp"

// The largest reply that is read, in bytes; a larger one is an error.
const (
	MaxBody   = 64 << 20
	MaxHeader = 64 << 10
)

// Dial returns a function that makes connections for the requests. It fails
// where they are not ones that can be made.
//
// Note: fasthttp's own HostClient is not used. It shares connections among
// callers, retries on its own, and does not tell connecting from waiting; each
// of these would blur what is measured. Its Request and Response are.
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
		liveness := newLiveness(conn, config != nil)
		if config != nil {
			secure := tls.Client(conn, config)
			if err := secure.HandshakeContext(ctx); err != nil {
				conn.Close()
				return nil, err
			}
			conn = secure
		}
		c := &httpConn{conn: conn, liveness: liveness, picker: requests.Picker(made.Add(1)), once: requests.Close, accepted: h.Accepted}
		c.r = bufio.NewReader(c)
		c.resp.SkipBody = requests.Head
		return c, nil
	}, nil
}

// httpConn is one connection with a request ready to be written.
type httpConn struct {
	conn     net.Conn
	liveness *liveness
	picker   Picker
	once     bool // for one request only
	r        *bufio.Reader
	resp     fasthttp.Response
	last     error // the last error of reading the connection, whatever fasthttp made of it
	replied  bool  // a whole reply was read
	status   int   // the last one that was an error
	why      string
	accepted func(body []byte) (id uint64, ok bool)
}

var (
	_ Conn   = (*httpConn)(nil)
	_ Aliver = (*httpConn)(nil)
)

// Alive is false where the server has closed the connection.
func (c *httpConn) Alive() bool { return c.liveness.alive() }

// Read is how the parser reads the connection. It keeps the error, which
// tells a closed connection from a malformed reply.
func (c *httpConn) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	c.last = err
	return n, err
}

func (c *httpConn) Close() error { return c.conn.Close() }

// Do makes one request. The whole body is read and its length checked; a reply
// that is followed by bytes nobody asked for spends the connection.
func (c *httpConn) Do(timeout time.Duration) Reply {
	c.last = nil
	if err := c.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return c.failed(err, err)
	}
	if _, err := c.conn.Write(c.picker.Next()); err != nil {
		// A server that turns a caller away may reply and close before it has
		// read the request: then the reply is there all the same.
		if reply := c.read(); c.replied {
			reply.Spent = true
			return reply
		}
		return c.failed(err, err)
	}
	return c.read()
}

func (c *httpConn) read() Reply {
	c.replied = false
	err := c.resp.ReadLimitBody(c.r, MaxBody)
	for err != nil && headerTooLong(err) && c.r.Size() < MaxHeader {
		c.grow()
		err = c.resp.ReadLimitBody(c.r, MaxBody)
	}
	if err != nil {
		return c.failed(c.last, err)
	}
	c.replied = true
	status := c.resp.StatusCode()
	reply := Reply{Outcome: OutcomeOf(status), Spent: c.once || c.last != nil || c.resp.ConnectionClose() || c.r.Buffered() > 0 || status == fasthttp.StatusSwitchingProtocols}
	if reply.Outcome == result.Error {
		if status != c.status { // else as last time: an erring server must not cost an allocation a request
			c.status, c.why = status, fmt.Sprintf("HTTP status %d", status)
		}
		reply.Why = c.why
	}
	if c.accepted != nil && reply.Outcome == result.OK {
		var ok bool
		if reply.ID, ok = c.accepted(c.resp.Body()); !ok {
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
	case status == fasthttp.StatusServiceUnavailable, status == fasthttp.StatusTooManyRequests:
		return result.Rejected
	}
	return result.Error
}

func headerTooLong(err error) bool {
	var small *fasthttp.ErrSmallBuffer
	return errors.As(err, &small)
}

// grow makes room for a longer header. Few servers need it, so no connection
// starts with it. What was read of the header is still in the old buffer.
func (c *httpConn) grow() {
	got, _ := c.r.Peek(c.r.Buffered())
	c.r = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(bytes.Clone(got)), c), 4*c.r.Size())
}

// failed tells how an exchange ended that brought no reply: by what the
// connection said (nil where it was fine and the reply was malformed), with
// what the parser said as the reason.
func (c *httpConn) failed(conn, why error) Reply {
	r := Reply{Outcome: result.Reset, Spent: true, Why: why.Error()}
	var secure tls.AlertError
	switch {
	case conn == nil:
		r.Outcome, r.Why = result.Error, "malformed reply: "+FirstLine(why.Error())
	case errors.Is(conn, os.ErrDeadlineExceeded):
		r.Outcome, r.Why = result.Timeout, "no complete reply within the timeout"
	case errors.As(conn, &secure):
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
