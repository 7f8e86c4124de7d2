package fleet

import (
	"testing"

	"github.com/a628bb15/onhold/bench"
	"github.com/a628bb15/onhold/reports/result"
)

// A window that the coordinator ends early ends for all agents, and each hands over what
// it has.
func TestCut(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, name := range []string{"a", "b"} {
		s.agent(t, AgentConfig{Name: name, Version: "v"})
	}
	f, err := s.lead(t, 2)
	if err != nil {
		t.Fatal(err, s.said)
	}
	p, driver, err := opened{s.url}.Stage([]byte("long"))
	if err != nil {
		t.Fatal(err)
	}
	p.Abort = func(bench.Live) bool { return true }
	stage, err := f.Stage(t.Context(), []byte("long"), p, p.StageSettings(driver))
	if err != nil {
		t.Fatal(err, s.said)
	}
	// Where the machine stopped the agents for as long, the stage is not valid, and says so.
	if stage.Valid() && stage.Length >= p.Duration || stage.Counts.Planned() == 0 || stage.Counts[result.Unknown] > 0 {
		t.Errorf("%v in %v: %q", stage.Counts, stage.Length, stage.Invalid)
	}
}
