package patterns

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

const ms = time.Millisecond

// three orders: one paid, one rejected, one accepted and never paid; reported in
// another order than that of their instants.
func three() *timeline {
	t := &timeline{}
	t.Ended(bench.Arrival{Planned: 1400 * ms, Sent: 1400 * ms, Done: 1401 * ms, Outcome: result.Rejected})
	t.Ended(bench.Arrival{Planned: 1600 * ms, Sent: 1600 * ms, Done: 1630 * ms, Outcome: result.OK})
	t.Ended(bench.Arrival{Planned: 1000 * ms, Sent: 1000 * ms, Done: 1010 * ms, Outcome: result.OK})
	t.Completed(1000*ms, 1300*ms)
	return t
}

func TestTimeline(t *testing.T) {
	l := three()
	if l.began != 1000*ms || l.end() != 630*ms {
		t.Errorf("began %v, end %v", l.began, l.end())
	}
	accepted := l.overTime("accepted", "queue", l.replies())
	if !slices.Equal(accepted.X, []units.Value{units.Value(250 * ms), units.Value(750 * ms)}) || !slices.Equal(accepted.Y, []units.Value{units.Value(10 * ms), units.Value(30 * ms)}) {
		t.Errorf("accepted %v at %v", accepted.Y, accepted.X)
	}
	if done := l.overTime("paid", "queue", l.paid); !slices.Equal(done.Y, []units.Value{units.Value(300 * ms)}) {
		t.Errorf("paid %v", done.Y)
	}
	backlog := l.backlog("not paid", "queue", l.replies(), l.paid, 750*ms)
	if want := []units.Value{1, 1, 0, 1, 1}; !slices.Equal(backlog.Y, want) { // at 0, 250, … 1000 ms
		t.Errorf("backlog %v, want %v", backlog.Y, want)
	}
	if empty := (&timeline{}); empty.end() != 0 || len(empty.overTime("", "", nil).X) != 0 {
		t.Error("no orders make a line")
	}
}

// The sentences follow the numbers.
func TestPayingPattern(t *testing.T) {
	stage := func(ok, rejected int64) *result.Stage {
		s := result.NewStage()
		s.Counts[result.OK], s.Counts[result.Rejected] = ok, rejected
		return s
	}
	queue := func(done, backlog, lost int) *result.Stage {
		s := stage(int64(done+backlog+lost), 0)
		s.Completion = result.NewCompletion()
		s.Completion.Accepted, s.Completion.Backlog, s.Completion.Lost = s.Counts[result.OK], int64(backlog), int64(lost)
		for range done {
			s.Completion.Latency.Record(300 * ms)
		}
		return s
	}
	for _, c := range []struct {
		why         string
		now, later  *result.Stage
		has, hasNot []string
	}{
		{"as it should be", stage(6, 4), queue(10, 0, 0), []string{"rejects 4 of 10", "accepts all", "pays the last one", "the queue of the server fills", "paid 10, not yet paid 0, lost 0"}, []string{"loses"}},
		{"nobody is rejected", stage(10, 0), queue(10, 0, 0), []string{"rejects 0 of 10"}, []string{"the queue of the server fills"}},
		{"some are lost", stage(6, 4), queue(8, 0, 2), []string{"loses 2", "lost 2"}, []string{"pays the last one"}},
		{"some are not paid yet", stage(6, 4), queue(7, 3, 0), []string{"leaves 3 unpaid", "not yet paid 3, lost 0"}, []string{"pays the last one", "loses"}},
	} {
		p := payingPattern(time.Second, "store file", c.now, c.later, three(), three())
		all := p.Finding + " " + p.Text
		for _, want := range c.has {
			if !strings.Contains(all, want) {
				t.Errorf("%s: no %q in %s", c.why, want, all)
			}
		}
		for _, no := range c.hasNot {
			if strings.Contains(all, no) {
				t.Errorf("%s: %q in %s", c.why, no, all)
			}
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{Only: []string{"nothing"}}, {Only: []string{"the-pool", "the-pool"}}, {Scale: -1}, {Scale: 11}, {Scale: 0.001}} {
		if c.Validate() == nil {
			t.Errorf("%+v was taken", c)
		}
	}
	if err := (Config{Only: Names(), Scale: 0.5}).Validate(); err != nil {
		t.Error(err)
	}
}
