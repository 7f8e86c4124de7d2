package compare_test

import (
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// The limits of a comparison are by load and side, over all pairs.
func TestLimitsOfSides(t *testing.T) {
	var stages []*result.Stage
	for pair, arm := range []compare.Arm{compare.Candidate, compare.Base, compare.Control, compare.Base} {
		s := stageOf(result.KeyArm, string(arm), 10, 0, 0)
		s.Target = result.Usage{CPUs: "0", CPU: 950 * time.Millisecond}
		if arm == compare.Candidate {
			s.Target.CPU = 100 * time.Millisecond
			s.Counts[result.Rejected] = 10
		}
		if pair == 3 {
			s.Invalidate("late")
		}
		stages = append(stages, s)
	}
	var r compare.Report
	r.AddStages(stages)
	var got []string
	for _, l := range r.Limits {
		got = append(got, string(l.Arm)+": "+l.Limit.String())
	}
	if len(got) != 2 || got[0] != "base: server CPU 0.95 of 1" || got[1] != "candidate: server" {
		t.Errorf("got %q", got)
	}
}
