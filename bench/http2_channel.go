package bench

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http2"
	"github.com/a628bb15/onhold/bench/internal/request"
	"github.com/a628bb15/onhold/reports/result"
)

// NotHTTP2 is the error of a server that is there and does not speak HTTP/2 as it is asked
// to. Its text says what to do.
type NotHTTP2 struct{ Why string }

func (e *NotHTTP2) Error() string { return e.Why }

// channel is an HTTP/2 connection, for one client or several. A goroutine reads from it,
// another one writes: what several have to send at once goes out in one write.
type channel struct {
	conn      net.Conn // the TLS session where there is one
	handshake time.Duration
	wake      chan struct{} // something is to be sent
	gone      chan struct{} // closed with the connection

	mu      sync.Mutex // guards what follows
	h2      *http2.Conn
	calls   []*http2Conn  // by the tags of their streams; nil: one that is free
	waiting []*http2Conn  // for a stream, in order
	at      time.Duration // instant of the read whose bytes come
	touched []*http2Conn  // of whose streams of events that read brought something
	over    bool
	err     error // why it cannot be used, where that is known before it could be
}

// openChannel makes a connection, and returns when requests can be made.
func openChannel(ctx context.Context, set *request.Set) (*channel, error) {
	conn, err := set.Dial(ctx)
	if err != nil {
		return nil, err
	}
	c := &channel{conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{}), h2: http2.New(set.Made(), set.Streams)}
	if set.Stream != nil {
		c.h2.Sink = c
	} else {
		set.Look.AtConn(c.h2)
	}
	if config := set.Session(request.HTTP2); config != nil {
		secure := tls.Client(conn, config)
		began := clock.Now()
		err := secure.HandshakeContext(ctx)
		switch {
		case err != nil && request.NoProtocol(err), err == nil && secure.ConnectionState().NegotiatedProtocol != request.ALPN:
			err = &NotHTTP2{request.ErrNoALPN.Error()}
		case err != nil:
			err = fmt.Errorf("TLS handshake: %w", err)
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
		c.conn, c.handshake = secure, clock.Now()-began
	}
	ready := make(chan struct{})
	c.send()
	go c.write()
	go c.read(ready)
	select {
	case <-ready:
		return c, nil
	case <-c.gone:
		c.Close()
		return nil, c.err // set before gone is closed
	case <-ctx.Done():
		c.Close()
		return nil, fmt.Errorf("the server did not begin with the settings of HTTP/2: %w", ctx.Err())
	}
}

// send wakes who writes.
func (c *channel) send() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// write sends what is pending, until the connection is closed.
func (c *channel) write() {
	var out []byte
	for {
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
		for {
			c.mu.Lock()
			out = append(out[:0], c.h2.Pending()...)
			c.h2.Sent(len(out))
			c.mu.Unlock()
			if len(out) == 0 {
				break
			}
			if _, err := c.conn.Write(out); err != nil {
				return // who reads learns of it, once what came before is read
			}
		}
	}
}

// read reads replies until the connection ends. It closes ready once requests can be
// made.
func (c *channel) read(ready chan struct{}) {
	buf := make([]byte, largeBuffer)
	greeted := false
	for {
		n, err := c.conn.Read(buf)
		now := clock.Now()
		c.mu.Lock()
		if n > 0 {
			c.at = now
			events, wrong := c.h2.Read(buf[:n])
			for i := range events {
				c.happened(&events[i], now)
			}
			c.settle()
			if wrong != nil {
				err = wrong
			}
			switch {
			case greeted || err != nil || !c.h2.Ready():
			case c.h2.Going():
				err = c.h2.GoAway() // it cannot be used, as if it was refused
			default:
				greeted = true
				close(ready)
			}
			c.admit()
		}
		pending := len(c.h2.Pending()) > 0
		if err != nil {
			c.lost(err, greeted)
			c.mu.Unlock()
			return
		}
		if c.h2.Going() && c.h2.Open() == 0 {
			c.conn.Close() // it takes no more
		}
		c.mu.Unlock()
		if pending {
			c.send()
		}
	}
}

// happened passes on what happened to a stream.
func (c *channel) happened(e *http2.Event, now time.Duration) {
	call := c.calls[e.Tag]
	if e.Kind == http2.Began {
		call.first = now
		return
	}
	c.calls[e.Tag] = nil
	call.ended <- ending{event: *e}
}

// admit lets those wait no longer for which there is a stream now, or never will be.
func (c *channel) admit() {
	for len(c.waiting) > 0 && (c.h2.Room() || c.h2.Going() || c.over) {
		call := c.waiting[0]
		c.waiting = slices.Delete(c.waiting, 0, 1)
		if !c.h2.Room() || c.over {
			call.ended <- ending{event: http2.Event{Kind: http2.Unprocessed}}
			continue
		}
		c.enter(call)
		call.admitted <- struct{}{}
	}
}

// enter makes a request.
func (c *channel) enter(call *http2Conn) {
	tag := slices.Index(c.calls, nil)
	if tag < 0 {
		tag, c.calls = len(c.calls), append(c.calls, nil)
	}
	c.calls[tag] = call
	call.entered, call.tag = clock.Now(), int32(tag)
	if call.stream != nil {
		call.stream.Begin(0, call.entered, call.limit, call.gap)
	}
	call.place = c.h2.Request(call.tag, call.request, call.body, false)
	c.send()
}

// withdraw takes a request back that waits for a stream; false where it got one by now,
// which it ends.
func (c *channel) withdraw(call *http2Conn) bool {
	c.mu.Lock()
	at := slices.Index(c.waiting, call)
	if at >= 0 {
		c.waiting = slices.Delete(c.waiting, at, at+1)
	}
	sent := call.entered > 0
	c.mu.Unlock()
	if sent {
		c.cancel(call)
	}
	return !sent
}

// cancel ends a stream, or is how it has ended by now.
func (c *channel) cancel(call *http2Conn) (e ending, ended bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(call.ended) > 0 {
		return <-call.ended, true
	}
	c.abandon(call)
	c.send()
	return e, false
}

// abandon ends a stream.
func (c *channel) abandon(call *http2Conn) {
	c.calls[call.tag] = nil
	c.h2.Cancel(call.place)
}

// lost ends all that is under way, as the connection has ended.
func (c *channel) lost(err error, greeted bool) {
	c.over = true
	var wrong *http2.Error
	var not *http2.NotHTTP2
	outcome, why := exchange.OfBroken(err), err.Error()
	switch {
	case errors.As(err, &not):
		c.err = &NotHTTP2{not.Error()}
	case errors.As(err, &wrong):
		outcome, why = result.Error, "malformed reply: "+why
	case errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed):
		why = exchange.Closed
		if !greeted {
			c.err = &NotHTTP2{exchange.NoGreeting}
		}
	}
	if goAway := c.h2.GoAway(); goAway != nil {
		why = exchange.AfterGoAway(goAway)
	}
	c.err = cmp.Or(c.err, err)
	for tag, call := range c.calls {
		if call != nil {
			c.calls[tag] = nil
			call.ended <- ending{outcome: outcome, why: why, cut: wrong == nil}
		}
	}
	c.admit()
	close(c.gone)
	c.conn.Close()
}

// Close implements [shared.Conn].
func (c *channel) Close() { c.conn.Close() }

// Usable implements [shared.Conn].
func (c *channel) Usable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.over && !c.h2.Going()
}
