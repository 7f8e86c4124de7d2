package epoll

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/bench/internal/request"
	"golang.org/x/sys/unix"
)

// peer is an address to connect to.
type peer struct {
	addr   unix.Sockaddr
	family int
}

// peersOf are the addresses of a server, for one loop: connecting writes into them.
func peersOf(ctx context.Context, requests *request.Set) (peers []peer, err error) {
	all, err := requests.Addresses(ctx)
	if requests.Unix != "" || err != nil {
		return []peer{{&unix.SockaddrUnix{Name: requests.Unix}, unix.AF_UNIX}}, err
	}
	for _, a := range all {
		addr, err := sockaddr(a)
		if err != nil {
			return nil, err
		}
		family := unix.AF_INET6
		if a.Addr().Is4() {
			family = unix.AF_INET
		}
		peers = append(peers, peer{addr, family})
	}
	return peers, nil
}

func sockaddr(a netip.AddrPort) (unix.Sockaddr, error) {
	ip := a.Addr().Unmap()
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: ip.As4()}, nil
	}
	sa := &unix.SockaddrInet6{Port: int(a.Port()), Addr: ip.As16()}
	if zone := ip.Zone(); zone != "" {
		if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
			sa.ZoneId = uint32(n)
		} else if dev, err := net.InterfaceByName(zone); err == nil {
			sa.ZoneId = uint32(dev.Index)
		} else {
			return nil, fmt.Errorf("address %v: %w", a, err)
		}
	}
	return sa, nil
}

// mostSources is from how many addresses of loopback connections are made at
// the most.
const mostSources = 64

// sources is from how many addresses of this machine that many connections to
// a server are to be made. On the IPv4 loopback every address of 127.0.0.0/8 is
// ours, each with as many ports as the kernel allows for one; a quarter of
// those is left to others and to connections just closed. Elsewhere it is 1.
func sources(server netip.Addr, connections int, fresh bool) int {
	ports, known := host.Ports()
	if !server.Is4() || !server.IsLoopback() || !known {
		return 1
	}
	n := 1 + connections/(ports*3/4+1)
	if fresh { // each request leaves its port unusable for a while
		n = max(n, 16)
	}
	return min(n, mostSources)
}

// Connections implements [bench.Driver].
func (d *driver) Connections(p bench.Plan) (connections, addresses int) {
	connections = p.MostConnections()
	if shared := d.requests.Multiplex.Connections; shared > 0 {
		connections = min(connections, shared)
	}
	if d.requests.Unix != "" {
		return connections, 1
	}
	server, err := netip.ParseAddr(d.requests.Host)
	if err != nil {
		if d.requests.Host != "localhost" {
			return connections, 1
		}
		server = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return connections, sources(server.Unmap(), connections, d.requests.Close)
}

// sourceAddress is address number i of n, nil where there is only one and the
// kernel may choose.
func sourceAddress(i, n int) unix.Sockaddr {
	if n < 2 {
		return nil
	}
	return &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, byte(1 + i%n)}}
}
