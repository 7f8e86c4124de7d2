//go:build !unix

package bench

import (
	"net"
	"os"
)

// wire is known on Unix only; elsewhere a connection counts as alive.
type wire struct{}

func newWire(net.Conn) *wire { return nil }

func (w *wire) pending() (said []byte, nothing bool, err error) { return nil, true, nil }

func (w *wire) tryRead([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }

func (w *wire) tryWrite([]byte) (int, error) { return 0, os.ErrDeadlineExceeded }
