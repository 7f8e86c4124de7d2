package sweep_test

import (
	"slices"
	"testing"

	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

func TestSweeps(t *testing.T) {
	two := func(key, a, b string, level int) []*result.Stage {
		x, y := sweeptest.Pool(level).Stage(), sweeptest.Pool(level).Stage()
		x.Settings, y.Settings = x.Settings.With(key, a), y.Settings.With(key, b)
		return []*result.Stage{x, y}
	}
	names := func(stages []*result.Stage) (names []string) {
		for _, w := range sweep.Of(stages) {
			names = append(names, w.Name)
		}
		return names
	}
	for _, c := range []struct {
		why    string
		stages []*result.Stage
		want   []string
	}{
		{"another number of workers is another sweep", two("workers", "100", "200", 50), []string{"blocking workers=100", "blocking workers=200"}},
		{"another load is another sweep", two("load", "closed", "burst", 50), []string{"blocking load=closed", "blocking load=burst"}},
		{"repeats are one", two("repeat", "1", "2", 50), []string{"blocking"}},
		{"one has no such setting", append(two("new-connection", "true", "", 50)[:1], sweeptest.Pool(50).Stage()), []string{"blocking new-connection=true", "blocking"}},
		{"another request", two("request-digest", "ab12", "cd34", 50), []string{"blocking request-digest=ab12", "blocking request-digest=cd34"}},
		{"another request at another level",
			append(two("request-digest", "ab12", "", 50)[:1], two("request-digest", "cd34", "", 100)[:1]...), []string{"blocking request-digest=ab12", "blocking request-digest=cd34"}},
		{"what goes along with the level does not split",
			append(two("grpc-connections", "50", "50", 50)[:1], two("grpc-connections", "100", "100", 100)[:1]...), []string{"blocking"}},
	} {
		if got := names(c.stages); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.why, got, c.want)
		}
	}
	var levels []int
	for _, p := range sweep.Of(sweeptest.Stages(sweeptest.Pool(300), sweeptest.Pool(50), sweeptest.Pool(100)))[0].Points {
		levels = append(levels, p.Level)
	}
	if !slices.Equal(levels, []int{50, 100, 300}) {
		t.Errorf("levels %v", levels)
	}
}

// The steps of a scenario know their sessions, also where only some are at hand.
func TestScenarios(t *testing.T) {
	sweeps := sweep.Of(sweeptest.Shop())
	of := sweep.Scenarios(sweeps[3:])
	if len(of) != 1 || of[0].Name != "shop" || len(of[0].Steps) != 4 || len(sweep.Whole(sweeps)) != 1 || sweeps[3].ShortName(40) != "order" {
		t.Fatalf("scenarios %v", of)
	}
	at := of[0].At(of[0].Best())
	if at.Level != 200 || at.Quantile != 0.99 || at.Steps[at.Slowest].Name != "order" {
		t.Errorf("at %d clients %v is the slowest, by %v", at.Level, at.Slowest, at.Quantile)
	}
	all := at.Between
	for _, k := range at.Steps {
		all += k.Share
	}
	if all < 0.999 || all > 1.001 {
		t.Errorf("the shares of a session's time add up to %v", all)
	}
	steps := sweep.Of(sweeptest.Shop()[11:]) // of one level, without the sessions
	if at := sweep.Scenarios(steps)[0].At(200); at.Sessions != nil || at.Slowest != 2 || at.Steps[2].Share == at.Steps[2].Share {
		t.Errorf("without sessions: %+v", at)
	}
}
