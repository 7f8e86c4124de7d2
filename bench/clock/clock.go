// Package clock reads monotonic time and waits for an instant to within tens
// of microseconds, in the three ways a program can wait: a blocked OS thread
// ([BlockUntil]), a parked goroutine ([Sleep]), and an [Alarm] that wakes
// an event loop which keeps its own [Queue] of what is due.
//
// Why not package time: an idle Go program waits in epoll_wait, whose
// timeout counts whole milliseconds, so time.Sleep wakes up to 1 ms late (a
// median of 0.6 ms where it was measured, see BenchmarkWake). Against a
// 200 ms database that error would be charged to the server under test.
//
// Instants are offsets from one fixed moment of this process, read from the
// monotonic clock: setting the wall clock cannot move them, and they mean
// nothing to another process.
package clock

import "time"

var epoch = time.Now()

// Now returns the monotonic time since the process's epoch.
func Now() time.Duration { return time.Since(epoch) }

// Wall returns the wall-clock time of an instant, for printing only.
func Wall(at time.Duration) time.Time { return epoch.Add(at) }
