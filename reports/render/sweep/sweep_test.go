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
