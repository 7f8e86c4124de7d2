package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/a628bb15/onhold/bench/scratch"
)

// interruptible is a context that ends with the first Ctrl-C, SIGTERM or SIGHUP
// (a terminal that was closed). After stop, which whoever has heard of that calls,
// a second one ends the process at once. A SIGHUP that is ignored, as under
// nohup, stays so. A pipe that nobody reads any more does not end the process:
// what was measured is still to be written. Whoever is interruptible begins by
// removing what a process left that was not.
func interruptible(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	for _, kind := range []string{"broker", "duet", "peers", "calibrate"} {
		scratch.Sweep("onhold-" + kind + "-") // what was left by one that was killed
	}
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
