package bench_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// quickConn answers after a millisecond.
type quickConn struct{}

func (quickConn) Do(time.Duration) bench.Reply {
	time.Sleep(time.Millisecond)
	return bench.Reply{Outcome: result.OK}
}

func (quickConn) Close() error { return nil }

// An aborted stage ends early, and accounts for every arrival of its window.
func TestAbort(t *testing.T) {
	t.Parallel()
	for _, l := range []bench.Load{{Rate: 200}, {Clients: 3}} {
		looks := 0
		p := bench.Plan{Load: l, Duration: time.Minute, MaxLag: time.Minute, Abort: func(bench.Live) bool {
			looks++
			return true
		}}
		d := &bench.GoroutineDriver{Dial: func(context.Context) (bench.Conn, error) { return quickConn{}, nil }}
		s, err := bench.Run(t.Context(), p, d)
		if err != nil || s.Length >= p.Duration || looks == 0 || s.Counts[result.OK] == 0 || s.Counts[result.OK] != s.Counts.Planned() {
			t.Errorf("%s: %v, %v of %v, %v after %d looks", l, err, s.Length, p.Duration, s.Counts, looks)
		}
		for _, why := range s.Invalid { // whatever else the machine does
			if strings.Contains(why, "fault of the driver") || strings.Contains(why, "Little") {
				t.Errorf("%s: not valid: %s", l, why)
			}
		}
	}
}
