package exact

import (
	"math"
	"testing"
)

// The values and estimates are those in the documentation of SciPy's
// scipy.stats.mstats.hdquantiles.
func TestHarrellDavis(t *testing.T) {
	x := []float64{9.4, 1.2, 2.5, 3.7, 4.0, 5.1, 6.3, 7.0, 8.2}
	if got := HarrellDavis(x); !close(got, 5.194344084883956, 1e-12) {
		t.Errorf("the median is %v", got)
	}
	if got := HarrellDavis([]float64{3, 3, 3}); !close(got, 3, 1e-12) {
		t.Errorf("of what is all 3: %v", got)
	}
	if got := HarrellDavis(nil); !math.IsNaN(got) {
		t.Errorf("of nothing: %v", got)
	}
}
