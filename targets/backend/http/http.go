// Package http is a backend that is an order service in another process, called
// over HTTP by the fasthttp client.
//
// A call is made once. By default fasthttp sends a GET up to five times when its
// connection breaks, which would hide failures and load the upstream with calls
// that are not counted. A kept connection is checked before it is used: where the
// upstream has closed it meanwhile, another one is taken, and nothing was sent
// twice. An upstream that closes at the very moment of sending is a failure.
package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/targets/backend"
	"github.com/a628bb15/onhold/targets/orders"
)

// Name of the backend.
const Name = "http"

const (
	dialLimit = 5 * time.Second // for a connection to be made
	idleLimit = time.Minute     // after which an idle connection is closed
	bodyMax   = 1 << 20         // bytes of a reply
)

// Config is how to call the upstream.
type Config struct {
	URL         string        // http://HOST:PORT
	Connections int           // connections, each of which has one call at a time; 0 means any number
	Timeout     time.Duration // for a call, from its beginning
}

// Validate checks the address. The error is a [*field.Error].
func (c Config) Validate() error {
	_, err := address(c.URL)
	return err
}

func address(text string) (addr string, err error) {
	u, err := url.Parse(text)
	if err == nil && u.Scheme == "http" && u.Port() != "" && (u.Path == "" || u.Path == "/") && u.RawQuery == "" && u.Fragment == "" && u.User == nil {
		return u.Host, nil
	}
	return "", &field.Error{Field: "URL", Value: text, Want: "http://HOST:PORT, without a path"}
}

// Backend is an upstream over HTTP.
type Backend struct {
	backend.Parked
	config Config
	orders string // the address of the orders
	client *fasthttp.HostClient
	calls  atomic.Int64

	// free holds a token for each connection that may be in use. fasthttp has a
	// bound of its own, but does not report how long a call waited for it.
	free chan struct{} // nil: no bound
	wait *backend.Waits

	open context.Context // ends with Close
	end  context.CancelFunc
}

var _ backend.Backend = (*Backend)(nil)

// New returns a backend, or the error of Validate. It
// makes no connection: each call reports an upstream that is not there.
func New(c Config) (*Backend, error) {
	addr, err := address(c.URL)
	if err != nil {
		return nil, err
	}
	b := &Backend{config: c, orders: "http://" + addr + orders.PathOrders, client: &fasthttp.HostClient{
		Addr:                      addr,
		Name:                      orders.ServerName,
		MaxConns:                  math.MaxInt32, // fasthttp's own default is 512
		ConnPoolStrategy:          fasthttp.LIFO, // the fewest connections stay in use
		MaxIdleConnDuration:       idleLimit,
		MaxIdemponentCallAttempts: 1,
		RetryIfErr:                func(*fasthttp.Request, int, error) (resetTimeout, retry bool) { return false, false },
		MaxResponseBodySize:       bodyMax,
		DialTimeout:               dial,
	}}
	b.Parked = backend.Parked{Ask: b.ask}
	b.open, b.end = context.WithCancel(context.Background())
	if c.Connections > 0 {
		b.client.MaxConns = c.Connections
		b.free = make(chan struct{}, c.Connections)
		b.wait = new(backend.Waits)
	}
	return b, nil
}

// dial makes a connection. fasthttp's own dialer makes at most 1,000 at once,
// and keeps addresses that it has looked up.
func dial(addr string, timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", addr, min(timeout, dialLimit))
	if err != nil {
		return nil, err
	}
	return &kept{Conn: conn}, nil
}

func (b *Backend) ask(q *backend.Query) {
	b.calls.Add(1)
	left := b.config.Timeout
	if b.free != nil {
		began := time.Now()
		if q.Err = b.take(left); q.Err != nil {
			return
		}
		defer func() { <-b.free }()
		waited := time.Since(began)
		b.wait.Record(waited)
		left -= waited
	}
	if b.open.Err() != nil {
		q.Err = backend.ErrClosed
		return
	}
	q.Err = b.call(q, left)
	if b.open.Err() != nil { // Close did not see this connection idle
		b.client.CloseIdleConnections()
	}
}

// take waits for a connection to be free.
func (b *Backend) take(limit time.Duration) error {
	select {
	case b.free <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case b.free <- struct{}{}:
		return nil
	case <-timer.C:
		return fmt.Errorf("no connection to the upstream was free within %v: %w", b.config.Timeout, orders.ErrBusy)
	case <-b.open.Done():
		return backend.ErrClosed
	}
}

// Stats implements [backend.Backend].
func (b *Backend) Stats() orders.BackendStats {
	s := orders.BackendStats{Name: Name, Connections: b.config.Connections, Calls: b.calls.Load()}
	if b.wait != nil {
		s.PoolWait = b.wait.Stats()
	}
	return s
}

// Close implements [backend.Backend]. It closes the connections, those in use
// once their call is answered: a call that is under way is not ended.
func (b *Backend) Close() error {
	b.end()
	b.client.CloseIdleConnections()
	return nil
}

// call makes one request and reads what it is answered.
func (b *Backend) call(q *backend.Query, left time.Duration) error {
	req, resp := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(req)
	defer fasthttp.ReleaseResponse(resp)
	want := fasthttp.StatusOK
	var room [128]byte
	if q.Pay {
		want = fasthttp.StatusCreated
		req.Header.SetMethod(fasthttp.MethodPost)
		req.Header.SetContentType("application/json")
		req.SetRequestURI(b.orders)
		b := append(room[:0], `{"user_id":`...)
		b = strconv.AppendInt(b, q.Order.UserID, 10)
		b = append(b, `,"total_cents":`...)
		b = strconv.AppendInt(b, q.Order.TotalCents, 10)
		req.SetBody(append(b, '}'))
	} else {
		req.SetRequestURI(b.orders + "?user_id=" + strconv.FormatInt(q.UserID, 10))
	}
	deadline := time.Now().Add(left)
	err := b.client.DoTimeout(req, resp, left)
	for errors.Is(err, errStale) { // as often as there are connections that the upstream has closed
		err = b.client.DoTimeout(req, resp, time.Until(deadline))
	}
	switch {
	case errors.Is(err, fasthttp.ErrTimeout):
		return fmt.Errorf("the upstream did not answer within %v", b.config.Timeout)
	case errors.Is(err, fasthttp.ErrConnectionClosed):
		return errors.New("the upstream closed the connection before it answered")
	case err != nil:
		return fmt.Errorf("calling the upstream: %w", err)
	}
	switch status := resp.StatusCode(); status {
	case want:
		return read(q, resp.Body())
	case fasthttp.StatusServiceUnavailable, fasthttp.StatusTooManyRequests:
		return fmt.Errorf("the upstream is full: %w", orders.ErrBusy)
	default:
		return fmt.Errorf("the upstream answered with status %d", status)
	}
}

// read fills in the answer.
func read(q *backend.Query, body []byte) error {
	var list []orders.Order
	var err error
	if q.Pay {
		list = make([]orders.Order, 1)
		err = json.Unmarshal(body, &list[0])
	} else {
		err = json.Unmarshal(body, &list)
	}
	for i := range list {
		if err == nil {
			list[i].Status, err = orders.Status(list[i].Status)
		}
	}
	if err != nil {
		return fmt.Errorf("the upstream's reply cannot be read: %w", err)
	}
	q.Room()
	q.Orders = append(q.Orders[:0], list...)
	return nil
}
