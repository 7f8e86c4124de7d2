package exact

import (
	"math"
	"testing"
)

// The values and estimates are those in the documentation of SciPy's
// scipy.stats.mstats.hdquantiles.
func TestHarrellDavis(t *testing.T) {
	x := []float64{9.4, 1.2, 2.5, 3.7, 4.0, 5.1, 6.3, 7.0, 8.2}
	for _, row := range []struct{ q, want float64 }{
		{0.25, 3.1505820231763066}, {0.5, 5.194344084883956}, {0.75, 7.430626414674935},
		{0, 1.2}, {1, 9.4}, {-0.1, math.NaN()},
	} {
		if got := HarrellDavis(x, row.q); !close(got, row.want, 1e-12) && !math.IsNaN(row.want) {
			t.Errorf("the %v-quantile is %v, want %v", row.q, got, row.want)
		}
	}
	if got := HarrellDavis([]float64{3, 3, 3}, 0.99); !close(got, 3, 1e-12) {
		t.Errorf("of what is all 3: %v", got)
	}
	if got := HarrellDavis(nil, 0.5); !math.IsNaN(got) {
		t.Errorf("of nothing: %v", got)
	}
}
