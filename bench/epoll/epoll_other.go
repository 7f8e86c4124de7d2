//go:build !linux

package epoll

import (
	"context"
	"errors"

	"github.com/a628bb15/onhold/bench"
)

// Supported is whether the driver runs on this system.
const Supported = false

// Connections implements [bench.Driver].
func (d *driver) Connections(p bench.Plan) (connections, addresses int) {
	return p.MostConnections(), 1
}

// Drive fails: New makes no driver on this system.
func (d *driver) Drive(context.Context, bench.Plan, *bench.Recorder) error {
	return errors.New("the epoll driver runs on Linux only")
}
