package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/a628bb15/onhold/bench/scratch"
)

// interruptible is a context that ends with the first Ctrl-C, SIGTERM or SIGHUP
// (the terminal was closed); a second one ends the process at once. An ignored
// SIGHUP, as under nohup, stays ignored. A closed pipe does not end the process:
// results are still to be written. What a killed process left is removed.
func interruptible(ctx context.Context) (_ context.Context, stop context.CancelFunc) {
	for _, kind := range []string{"broker", "duet", "peers", "calibrate", "agent"} {
		scratch.Sweep("onhold-" + kind + "-")
	}
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	pipe := make(chan os.Signal, 1)
	signal.Notify(pipe, syscall.SIGPIPE)
	ctx, stop = signal.NotifyContext(ctx, signals...)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

// whenInterrupted prints what follows an interrupt, unless it is stopped before.
func whenInterrupted(ctx context.Context, w io.Writer, what string) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		fmt.Fprintf(w, "onhold: interrupted: %s; Ctrl-C again ends the process at once\n", what)
	})
}

// diskFault reports whether it is the disk that fails, not the path.
func diskFault(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EIO) || errors.Is(err, errQuota)
}
