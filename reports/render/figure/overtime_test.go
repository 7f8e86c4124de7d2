package figure

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/a628bb15/onhold/reports/render/canvas"
	"github.com/a628bb15/onhold/reports/render/sweep"
	"github.com/a628bb15/onhold/reports/render/sweep/sweeptest"
	"github.com/a628bb15/onhold/reports/result"
	"github.com/a628bb15/onhold/reports/units"
)

func never(int) bool { return false }

// A cell is as dark as it has requests, wherever the edges of slices lie, and what is
// empty is not drawn.
func TestHeat(t *testing.T) {
	s := sweeptest.Sliced(sweeptest.Free("goroutine", 300).Stage(), 5*time.Second, func(i int) bool { return i == 9 }, never)
	w := sweep.Of([]*result.Stage{s})[0]
	l := laneOf(&w, 0)
	if len(l.slices) != 20 || l.length != 5*time.Second || len(l.spans) != 1 {
		t.Fatalf("%d slices in %v, %d stages", len(l.slices), l.length, len(l.spans))
	}
	img := heat(l, canvas.Axis{Unit: units.Time, Log: true, Lo: 1e8, Hi: 3e9})
	seen := func(x int) (rows int) {
		for y := range heatRows {
			if _, _, _, a := img.At(x, y).RGBA(); a > 0 {
				rows++
			}
		}
		return rows
	}
	if quiet, stalled := seen(3), seen(9); quiet == 0 || stalled < 4*quiet {
		t.Errorf("%d cells of a quiet slice, %d of a stall", quiet, stalled)
	}
	if none := seen(3); none > heatRows/4 {
		t.Errorf("%d of %d cells of a quiet slice are drawn", none, heatRows)
	}
}

func TestDisturbedTimeIsNamed(t *testing.T) {
	s := sweeptest.Sliced(sweeptest.Free("goroutine", 300).Stage(), 5*time.Second, never, func(i int) bool { return i < 2 })
	w := sweep.Of([]*result.Stage{s})[0]
	if got, want := leftOut([]lane{laneOf(&w, 0)}), "500 ms of 5 s are left out of percentiles, shares and rates, mostly: steal 60 ms"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want an end of %q", got, want)
	}
}

// Only long stages and ramps have figures over time, and a record without slices none.
func TestOverTime(t *testing.T) {
	made := func(stages ...*result.Stage) []string {
		r := sweep.NewReport(sweeptest.Run(), stages)
		r.DPI = 20
		files, err := OverTime(r)
		if err != nil {
			t.Fatal(err)
		}
		var titles []string
		for _, f := range files {
			if f.Table != nil && !strings.Contains(f.Table.CSV(), "Rate: arrivals and ok per second ok") {
				t.Errorf("the table of %s has no rate:\n%.300s", f.Name, f.Table.CSV())
			}
			if f.Title != "" {
				titles = append(titles, f.Title)
			}
		}
		return titles
	}
	ramp := sweeptest.Pool(300)
	ramp.Load, ramp.Rejected, ramp.RejectedIn = "ramp", 300, time.Millisecond
	for _, c := range []struct {
		why  string
		of   *result.Stage
		want []string
	}{
		{"no slices", sweeptest.Pool(50).Stage(), nil},
		{"short", sweeptest.Sliced(sweeptest.Pool(50).Stage(), 3*time.Second, never, never), nil},
		{"long", sweeptest.Sliced(sweeptest.Pool(50).Stage(), time.Minute, never, never), []string{"blocking at 50 clients for 60 s: p90 is 202 ms, 0 % rejected"}},
		{"ramp", sweeptest.Sliced(ramp.Stage(), 10*time.Second, never, never), []string{"blocking on a ramp to 300/s in 10 s: more than 1 % is not served from 576/s on"}},
	} {
		if got := made(c.of); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.why, got, c.want)
		}
	}
}

func TestMayUse(t *testing.T) {
	for cpus, want := range map[string]float64{"": 0, "0": 1, "0,2-3": 3, "odd": 0} {
		if got := mayUse(result.Usage{CPUs: cpus}); got != want {
			t.Errorf("%q: %v, want %v", cpus, got, want)
		}
	}
	if got := mayUse(result.Usage{CPUs: "0-3", Quota: 1.5}); got != 1.5 {
		t.Errorf("a quota of 1.5: %v", got)
	}
}
