package inject

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func picked(d draw, from, n uint64) (out []uint64) {
	for i := from; i < from+n; i++ {
		if d.has(i) {
			out = append(out, i)
		}
	}
	return out
}

// Wherever one stops, as many are picked as the share says, to less than one.
func TestShareIsExactOverAnyBeginning(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := newDraw(rapid.Float64Range(0.1, 100).Draw(t, "percent"), rapid.Uint64().Draw(t, "seed"))
		n := uint64(rapid.IntRange(1, 3000).Draw(t, "calls"))
		got := len(picked(d, 0, n))
		if want := float64(n) * d.share; math.Abs(float64(got)-want) > 1+1e-6 {
			t.Fatalf("%d of %d calls are picked, want %.2f", got, n, want)
		}
	})
}

func TestShareIsExactInTheLongRun(t *testing.T) {
	for _, row := range []struct {
		percent float64
		want    int
	}{{2, 20_000}, {0.1, 1_000}, {33, 330_000}, {50, 500_000}, {90, 900_000}, {100, 1_000_000}} {
		if got := len(picked(newDraw(row.percent, 1), 0, 1_000_000)); got != row.want {
			t.Errorf("%v %%: %d of a million calls are picked, want %d", row.percent, got, row.want)
		}
	}
	if got := len(picked(newDraw(2, 1), 1<<50, 100_000)); got < 1999 || got > 2001 {
		t.Errorf("after a year, 2 %%: %d of 100,000 calls are picked", got)
	}
}

func TestSeedDecidesWhich(t *testing.T) {
	a := picked(newDraw(2, 1), 0, 1000)
	if b := picked(newDraw(2, 1), 0, 1000); !slices.Equal(a, b) {
		t.Error("the same seed picked others")
	}
	if b := picked(newDraw(2, 2), 0, 1000); slices.Equal(a, b) {
		t.Error("another seed picked the same")
	}
}

// Every place in a run of 50 is as likely, so that the picked calls do not keep in
// step with something else. With 400 expected at each, 100 more or less is five
// standard deviations, and the seed is fixed.
func TestPlacesAreEven(t *testing.T) {
	var places [50]int
	for _, n := range picked(newDraw(2, 1), 0, 50*50*400) {
		places[n%50]++
	}
	for place, n := range places {
		if n < 300 || n > 500 {
			t.Errorf("place %d is picked %d times, want about 400", place, n)
		}
	}
}
