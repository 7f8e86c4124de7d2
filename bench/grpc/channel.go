package grpc

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/a628bb15/onhold/bench/clock"
)

const (
	alpn     = "h2"
	buffer   = 8 << 10  // of reading, on each connection: there may be ten thousand, and most calls are small
	maxReply = 64 << 20 // bytes of a message, as of a reply over HTTP/1.1

	// The first byte of a TLS server's reply to what is no TLS, and of its handshake.
	recordAlert, recordHandshake = 0x15, 0x16
)

// channel is one HTTP/2 connection. Once it is broken it stays so.
type channel struct {
	cc        *grpc.ClientConn
	handshake time.Duration // of TLS

	// replaced is true where gRPC has made another connection in its place, for a call
	// that the server did not look at. It takes no further calls: the driver makes and
	// counts the connection for those.
	replaced atomic.Bool

	reads atomic.Int64 // of its connections, that brought something
}

// Usable implements [shared.Conn].
func (c *channel) Usable() bool {
	return c.cc.GetState() == connectivity.Ready && !c.replaced.Load()
}

// Close implements [shared.Conn].
func (c *channel) Close() { c.cc.Close() }

// NotGRPC is the error of a server that is there and does not speak gRPC as the address
// says. Its text says what to do.
type NotGRPC struct{ Why string }

func (e *NotGRPC) Error() string { return e.Why }

var (
	errNoGRPC = &NotGRPC{"the server closed the connection before the handshake of HTTP/2, which gRPC requires; if it speaks TLS, begin the address with grpcs://"}
	errNoALPN = &NotGRPC{"the server does not speak HTTP/2 over TLS (ALPN h2), which gRPC requires"}
)

// connect makes a channel, and returns when calls can be made.
//
// By default a ClientConn hides the connection: it makes it with the first call, and
// again when it breaks, with pauses in between, and reports a failure as text only.
// So the connection is made here, and handed over. It makes another one itself only for a
// call that the server did not look at, because it was about to close the connection.
func (s *service) connect(ctx context.Context) (*channel, error) {
	c := &channel{}
	conn, handshake, err := s.link(ctx, &c.reads)
	if err != nil {
		return nil, err
	}
	c.handshake = handshake
	protocol := "insecure"
	if s.set.TLS != nil {
		protocol = "tls"
	}
	made := make(chan *peeked, 1)
	made <- conn
	c.cc, err = grpc.NewClient("passthrough:///"+s.set.Addr,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			select {
			case conn := <-made:
				return conn, nil
			default:
			}
			c.replaced.Store(true)
			conn, _, err := s.link(ctx, &c.reads)
			if err != nil {
				return nil, err
			}
			return conn, nil
		}),
		grpc.WithTransportCredentials(done{insecure.NewCredentials(), protocol}),
		grpc.WithAuthority(s.authority),
		grpc.WithUserAgent(s.agent),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithDisableHealthCheck(),
		grpc.WithNoProxy(),
		grpc.WithIdleTimeout(0),
		grpc.WithReadBufferSize(buffer),
	)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.cc.Connect()
	for {
		taken := len(made) == 0 // before the state is read: it is idle before and, where it broke, after
		state := c.cc.GetState()
		switch {
		case state == connectivity.Ready:
			return c, nil
		case state == connectivity.Idle && !taken, state == connectivity.Connecting:
			if c.cc.WaitForStateChange(ctx, state) {
				continue
			}
			err = ctx.Err()
		default:
			err = conn.why(s.set.TLS != nil)
		}
		c.cc.Close()
		conn.Close()
		return nil, err
	}
}

// link makes one connection, with its TLS session where it has one, and counts its reads.
func (s *service) link(ctx context.Context, reads *atomic.Int64) (_ *peeked, handshake time.Duration, err error) {
	conn, err := s.set.Dial(ctx)
	if err != nil || s.set.TLS == nil {
		return &peeked{Conn: conn, reads: reads}, 0, err
	}
	secure := tls.Client(conn, s.set.TLS)
	began := clock.Now()
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		if strings.HasSuffix(err.Error(), "tls: no application protocol") { // crypto/tls has no type for it
			return nil, 0, errNoALPN
		}
		return nil, 0, fmt.Errorf("TLS handshake: %w", err)
	}
	if secure.ConnectionState().NegotiatedProtocol != alpn {
		conn.Close()
		return nil, 0, errNoALPN
	}
	return &peeked{Conn: secure, reads: reads}, clock.Now() - began, nil
}

// peeked is a connection that keeps the first bytes which came.
type peeked struct {
	net.Conn
	reads *atomic.Int64
	first [5]byte
	n     int
}

func (p *peeked) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	p.reads.Add(1)
	if p.n < len(p.first) {
		p.n += copy(p.first[p.n:], b[:n])
	}
	return n, err
}

// why is the reason for which a connection was closed before a call could be made.
func (p *peeked) why(secure bool) error {
	switch said := string(p.first[:p.n]); {
	case said == "HTTP/":
		return &NotGRPC{"the server speaks HTTP/1.1 at this port, not HTTP/2, which gRPC requires"}
	case !secure && len(said) > 1 && (said[0] == recordAlert || said[0] == recordHandshake) && said[1] == 3:
		return &NotGRPC{"the server speaks TLS at this port: begin the address with grpcs://"}
	}
	return errNoGRPC
}

// done is credentials of connections whose TLS session, where they have one, is made
// already. It says which scheme the calls have.
type done struct {
	credentials.TransportCredentials // that do nothing
	protocol                         string
}

func (d done) Info() credentials.ProtocolInfo {
	return credentials.ProtocolInfo{SecurityProtocol: d.protocol}
}
