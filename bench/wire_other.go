//go:build !unix

package bench

import "net"

// liveness is known on Unix only; elsewhere a connection counts as alive.
type liveness struct{}

func newLiveness(net.Conn, bool) *liveness { return nil }

func (l *liveness) alive() bool { return true }
