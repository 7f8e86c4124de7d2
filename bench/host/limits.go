package host

import (
	"fmt"
	"math"
)

// spareDescriptors is what a process needs beside its connections: standard
// streams, the poller, timers, files of the report.
const spareDescriptors = 64

// CheckLimits reports, before any of them is made, whether this process can
// hold that many connections at once to one address, made from that many
// addresses of its own, and what to change where it cannot. A limit that is
// not known is not checked.
func CheckLimits(connections, sources int) error {
	if limit, ok := descriptorLimit(); ok {
		if need := connections + spareDescriptors; need > limit {
			return fmt.Errorf("%d connections need %d open files, but the limit is %d: raise it (ulimit -n %d), or ask for fewer: a lower level or, in open loads, fewer connections",
				connections, need, limit, need)
		}
	}
	if low, high, ok := portRange(); ok {
		if ports := sources * (high - low + 1); connections > ports {
			return fmt.Errorf("%d connections to one address need as many local ports, but %d-%d gives %d: widen it (sysctl -w net.ipv4.ip_local_port_range='1024 65535'), or ask for fewer: a lower level or, in open loads, fewer connections",
				connections, low, high, ports)
		}
	}
	return nil
}

// Limits are those of this machine that bound how many connections it can
// drive. What is not known is 0.
type Limits struct {
	Descriptors int    `json:"descriptors,omitzero"`      // open files that this process may have
	MostAllowed int    `json:"descriptors_most,omitzero"` // up to which it may raise that itself
	Ports       int    `json:"ports,omitzero"`            // for connections from one address to another
	Backlog     int    `json:"backlog,omitzero"`          // connections that may wait to be accepted by a server here
	ClockSource string `json:"clock_source,omitzero"`     // what the kernel reads the time from
}

// ReadLimits reads them.
func ReadLimits() (l Limits) {
	l.Descriptors, _ = descriptorLimit()
	l.Ports, _ = Ports()
	readMore(&l)
	return l
}

// Ports is how many local ports there are for connections from one address to
// another; ok is false where that is not known.
func Ports() (n int, ok bool) {
	low, high, ok := portRange()
	if !ok {
		return 0, false
	}
	return high - low + 1, true
}

// MaxConnections is the most connections to one address, from one of its own,
// for which CheckLimits finds no fault, and at least 1.
func MaxConnections() int {
	most := math.MaxInt32
	if limit, ok := descriptorLimit(); ok {
		most = min(most, MaxConnectionsFor(limit))
	}
	if low, high, ok := portRange(); ok {
		most = min(most, high-low+1)
	}
	return max(1, most)
}

// MaxConnectionsFor is the most connections with that many open files.
func MaxConnectionsFor(descriptors int) int { return max(1, descriptors-spareDescriptors) }
