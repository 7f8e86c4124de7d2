//go:build !linux

package inject

import (
	"time"

	"github.com/a628bb15/onhold/bench/clock"
)

// burn spins for d by the monotonic clock: outside Linux there is no thread's
// own clock to ask. Where the thread has to wait for a CPU meanwhile, it burns
// less than d.
func burn(d time.Duration) {
	for until := clock.Now() + d; clock.Now() < until; {
	}
}
