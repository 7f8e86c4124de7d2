package difference_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/difference"
	"github.com/a628bb15/onhold/reports/result"
)

// side is a run at some levels, with a latency of usual at each, and much more from the
// level slow on.
func side(name, target, commit string, workers int, slow int, levels ...int) difference.Side {
	run := result.Run{ID: name}
	run.Environment.Commit = commit
	s := difference.Side{Name: name, Run: run}
	r := rand.New(rand.NewPCG(uint64(workers), 1))
	for _, level := range levels {
		stage := result.NewStage()
		for key, value := range map[string]string{result.KeyTarget: target, result.KeyLoad: "closed", result.KeyLevel: strconv.Itoa(level), result.KeySeed: name, result.KeyWorkers: strconv.Itoa(workers)} {
			stage.Settings = stage.Settings.With(key, value)
		}
		for range 20 {
			slice := result.Slice{Offset: stage.Length, Length: 250 * time.Millisecond, Latency: new(result.Sparse)}
			for range 200 {
				d := 20*time.Millisecond + time.Duration(r.ExpFloat64()*1e6)
				if level >= slow {
					d += 10 * time.Millisecond
				}
				slice.Latency.Record(d)
				stage.Latency.Record(d)
				slice.Counts[result.OK]++
				stage.Counts[result.OK]++
			}
			stage.Length += slice.Length
			stage.Slices = append(stage.Slices, slice)
		}
		s.Stages = append(s.Stages, stage)
	}
	return s
}

func TestOf(t *testing.T) {
	t.Parallel()
	const never = 1 << 30
	base := side("a", "blocking", "c0ffee", 10, never, 10, 20, 30)
	for name, test := range map[string]struct {
		other  difference.Side
		unlike bool
		title  string
		names  string
		alone  string
	}{
		"repeats":        {side("b", "blocking", "c0ffee", 10, never, 10, 20, 30), false, "Latency of b differs in none of 3 stages", "the same settings and commit", ""},
		"another commit": {side("b", "blocking", "decade", 10, 30, 10, 20, 30), true, "p99 of b is longer in 1 of 3 stages; most of blocking at 30 clients: +10", "commit c0ffee → decade", ""},
		"an option":      {side("b", "blocking", "c0ffee", 12, 0, 20, 30, 40), true, "p99 of b is longer in 2 of 2 stages", "workers 10 → 12", "blocking at 10 clients is only in a; blocking at 40 clients is only in b"},
		"another target": {side("b", "goroutine", "c0ffee", 10, never, 10), true, "differs in none of 1 stage by", "target blocking → goroutine", "blocking → goroutine at 20 and 30 clients is only in a"},
	} {
		runs := difference.Of(base, test.other)
		if runs == nil || runs.Unlike() != test.unlike {
			t.Errorf("%s: %v", name, runs)
			continue
		}
		found := runs.Found()
		if !strings.Contains(found[0], test.title) || !strings.Contains(found[1], test.names) {
			t.Errorf("%s: %q", name, found)
		}
		made, err := runs.Files(20)
		if err != nil || len(made) != 2 || !strings.Contains(made[1].Note, test.alone) {
			t.Errorf("%s: %v, %q", name, err, made)
		}
		if rows := strings.Count(made[1].Table.String(), "p90"); rows == 0 {
			t.Errorf("%s: the table has no row", name)
		}
	}
	if runs := difference.Of(base, side("b", "blocking", "c0ffee", 10, never, 1000)); runs != nil {
		t.Errorf("no level is in both: %v", runs.Found())
	}
	if runs := difference.Of(base, difference.Side{Name: "none"}); runs != nil {
		t.Errorf("a run without stages: %v", runs.Found())
	}
}
