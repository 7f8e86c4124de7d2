package clock

import "time"

// Kernel is the kernel's CLOCK_MONOTONIC at the instant at, which means the
// same to every process on this machine.
func Kernel(at time.Duration) time.Duration { return monotonicEpoch + at }
