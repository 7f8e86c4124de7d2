package exact

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// atMostHeads is the chance of at most k heads in n tosses, term by term.
func atMostHeads(k, n int, q float64) (p float64) {
	for i := 0; i <= k; i++ {
		p += math.Exp(lgamma(n+1) - lgamma(i+1) - lgamma(n-i+1) + float64(i)*math.Log(q) + float64(n-i)*math.Log1p(-q))
	}
	return p
}

func lgamma(n int) float64 {
	v, _ := math.Lgamma(float64(n))
	return v
}

func TestClopperPearson(t *testing.T) {
	// Giant plants: Conover, Practical Nonparametric Statistics, 1971, p. 97f, as
	// in the examples of R's binom.test, which prints these.
	lower, upper := ClopperPearson(682, 925, 0.95)
	if !close(lower, 0.7076683, 5e-8) || !close(upper, 0.7654066, 5e-8) {
		t.Errorf("682 of 925: %v to %v, want 0.7076683 to 0.7654066", lower, upper)
	}

	// How many runs without an event, or with few, prove a rate: fewer would not.
	for _, row := range []struct {
		k, n int
		rate float64
	}{
		{0, 299, 0.01}, {1, 473, 0.01}, {2, 628, 0.01}, {3, 773, 0.01},
		{0, 59, 0.05}, {1, 93, 0.05}, {2, 124, 0.05}, {3, 153, 0.05},
	} {
		if got := ClopperPearsonUpper(row.k, row.n, 0.95); !(got < row.rate) {
			t.Errorf("%d of %d: %v, want below %v", row.k, row.n, got, row.rate)
		}
		if got := ClopperPearsonUpper(row.k, row.n-1, 0.95); !(got > row.rate) {
			t.Errorf("%d of %d: %v, want above %v", row.k, row.n-1, got, row.rate)
		}
	}

	for _, row := range []struct {
		k, n         int
		lower, upper float64
	}{
		{0, 0, 0, 1},
		{0, 1, 0, 0.975},
		{1, 1, 0.025, 1},
		{59, 59, math.Pow(0.025, 1.0/59), 1},
	} {
		if lower, upper := ClopperPearson(row.k, row.n, 0.95); !close(lower, row.lower, 1e-12) || !close(upper, row.upper, 1e-12) {
			t.Errorf("%d of %d: %v to %v, want %v to %v", row.k, row.n, lower, upper, row.lower, row.upper)
		}
	}
	for _, k := range []int{-1, 4} {
		if lower, upper := ClopperPearson(k, 3, 0.95); !math.IsNaN(lower) || !math.IsNaN(upper) {
			t.Errorf("%d of 3: %v to %v, want none", k, lower, upper)
		}
	}
}

func TestClopperPearsonInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		confidence := rapid.Float64Range(0.5, 0.9999).Draw(t, "confidence")
		alpha := (1 - confidence) / 2
		lower, upper := ClopperPearson(k, n, confidence)
		if !(0 <= lower && lower <= float64(k)/float64(n) && float64(k)/float64(n) <= upper && upper <= 1) {
			t.Errorf("%v to %v", lower, upper)
		}
		if k < n {
			if got := atMostHeads(k, n, upper); !close(got, alpha, 1e-6*alpha) {
				t.Errorf("at the upper bound so few have a chance of %v, want %v", got, alpha)
			}
		}
		if k > 0 {
			if got := atMostHeads(n-k, n, 1-lower); !close(got, alpha, 1e-6*alpha) {
				t.Errorf("at the lower bound so many have a chance of %v, want %v", got, alpha)
			}
		}
	})
}
