package request

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/a628bb15/onhold/bench/internal/stream"
	"github.com/a628bb15/onhold/reports/result"
)

// Lookup looks a name up; a variable for tests.
var Lookup = net.DefaultResolver.LookupNetIP

// mostAddresses is how many addresses of a name are used at the most.
const mostAddresses = 64

// addresses are those of a server.
type addresses struct {
	mu    sync.Mutex
	known []netip.AddrPort
	next  atomic.Uint64
}

// Addresses are those of the server, over which connections are spread; none where it
// has a Unix socket. A name is looked up once: of several addresses those are left
// out that take no connection, as that of the other family of localhost, unless none
// does.
func (s *Set) Addresses(ctx context.Context) ([]netip.AddrPort, error) {
	a := &s.addresses
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.known != nil || s.Unix != "" {
		return a.known, nil
	}
	name, service, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return nil, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return nil, err
	}
	ips, err := Lookup(ctx, "ip", name)
	if err != nil {
		return nil, err
	}
	all := make([]netip.AddrPort, min(len(ips), mostAddresses))
	for i := range all {
		all[i] = netip.AddrPortFrom(ips[i].Unmap(), uint16(port))
	}
	if a.known = all; len(all) > 1 {
		if there := taking(ctx, all); len(there) > 0 {
			a.known = there
		}
	}
	return a.known, nil
}

// taking are those of the addresses that take a connection.
func taking(ctx context.Context, all []netip.AddrPort) (there []netip.AddrPort) {
	var wg sync.WaitGroup
	takes := make([]bool, len(all))
	for i, addr := range all {
		wg.Go(func() {
			var dialer net.Dialer
			if c, err := dialer.DialContext(ctx, "tcp", addr.String()); err == nil {
				takes[i] = true
				c.Close()
			}
		})
	}
	wg.Wait()
	for i, addr := range all {
		if takes[i] {
			there = append(there, addr)
		}
	}
	return there
}

// Dial makes a connection to the server, without TLS: to its addresses in turn.
func (s *Set) Dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	if s.Unix != "" {
		return dialer.DialContext(ctx, "unix", s.Unix)
	}
	all, err := s.Addresses(ctx)
	if err != nil {
		return nil, err
	}
	return dialer.DialContext(ctx, "tcp", all[s.addresses.next.Add(1)%uint64(len(all))].String())
}

// Remarks are what a reader should know of the replies that came.
func (s *Set) Remarks() (remarks []string) {
	what := map[stream.Kind]string{stream.SSE: "server-sent events (text/event-stream)", stream.Lines: "lines that come in chunks (application/x-ndjson)"}
	if kind := s.Look.Found(); kind != stream.None {
		remarks = append(remarks, fmt.Sprintf("the replies are %s, and latencies are to the end of each; %s%s measures first events and gaps, too", what[kind], StreamField, kind))
	}
	return remarks
}

// StreamField is before the kind of stream in what Remarks say: the field that sets it.
const StreamField = "Stream: "

// Found are settings that were not known before there were connections: the server's
// addresses, where there are several.
func (s *Set) Found() (found result.Settings) {
	s.addresses.mu.Lock()
	defer s.addresses.mu.Unlock()
	if known := s.addresses.known; len(known) > 1 {
		texts := make([]string, len(known))
		for i, addr := range known {
			texts[i] = addr.String()
		}
		found = found.With(result.KeyAddresses, strings.Join(texts, " "))
	}
	if agreed := s.agreement(); agreed != "" {
		found = found.With(result.KeyHTTPAgreed, agreed)
	}
	return append(found, s.sessions.found()...)
}
