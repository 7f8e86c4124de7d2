package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/a628bb15/onhold/bench/clock"
	"github.com/a628bb15/onhold/bench/internal/exchange"
	"github.com/a628bb15/onhold/bench/internal/http1"
	"github.com/a628bb15/onhold/reports/field"
	"github.com/a628bb15/onhold/reports/result"
)

// MaxFollow is the most redirects that may be followed for one arrival.
const MaxFollow = 100

// GoroutineOnly is a [*field.Error] that names the first field that only the goroutine
// driver knows; nil where there is none.
func (h HTTP) GoroutineOnly() error {
	const want = ", as only the goroutine driver "
	return field.First(
		field.Check(h.Accepted == nil, "Accepted", "a function", "nil"+want+"reads what a server accepted"),
		field.Check(!h.Cookies, "Cookies", h.Cookies, "false"+want+"keeps cookies"),
		field.Check(h.Follow == 0, "Follow", h.Follow, "0"+want+"follows redirects"),
	)
}

// clientConn is a Conn that needs to know whose it is, before each Do.
type clientConn interface {
	begin(c *client, planned time.Duration)
}

// browser is a client's connection that keeps cookies and follows redirects. It connects
// again where its connection is spent and an arrival needs a further one.
type browser struct {
	http   HTTP
	dial   Dial // of an *httpConn
	number uint64
	client *client // whose it is; nil where no driver drives
	jar    *jar    // nil where cookies are not kept
	closed chan struct{}

	mu   sync.Mutex // guards conn and over against Close
	conn *httpConn  // nil where it is spent
	over bool
}

func newBrowser(h HTTP, dial Dial, conn *httpConn) *browser {
	return &browser{http: h, dial: dial, conn: conn, closed: make(chan struct{})}
}

func (b *browser) begin(c *client, _ time.Duration) {
	b.client = c
	if b.http.Cookies && c.jar == nil {
		c.jar = newJar()
	}
	b.jar = c.jar
}

// Number implements [NumberedConn].
func (b *browser) Number(n uint64) { b.number = n }

// Check implements [Checker].
func (b *browser) Check() (usable, unsolicited bool) { return b.conn.Check() }

// Handshake implements [SecureConn].
func (b *browser) Handshake() time.Duration { return b.conn.Handshake() }

// Close implements [Conn].
func (b *browser) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.over = true
		close(b.closed)
	}
	if b.conn == nil {
		return nil
	}
	return b.conn.Close()
}

// Do implements [Conn].
func (b *browser) Do(timeout time.Duration) Reply {
	if b.http.Cookies && b.jar == nil {
		b.jar = newJar()
	}
	var shard *lockedShard
	if b.client != nil {
		shard = b.client.shard
	}
	raw, head := b.conn.picker.Next(b.number)
	b.number++
	return b.visit(raw, head, timeout, shard)
}

// visit makes a request and, where wanted, those to which it is redirected, within the
// time that is left. Connections that it makes are recorded in shard, where not nil.
func (b *browser) visit(raw []byte, head bool, left time.Duration, shard *lockedShard) (reply Reply) {
	ends, first := clock.Now()+left, raw
	for followed, unsolicited := 0, false; ; followed++ {
		if b.conn == nil {
			if reply = b.connect(ends-clock.Now(), shard); reply.Outcome != result.OK {
				reply.Redirects, reply.Unsolicited = followed, unsolicited
				return reply
			}
		}
		reply = b.conn.send(b.jar.add(raw, b.scheme()), head, ends-clock.Now())
		unsolicited = unsolicited || reply.Unsolicited
		reply.Redirects, reply.Unsolicited = followed, unsolicited
		if !b.conn.replied {
			return reply
		}
		b.jar.take(b.conn.reader.Header, raw, b.scheme())
		if raw = b.redirected(&reply, raw, first); raw == nil {
			return reply
		}
		head = bytes.HasPrefix(raw, []byte("HEAD "))
		spent := reply.Spent || b.client != nil && (b.client.plan.NewConnection || b.client.once)
		if !spent { // a server may close behind a redirect without announcing it
			usable, said := b.conn.Check()
			spent, unsolicited = !usable, unsolicited || said
		}
		if spent {
			b.hangUp()
		}
	}
}

// connect makes the connection again; its outcome is OK where it is there.
func (b *browser) connect(left time.Duration, shard *lockedShard) Reply {
	ctx, cancel := context.WithTimeout(context.Background(), left)
	defer cancel()
	go func() {
		select {
		case <-b.closed:
			cancel()
		case <-ctx.Done():
		}
	}()
	began := clock.Now()
	made, err := b.dial(ctx)
	if err != nil {
		outcome, why := DialOutcome(err)
		return Reply{Outcome: outcome, Why: why, Spent: true}
	}
	took := clock.Now() - began
	if shard != nil {
		shard.connected(made, took, !b.client.plan.NewConnection)
	}
	conn := made.(*httpConn)
	b.mu.Lock()
	b.conn = conn
	if b.over {
		conn.Close()
	}
	b.mu.Unlock()
	if took >= left {
		return Reply{Outcome: result.Timeout, Why: exchange.NoConnection, Spent: true}
	}
	return Reply{}
}

func (b *browser) hangUp() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.conn != nil {
		b.conn.Close()
		b.conn = nil
	}
}

func (b *browser) scheme() string {
	if b.conn.under != nil {
		return "https"
	}
	return "http"
}

// redirected is the request that follows from a reply to raw, of which first was the first;
// nil where the reply is the last one. It then says so where that is an error.
func (b *browser) redirected(reply *Reply, raw, first []byte) []byte {
	if b.http.Follow == 0 || reply.Outcome == result.Rejected {
		return nil
	}
	switch reply.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil
	}
	locations := http1.Values(b.conn.reader.Header, "location")
	if len(locations) == 0 {
		return nil
	}
	fail := func(format string, args ...any) []byte {
		reply.Outcome, reply.Why = result.Error, fmt.Sprintf(format, args...)
		return nil
	}
	if reply.Redirects == b.http.Follow {
		return fail("more than %d redirects", b.http.Follow)
	}
	m := messageOf(raw)
	to, err := m.url(b.scheme()).Parse(locations[0])
	if err != nil || to.Host == "" {
		return fail("the Location of a redirect is no address")
	}
	if !b.sameServer(to, messageOf(first).url(b.scheme()).Host) {
		server := url.URL{Scheme: to.Scheme, Host: to.Host}
		return fail("a redirect to another server, %s, which is not followed", server.String())
	}
	m.redirect(reply.Status, to)
	return m.bytes()
}

// sameServer reports whether an address is one of the server that is driven: by its URL,
// or by the name that the arrival's first request gave it.
func (b *browser) sameServer(to *url.URL, name string) bool {
	at := func(host string) string {
		u := url.URL{Host: host}
		port := u.Port()
		if port == "" {
			port = map[string]string{"http": "80", "https": "443"}[to.Scheme]
		}
		return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
	}
	address := b.http.URL
	if len(b.http.Mix) > 0 {
		address = b.http.Mix[0].URL
	}
	u, err := url.Parse(address)
	return to.Scheme == b.scheme() && (at(to.Host) == at(name) || err == nil && at(to.Host) == at(u.Host))
}
