package host

import (
	"fmt"
	"math"
)

// spareDescriptors is what a process needs beside its connections: standard
// streams, the poller, timers, files of the report.
const spareDescriptors = 64

// LimitError says that this machine's settings do not allow as many
// connections as were asked for, and what to change.
type LimitError struct{ msg string }

func (e *LimitError) Error() string { return e.msg }

// CheckLimits reports, before any of them is made, whether this process can
// hold that many connections at once to one address. Its error is a
// *LimitError. Where a limit is not known it is not checked.
func CheckLimits(connections int) error {
	if limit, ok := descriptorLimit(); ok {
		if need := connections + spareDescriptors; need > limit {
			return &LimitError{fmt.Sprintf("%d connections need %d open files, but the limit is %d: raise it (ulimit -n %d) or lower the level",
				connections, need, limit, need)}
		}
	}
	if low, high, ok := portRange(); ok {
		if ports := high - low + 1; connections > ports {
			return &LimitError{fmt.Sprintf("%d connections to one address need as many local ports, but the range %d-%d has %d: widen it (sysctl -w net.ipv4.ip_local_port_range='1024 65535') or lower the level",
				connections, low, high, ports)}
		}
	}
	return nil
}

// MaxConnections is the most connections to one address for which CheckLimits
// finds no fault, and at least 1.
func MaxConnections() int {
	most := math.MaxInt32
	if limit, ok := descriptorLimit(); ok {
		most = min(most, limit-spareDescriptors)
	}
	if low, high, ok := portRange(); ok {
		most = min(most, high-low+1)
	}
	return max(1, most)
}
