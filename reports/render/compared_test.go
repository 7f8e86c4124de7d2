package render

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/a628bb15/onhold/reports/render/difference"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
)

// Two runs that were merged have a figure of how they differ, unless they are repeats;
// two that are compared always have.
func TestTwoRuns(t *testing.T) {
	t.Parallel()
	side := func(name, commit string) difference.Side {
		run := sweeptest.Run()
		run.ID, run.Environment.Commit = name, commit
		return difference.Side{Name: name, Run: run, Stages: sweeptest.Stages(sweeptest.Pool(100), sweeptest.Pool(500))}
	}
	base := side("a", "c0ffee")
	for name, test := range map[string]struct {
		other  difference.Side
		merged bool
	}{
		"repeats":        {side("b", "c0ffee"), false},
		"another commit": {side("b", "decade"), true},
	} {
		dir := t.TempDir()
		paths, err := writeReport(dir, base.Run, slices.Concat(base.Stages, test.other.Stages), 20, base, test.other)
		if err != nil || slices.Contains(paths, filepath.Join(dir, "differences.png")) != test.merged {
			t.Errorf("%s: merged: %v, %v", name, paths, err)
		}
		dir = t.TempDir()
		paths, err = Compared(dir, base, test.other)
		if err != nil || len(paths) != 3 {
			t.Errorf("%s: compared: %v, %v", name, paths, err)
		}
		page := read(t, filepath.Join(dir, "report.html"))
		for _, want := range []string{"The two runs", "blocking arm=base", "blocking arm=candidate", "compared with run a"} {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the page has no %q", name, want)
			}
		}
	}
	if paths, err := Compared(t.TempDir(), base, difference.Side{Name: "none", Run: result.Run{}}); err != nil || len(paths) > 0 {
		t.Errorf("nothing in common: %v, %v", paths, err)
	}
}
