package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/result"
)

// lateConn gives its reply after the timeout: the reply was on its way when the
// timeout fired, or the machine held the generator up while it read.
type lateConn struct {
	reply  Reply
	closed *int
}

func (c *lateConn) Do(timeout time.Duration) Reply {
	time.Sleep(timeout + 10*time.Millisecond)
	return c.reply
}

func (c *lateConn) Close() error {
	*c.closed++
	return nil
}

// A late reply is a timeout, whatever else ends its connection.
func TestLateReplies(t *testing.T) {
	for _, outcome := range []result.Outcome{result.OK, result.Rejected, result.Error, result.Reset} {
		for _, how := range []string{"kept", "last of its connection", "connection per request", "unsolicited"} {
			t.Run(fmt.Sprint(outcome, " ", how), func(t *testing.T) {
				reply := Reply{Outcome: outcome, Spent: how == "last of its connection", Unsolicited: how == "unsolicited"}
				made, closed := 0, 0
				s := runFake(t, Plan{Load: Load{Clients: 1}, Timeout: 90 * ms, Duration: time.Second, NewConnection: how == "connection per request"},
					func(context.Context) (Conn, error) {
						made++
						return &lateConn{reply, &closed}, nil
					})
				want := outcome
				if outcome == result.OK || outcome == result.Rejected {
					want = result.Timeout
				}
				check(t, s, map[result.Outcome]int64{want: 10})
				if closed < made {
					t.Errorf("%d connections made, %d closed", made, closed)
				}
			})
		}
	}
}

// A reply that is read when its time is up is a timeout, whatever it says: the
// generator may have noticed late that the time was up.
func TestReplyAfterTheTimeout(t *testing.T) {
	for _, c := range []struct {
		late time.Duration // after the backend's wait
		says result.Outcome
		want result.Outcome
	}{
		{99 * ms, result.OK, result.OK},
		{100 * ms, result.OK, result.Timeout},
		{250 * ms, result.OK, result.Timeout},
		{250 * ms, result.Rejected, result.Timeout},
		{250 * ms, result.Error, result.Error},
	} {
		f := &fakeServer{wait: wait, answer: func(int) Reply {
			time.Sleep(c.late)
			return Reply{Outcome: c.says}
		}}
		s := runFake(t, Plan{Load: Load{Clients: 1}, Timeout: 300 * ms, Duration: 3 * time.Second}, f.dial)
		if n := s.Counts[c.want]; n < 5 || n != s.Counts.Planned() {
			t.Errorf("%v after %v: %v, want all %v", c.says, wait+c.late, s.Counts, c.want)
		}
		if s.Latency.N() > 0 && s.Latency.Max() >= 300*ms {
			t.Errorf("an ok with a latency of %v", s.Latency.Max())
		}
		if late := c.want == result.Timeout; late != (s.Reconnects > 0) {
			t.Errorf("%v after %v: %d reconnects", c.says, wait+c.late, s.Reconnects)
		}
	}
}
