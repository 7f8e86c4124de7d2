package bench

import (
	"context"
	"crypto/tls"
	"net"
	"sync/atomic"

	"github.com/a628bb15/onhold/bench/internal/http1"
)

// HTTP is requests over HTTP/1.1 connections, plain or TLS. A reply may be up to
// 64 MB long, and its header up to 64 KB.
type HTTP struct {
	URL string      // http:// or https://, with a host
	Mix []Weighted  // in place of URL: several addresses on one server, by weight
	TLS *tls.Config // for https; the system's where nil

	Method string // GET where empty

	// Header is further header lines, each as "Name: value". They are sent byte
	// for byte, in this order, the same name as often as it is given. A Host or
	// User-Agent line, or an Authorization line where URL has a user, takes the
	// place of the one that is made. A line that cannot be sent, or that would
	// change where the request ends, is an error.
	Header []string
	Body   []byte

	// Fill, where not nil, changes each request: it is called with its body, a copy
	// of Body that it may change in place, and its number, from 1, over all
	// connections. It is called from many goroutines.
	Fill func(body []byte, n uint64)

	// Accepted, where not nil, reads from the body of an ok reply which id the
	// server gave the request: see [Completions]. Only the goroutine driver calls
	// it.
	Accepted func(body []byte) (id uint64, ok bool)

	NewConnection bool   // send "Connection: close", as each request has a connection of its own
	Seed          uint64 // of the drawing from Mix
}

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

// Driver is the goroutine driver of the requests.
func (h HTTP) Driver() (*GoroutineDriver, error) {
	dial, err := h.Dial()
	if err != nil {
		return nil, err
	}
	return &GoroutineDriver{Dial: dial, RequestSettings: h.Settings()}, nil
}
