package peers

import (
	"math"
	"testing"
)

// The confidences are those of the tables for the sign test.
func TestInterval(t *testing.T) {
	rows := []struct {
		n, k       int
		confidence float64
	}{
		{1, 1, 0}, {2, 1, 0.5}, {5, 1, 0.9375}, {6, 1, 0.96875}, {7, 1, 0.984375}, {8, 1, 0.9921875},
		{9, 2, 0.9609375}, {15, 4, 0.96484375}, {20, 6, 0.95861},
	}
	for _, row := range rows {
		values := make([]float64, row.n)
		for i := range values {
			values[i] = float64((i*7)%row.n + 1) // 1 to n, in another order where 7 does not divide n
		}
		if row.n == 7 {
			values = []float64{3, 7, 1, 5, 2, 6, 4}
		}
		low, high := interval(values)
		_, confidence := rank(row.n)
		if low != float64(row.k) || high != float64(row.n+1-row.k) || math.Abs(confidence-row.confidence) > 1e-5 {
			t.Errorf("of %d values: %v to %v with %v, want ranks %d and %d with %v", row.n, low, high, confidence, row.k, row.n+1-row.k, row.confidence)
		}
	}
	if low, _ := interval(nil); !math.IsNaN(low) {
		t.Errorf("of nothing: %v", low)
	}
}

func TestMedian(t *testing.T) {
	if got := median([]float64{5, 1, 3}); got != 3 {
		t.Errorf("got %v, want 3", got)
	}
	if got := median([]float64{4, 1, 3, 100}); got != 3.5 {
		t.Errorf("got %v, want 3.5", got)
	}
}
