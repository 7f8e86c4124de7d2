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
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/a628bb15/onhold/reports/result"
	"github.com/valyala/fasthttp"
)

// HTTP says what request to make over HTTP/1.1 connections, plain or TLS,
// written and read by fasthttp.
type HTTP struct {
	URL string      // http:// or https://, with a host
	TLS *tls.Config // for https; the system's where nil
}

// The largest reply that is read, in bytes; a larger one is an error.
const (
	maxBody   = 64 << 20
	maxHeader = 64 << 10
)

// Dial returns a function that makes connections for the request. It fails
// where the URL is not one that can be driven.
//
// Note: fasthttp's own HostClient is not used. It shares connections among
// callers, retries on its own, and does not tell connecting from waiting; each
// of these would blur what is measured. Its Request and Response are.
func (h HTTP) Dial() (Dial, error) {
	u, err := url.Parse(h.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("url: %w", err)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("url is %q, want one that begins with http:// or https://", h.URL)
	case u.Hostname() == "":
		return nil, fmt.Errorf("url is %q, which has no host", h.URL)
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme
	}
	addr := net.JoinHostPort(u.Hostname(), port)

	var req fasthttp.Request
	req.SetRequestURI(h.URL)
	req.URI().DisablePathNormalizing = true // what is asked for is what is measured
	req.Header.SetUserAgent("onhold")
	var raw bytes.Buffer
	if _, err := req.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}

	var config *tls.Config
	if u.Scheme == "https" {
		config = h.TLS.Clone()
		if config == nil {
			config = &tls.Config{}
		}
		if config.ServerName == "" {
			config.ServerName = u.Hostname()
		}
	}
	var dialer net.Dialer
	return func(ctx context.Context) (Conn, error) {
		conn, err := dialer.DialContext(ctx, "tcp", addr)
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
		c := &httpConn{conn: conn, liveness: liveness, raw: raw.Bytes()}
		c.r = bufio.NewReader(c)
		return c, nil
	}, nil
}

// httpConn is one connection with a request ready to be written.
type httpConn struct {
	conn     net.Conn
	liveness *liveness
	raw      []byte // the request as it goes out
	r        *bufio.Reader
	resp     fasthttp.Response
	last     error // the last error of reading the connection, whatever fasthttp made of it
	status   int   // the last one that was an error
	why      string
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
	if _, err := c.conn.Write(c.raw); err != nil {
		// A server that turns a caller away may reply and close before it has
		// read the request: then the reply is there all the same.
		if reply := c.read(); reply.Outcome == result.Rejected {
			reply.Spent = true
			return reply
		}
		return c.failed(err, err)
	}
	return c.read()
}

func (c *httpConn) read() Reply {
	err := c.resp.ReadLimitBody(c.r, maxBody)
	for err != nil && headerTooLong(err) && c.r.Size() < maxHeader {
		c.grow()
		err = c.resp.ReadLimitBody(c.r, maxBody)
	}
	if err != nil {
		return c.failed(c.last, err)
	}
	reply := Reply{Spent: c.resp.ConnectionClose() || c.r.Buffered() > 0}
	switch status := c.resp.StatusCode(); {
	case status >= 200 && status < 400:
		reply.Outcome = result.OK
	case status == fasthttp.StatusServiceUnavailable, status == fasthttp.StatusTooManyRequests:
		reply.Outcome = result.Rejected
	default:
		reply.Outcome = result.Error
		if status != c.status { // else as last time: an erring server must not cost an allocation a request
			c.status, c.why = status, fmt.Sprintf("HTTP status %d", status)
		}
		reply.Why = c.why
	}
	return reply
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
		r.Outcome, r.Why = result.Error, "malformed reply: "+firstLine(why.Error())
	case errors.Is(conn, os.ErrDeadlineExceeded):
		r.Outcome, r.Why = result.Timeout, "no complete reply within the timeout"
	case errors.As(conn, &secure):
		r.Outcome = result.Error
	case errors.Is(conn, io.EOF):
		r.Why = "the connection was closed before the reply was complete"
	}
	return r
}

// firstLine keeps what a parser quotes of a garbled reply from filling the report.
func firstLine(s string) string {
	s, _, _ = strings.Cut(s, "\n")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return s
}
