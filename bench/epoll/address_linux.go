package epoll

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"golang.org/x/sys/unix"
)

// resolve looks the server up, once for a stage. Of several addresses it takes
// the first that accepts a connection, as other clients do.
func resolve(ctx context.Context, hostPort string) (netip.AddrPort, error) {
	name, service, err := net.SplitHostPort(hostPort)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port, err := net.DefaultResolver.LookupPort(ctx, "tcp", service)
	if err != nil {
		return netip.AddrPort{}, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	if err != nil {
		return netip.AddrPort{}, err
	}
	first := netip.AddrPortFrom(ips[0].Unmap(), uint16(port))
	if len(ips) == 1 {
		return first, nil
	}
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", hostPort)
	if err != nil {
		return first, nil // each arrival will find out, and count it
	}
	defer c.Close()
	return c.RemoteAddr().(*net.TCPAddr).AddrPort(), nil
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
