package request

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/a628bb15/onhold/bench/internal/http2"
)

// ALPN is the name of HTTP/2 in the handshake of TLS.
const ALPN = "h2"

// Versions of HTTP.
const (
	HTTP1 = "1.1"
	HTTP2 = "2"
	Auto  = "auto" // which of them, the server says in the handshake of TLS
)

// Multiplex is how requests share connections.
type Multiplex struct {
	HTTP        string // the version; HTTP1 where empty
	Connections int    // that all clients share; 0: each has its own
	Streams     int    // at once on a connection; 0: as many as the server allows
}

// shared is what is found out once for all who make the requests.
type shared struct {
	mu     sync.Mutex
	agreed string // the version, where Auto and known
	made   *http2.Requests
}

// ErrNoALPN is the error of a server that speaks TLS, but not HTTP/2 over it.
var ErrNoALPN = errors.New("the server does not speak HTTP/2 over TLS (ALPN h2)")

// NoProtocol reports whether a handshake of TLS failed as the server speaks none of the
// protocols that were offered. Package crypto/tls has no type for it.
func NoProtocol(err error) bool {
	return strings.HasSuffix(err.Error(), "tls: no application protocol")
}

// Agreed is the version of HTTP that is spoken. Where the server says which, it connects
// for that, once.
func (s *Set) Agreed(ctx context.Context) (string, error) {
	switch {
	case s.HTTP == HTTP2:
		return HTTP2, nil
	case s.HTTP != Auto || s.TLS == nil:
		return HTTP1, nil
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if s.shared.agreed != "" {
		return s.shared.agreed, nil
	}
	conn, err := s.Dial(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	secure := tls.Client(conn, s.TLS)
	if err := secure.HandshakeContext(ctx); err != nil {
		return "", fmt.Errorf("TLS handshake: %w", err)
	}
	defer secure.Close()
	s.shared.agreed = HTTP1
	if secure.ConnectionState().NegotiatedProtocol == ALPN {
		s.shared.agreed = HTTP2
	}
	return s.shared.agreed, nil
}

// agreement is the version of which the server said that it is spoken, "" where it has not.
func (s *Set) agreement() string {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	return s.shared.agreed
}

// Session is the configuration of the TLS sessions in which that version is spoken; nil
// where there are none.
func (s *Set) Session(version string) *tls.Config {
	config := s.TLS.Clone()
	switch {
	case config == nil:
	case version == HTTP2:
		config.NextProtos = []string{ALPN}
	case s.HTTP == Auto:
		config.NextProtos = []string{"http/1.1"}
	}
	return config
}

// Made is the requests for HTTP/2.
func (s *Set) Made() *http2.Requests {
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	if s.shared.made == nil {
		scheme := "http"
		if s.TLS != nil {
			scheme = "https"
		}
		raw := s.raw
		if s.Data != nil {
			raw = nil
		}
		s.shared.made = http2.NewRequests(raw, scheme)
	}
	return s.shared.made
}

// Made is the request of arrival number n for HTTP/2, and its body. Like that of Next it
// must not be changed, and is valid until the next call.
func (p *Picker) Made(n uint64) (*http2.Request, []byte) {
	if p.made == nil {
		p.made = p.set.Made()
	}
	raw, head := p.Next(n)
	if p.set.Data == nil {
		q := p.made.Request(p.which)
		return q, raw[len(raw)-len(q.Body):]
	}
	if p.maker == nil {
		p.maker = p.made.Maker()
	}
	q := p.maker.Make(raw, head)
	return q, q.Body
}
