package compare_test

import (
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/compare"
	"github.com/a628bb15/onhold/reports/result"
)

// Two sides that were driven differently are not compared, and neither are two
// stages of one side taken for launches of the same.
func TestDrivenDifferently(t *testing.T) {
	stage := func(change ...string) *result.Stage {
		s := result.NewStage()
		s.Length = time.Second
		for range 100 {
			s.Counts[result.OK]++
			s.Latency.Record(time.Millisecond)
		}
		s.Settings = result.Settings{
			{Key: result.KeyTarget, Value: "x"}, {Key: result.KeyLoad, Value: "closed"}, {Key: result.KeyLevel, Value: "5"},
			{Key: result.KeyRequest, Value: "ab12"}, {Key: "threads", Value: "1"}, {Key: "timeout", Value: "1s"}, {Key: "seed", Value: "1"}, {Key: "workers", Value: "9"},
		}
		for i := 0; i < len(change); i += 2 {
			s.Settings = s.Settings.With(change[i], change[i+1])
		}
		return s
	}
	for _, c := range []struct {
		name            string
		base, candidate []*result.Stage
		want            string
	}{
		{"the same", []*result.Stage{stage(), stage()}, []*result.Stage{stage("seed", "2", "repeat", "2")}, ""},
		{"another request", []*result.Stage{stage()}, []*result.Stage{stage(result.KeyRequest, "cd34")}, `stages of base and candidate were driven differently: request-digest is "ab12" and "cd34"`},
		{"another timeout", []*result.Stage{stage()}, []*result.Stage{stage("timeout", "2s")}, `timeout is "1s" and "2s"`},
		{"new connections", []*result.Stage{stage()}, []*result.Stage{stage(result.KeyNewConnection, "true")}, `new-connection is "" and "true"`},
		{"two requests on one side", []*result.Stage{stage(), stage(result.KeyRequest, "cd34")}, []*result.Stage{stage()}, `stages within the base were driven differently`},
		{"an earlier version", []*result.Stage{stage(result.KeyRequest, "", "threads", "")}, []*result.Stage{stage()}, ""},
		// That is what a comparison may be about.
		{"another target", []*result.Stage{stage()}, []*result.Stage{stage("workers", "10")}, ""},
	} {
		base, _ := compare.FromStages(c.base, compare.Base)
		candidate, _ := compare.FromStages(c.candidate, compare.Candidate)
		all, missing, _ := compare.Collect(append(base, candidate...), compare.Policy{})
		got := strings.Join(missing, "; ")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" || len(all) == 0 {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
