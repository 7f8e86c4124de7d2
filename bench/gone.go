package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	goneLimit = 5 * time.Second        // for one connection
	goneEvery = 100 * time.Millisecond // between two tries
	goneTries = 10                     // a server that is being restarted is not gone
)

// Gone is why a server must not be driven any more: its process has ended, where
// pid says which that is, or nobody listens at its address. It is nil where the
// server is there or nobody can tell. Unless the process has ended it makes one
// connection at least, and no request.
func Gone(ctx context.Context, dial Dial, pid int) error {
	if pid > 0 {
		if err := host.Ended(pid); err != nil {
			return err
		}
	}
	for try := 1; ; try++ {
		limited, cancel := context.WithTimeout(ctx, goneLimit)
		conn, err := dial(limited)
		cancel()
		if err == nil {
			conn.Close()
			return nil
		}
		if DialFailed(err).Outcome != result.Refused {
			return nil // busy, or out of our own means
		}
		if try == goneTries {
			return fmt.Errorf("it takes no connections any more: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(goneEvery):
		}
	}
}

// Doubtful reports whether the stage gives reason to ask whether its target is
// Gone: connections were refused or reset, or its process could not be read.
func Doubtful(s *result.Stage) bool {
	return s.Disturbed || s.Counts[result.Refused]+s.Counts[result.Reset] > 0 || !s.Valid()
}
