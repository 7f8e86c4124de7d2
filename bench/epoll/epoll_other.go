//go:build !linux

package epoll

import (
	"context"
	"errors"

	"github.com/a628bb15/onhold/bench"
)

// Supported is whether the driver runs on this system.
const Supported = false

// Drive fails: New makes no driver on this system.
func (d *Driver) Drive(context.Context, bench.Plan, *bench.Recorder) error {
	return errors.New("the epoll driver runs on Linux only")
}
