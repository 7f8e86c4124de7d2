package clock

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Our instants and the kernel's are of one clock. The millisecond is for what
// preempts us while the two are matched.
func TestKernelIsTheMonotonicClock(t *testing.T) {
	read := func() time.Duration {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
			t.Fatal(err)
		}
		return time.Duration(ts.Nano())
	}
	before := read()
	at := Kernel(Now())
	after := read()
	if at < before-time.Millisecond || at > after+time.Millisecond {
		t.Errorf("it is %v, want between %v and %v", at, before, after)
	}
}
