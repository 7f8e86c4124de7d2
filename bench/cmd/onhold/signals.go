package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that ends with the first Ctrl-C, SIGTERM or SIGHUP
// (a terminal that was closed). After stop, which whoever has heard of that calls,
// a second one ends the process at once. A SIGHUP that is ignored, as under
// nohup, stays so. A pipe that nobody reads any more does not end the process:
// what was measured is still to be written.
func interruptible(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	return signal.NotifyContext(ctx, signals...)
}

// diskFault reports whether it is the disk that fails, not the path.
func diskFault(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) || errors.Is(err, errQuota)
}
