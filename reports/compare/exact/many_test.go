package exact

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// The example of the R package HDLSSkST, function Holm: the third and the last
// are below 5 %, the others not.
func TestHolm(t *testing.T) {
	p := []float64{0.50, 0.01, 0.001, 0.69, 0.02, 0.05, 0.0025}
	got := Holm(p)
	want := []float64{1, 0.05, 0.007, 1, 0.08, 0.15, 0.015}
	for i := range p {
		if !close(got[i], want[i], 1e-12) || (got[i] < 0.05) != (i == 2 || i == 6) {
			t.Errorf("%v becomes %v, want %v", p[i], got[i], want[i])
		}
	}
	if got := Holm(nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

// Holm's is the closure of Bonferroni's: an adjusted p is the largest that any
// set of tests with it would have.
func TestHolmIsClosed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 7).Draw(t, "p")
		before := slices.Clone(p)
		got := Holm(p)
		if !slices.Equal(p, before) {
			t.Errorf("p became %v", p)
		}
		for i := range p {
			var want float64
			for set := range 1 << len(p) {
				if set>>i&1 == 0 {
					continue
				}
				least, size := math.Inf(1), 0
				for j := range p {
					if set>>j&1 == 1 {
						least, size = min(least, p[j]), size+1
					}
				}
				want = max(want, min(1, float64(size)*least))
			}
			if !close(got[i], want, 1e-12) {
				t.Errorf("%v becomes %v, want %v", p[i], got[i], want)
			}
		}
	})
}
