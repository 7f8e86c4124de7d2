package bench

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/bench/internal/request"
)

// HTTP is requests over HTTP/1.1 or HTTP/2 connections, plain or TLS. A reply may be up
// to 64 MB long, and its header up to 64 KB.
type HTTP struct {
	URL string      // http://, https:// or h2c://, with a host; ws:// and wss:// are those of WebSockets
	Mix []Weighted  // in place of URL: several addresses on one server, by weight
	TLS *tls.Config // for https; the system's where nil

	// UnixSocket is the path of the server's Unix socket, where it has one: connections
	// are made to it, and the URL says no more than the path and the Host line.
	UnixSocket string

	// Version is the version of HTTP: HTTP1, HTTP2, or HTTPAuto, where the server says
	// which in the handshake of TLS. Where it is empty it is HTTP1, so that a server that
	// learns HTTP/2 does not change what is measured; of h2c:// addresses it is HTTP2.
	// HTTP/2 without TLS is spoken with prior knowledge: the server must expect it.
	Version string

	// Connections is how many HTTP/2 connections all clients share; 0: each has its own.
	// Streams is the most requests at once on one of them; 0: as many as the server
	// allows. A request for which there is no stream waits, its planned instant kept.
	Connections, Streams int

	Method string // GET where empty

	// Header is further header lines, each as "Name: value". They are sent byte
	// for byte, in this order, the same name as often as it is given. A Host or
	// User-Agent line, or an Authorization line where URL has a user, takes the
	// place of the one that is made. A line that cannot be sent, or that would
	// change where the request ends, is an error. With Expect: 100-continue, too, the
	// body is sent without waiting for that reply (RFC 9110, 10.1.1).
	Header []string
	Body   []byte

	// Data, where not nil, makes requests differ from arrival to arrival: it has what the
	// placeholders in the path and query of URL and Mix, in Header and in Body stand for,
	// and may have the requests themselves. See [DataFiles].
	Data *Data

	// Fill, where not nil, changes each request: it is called with its body, a copy
	// of Body that it may change in place, and its number, from 1, over all
	// connections. It is called from many goroutines.
	Fill func(body []byte, n uint64)

	// Accepted, where not nil, reads from the body of an ok reply which id the
	// server gave the request: see [Completions]. Only the goroutine driver calls
	// it.
	Accepted func(body []byte) (id uint64, ok bool)

	// OKStatus are the statuses of ok replies, such as "200-299,404"; 200-399 where it
	// is empty. RejectedStatus are further ones of rejections, beside 429 and 503 as far
	// as those are not among OKStatus. Any other status is an error.
	OKStatus, RejectedStatus string

	// Cookies makes each client keep the cookies that the server sets, and send them
	// back. In an open load a client is a connection, and those that replace it. Follow,
	// where not 0, is the most redirects that are followed for one arrival, up to
	// MaxFollow. Only the goroutine driver does either.
	//
	// A redirect is a reply 301, 302, 303, 307 or 308 with a Location, unless its status
	// is that of a rejection. The arrival ends with the reply after the last one: its
	// latency, first byte, status and outcome are of that reply, and Timeout is for all of
	// them. Where there are more redirects than Follow, as in a loop, or one leads to
	// another server, the outcome is an error.
	Cookies bool
	Follow  int

	Stream Stream // what replies bring, where they are streams

	NewConnection bool   // send "Connection: close", as each request has a connection of its own
	Seed          uint64 // of the drawing from Mix
}

// Versions of HTTP.
const (
	HTTP1    = request.HTTP1
	HTTP2    = request.HTTP2
	HTTPAuto = request.Auto
)

// Weighted is one address of a mix.
type Weighted struct {
	URL    string
	Weight int // its share of the requests is Weight over the sum of all weights; at least 1
}

// Dial returns a function that makes connections for the requests. It fails
// as Validate does.
//
// Note: the clients of net/http and fasthttp are not used. They share
// connections among callers, retry on their own, alter header lines, keep
// bodies in memory, and do not separate connecting from waiting; each of these
// would blur what is measured.
func (h HTTP) Dial() (Dial, error) {
	requests, err := h.Requests()
	if err != nil {
		return nil, err
	}
	return h.conns(requests), nil
}

// conns is dial, of connections that do what clients do with replies, where that is wanted.
func (h HTTP) conns(requests *request.Set) Dial {
	if requests.HTTP == HTTP2 {
		return dialHTTP2(requests)
	}
	dial := h.dialHTTP1(requests)
	if requests.HTTP != HTTPAuto {
		return dial
	}
	multiplexed := dialHTTP2(requests)
	return func(ctx context.Context) (Conn, error) {
		agreed, err := requests.Agreed(ctx)
		switch {
		case err != nil:
			return nil, err
		case agreed == HTTP2:
			return multiplexed(ctx)
		}
		return dial(ctx)
	}
}

// dialHTTP1 is dial, of such connections of HTTP/1.1.
func (h HTTP) dialHTTP1(requests *request.Set) Dial {
	dial := h.dial(requests)
	if requests.Stream != nil {
		return func(ctx context.Context) (Conn, error) {
			conn, err := dial(ctx)
			if err != nil {
				return nil, err
			}
			return newStreamConn(conn.(*httpConn), requests.Stream), nil
		}
	}
	if !h.Cookies && h.Follow == 0 {
		return dial
	}
	return func(ctx context.Context) (Conn, error) {
		conn, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		return newBrowser(h, dial, conn.(*httpConn)), nil
	}
}

func (h HTTP) dial(requests *request.Set) Dial {
	return func(ctx context.Context) (Conn, error) {
		conn, err := requests.Dial(ctx)
		if err != nil {
			return nil, err
		}
		c := &httpConn{
			conn: conn, tcp: conn, wire: newWire(conn), buf: make([]byte, connBuffer), reader: http1.Reader{Keep: h.Accepted != nil, KeepHeader: h.Cookies || h.Follow > 0},
			picker: requests.Picker(), once: requests.Close, accepted: h.Accepted, meaning: requests.Meaning,
		}
		if requests.Stream == nil {
			requests.Look.AtReader(&c.reader)
		}
		if requests.TLS != nil {
			c.under = &underTLS{Conn: conn, wire: c.wire}
			secure := tls.Client(c.under, requests.Session(HTTP1))
			began := clock.Now()
			if err := secure.HandshakeContext(ctx); err != nil {
				conn.Close()
				return nil, fmt.Errorf("TLS handshake: %w", err)
			}
			c.conn, c.handshake = secure, clock.Now()-began
		}
		return c, nil
	}
}

// Driver is the goroutine driver of the requests.
func (h HTTP) Driver() (*GoroutineDriver, error) {
	requests, err := h.Requests()
	if err != nil {
		return nil, err
	}
	return &GoroutineDriver{Dial: h.conns(requests), RequestSettings: h.Settings(), Most: requests.Most(), Found: requests.Found, Remarks: requests.Remarks, SharedConnections: requests.Connections}, nil
}
