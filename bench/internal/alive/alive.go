// Package alive checks whether a target can still be driven.
package alive

import (
	"context"
	"fmt"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/bench/host"
	"github.com/a628bb15/onhold/reports/result"
)

const (
	connectLimit = 5 * time.Second        // for one connection
	retryEvery   = 100 * time.Millisecond // between two tries
	tries        = 10                     // a server that is being restarted is not gone
)

// Check is an error where the target must not be driven any more: its process has
// ended, where pid says which that is, or nobody listens at its address. It is nil
// where the target is there or that is unknown. Unless the process has ended it
// makes at least one connection, and no request.
func Check(ctx context.Context, dial bench.Dial, pid int) error {
	if pid > 0 {
		if err := host.Ended(pid); err != nil {
			return err
		}
	}
	for try := 1; ; try++ {
		limited, cancel := context.WithTimeout(ctx, connectLimit)
		conn, err := dial(limited)
		cancel()
		if err == nil {
			conn.Close()
			return nil
		}
		if outcome, _ := bench.DialOutcome(err); outcome != result.Refused {
			return nil // busy, or out of our own means
		}
		if try == tries {
			return fmt.Errorf("it takes no connections any more: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryEvery):
		}
	}
}

// Doubtful reports whether a stage gives reason to check its target: connections
// were refused or reset, or the stage is not valid.
func Doubtful(s *result.Stage) bool {
	return s.Disturbed || s.Counts[result.Refused]+s.Counts[result.Reset] > 0 || !s.Valid()
}
