package theory

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestBatchMeans(t *testing.T) {
	// Student's own data, the additional hours of sleep of ten patients with drug 1,
	// as in R's data set sleep: t.test prints 0.75 and -0.5297804 to 2.0297804.
	sleep := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	e := must(BatchMeans(sleep, 0.95))
	wantClose(t, "mean", e.Mean, 0.75, 1e-12)
	wantClose(t, "low", e.Low, -0.5297804, 1e-6)
	wantClose(t, "high", e.High, 2.0297804, 1e-6)
	if e := must(BatchMeans([]float64{3}, 0.95)); e.Mean != 3 || !math.IsInf(e.Low, -1) || !math.IsInf(e.High, 1) {
		t.Errorf("of one value: %v", e)
	}
	if e := must(BatchMeans([]float64{3, 3}, 0.95)); e != (Estimate{3, 3, 3}) {
		t.Errorf("of two that are the same: %v", e)
	}
}

// The interval holds the truth as often as it says: of 4000, 95 % of them are 3800,
// with a standard deviation of 14.
func TestBatchMeansCover(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	held := 0
	for range 4_000 {
		var v []float64
		for range 20 {
			v = append(v, r.NormFloat64())
		}
		if e := must(BatchMeans(v, 0.95)); e.Low <= 0 && e.High >= 0 {
			held++
		}
	}
	if held < 3_740 || held > 3_860 {
		t.Errorf("%d of 4000 hold the truth", held)
	}
}

func TestJudge(t *testing.T) {
	rows := []struct {
		about     string
		low, high float64
		want      Answer
	}{
		{"all within", 0.98, 1.02, Confirmed},
		{"just within", 0.9, 1.1, Confirmed},
		{"sticks out", 0.98, 1.11, Inconclusive},
		{"around all of it", 0, 2, Inconclusive},
		{"all above", 1.11, 1.2, Contradicted},
		{"all below", 0.5, 0.89, Contradicted},
		{"no knowing", math.Inf(-1), math.Inf(1), Inconclusive},
		{"not a number", math.NaN(), math.NaN(), Inconclusive},
		{"upside down", 1.02, 0.98, Inconclusive},
	}
	for _, row := range rows {
		if got := Judge(Estimate{1, row.low, row.high}, 1, 0.1); got != row.want {
			t.Errorf("%s: %v, want %v", row.about, got, row.want)
		}
	}
	if got := Judge(Estimate{1, 1, 1}, math.NaN(), 0.1); got != Inconclusive {
		t.Errorf("nothing expected: %v", got)
	}
}

func TestWarmUp(t *testing.T) {
	for _, row := range []struct {
		c, k int
		a    float64
		want float64
	}{{10, 0, 10, 5}, {10, 10, 9, 15}, {10, 10, 12, 15}, {100, 50, 100, 30}, {100, 100, 110, 25}, {100, 100, 90, 25}} {
		wantClose(t, "warm-up", must(WarmUp(row.c, row.k, row.a)), row.want, 1e-12)
	}
}

// After it the rejected share is within 5 % of its limit: of M/M/c/K, whose states
// are followed through time.
func TestWarmUpSuffices(t *testing.T) {
	for _, row := range []struct {
		c, k int
		a    float64
	}{{10, 0, 9.68}, {10, 10, 9}, {10, 10, 12}, {100, 50, 100}, {100, 100, 110}, {5, 40, 5}} {
		p := make([]float64, row.c+row.k+1)
		p[0] = 1
		warm := must(WarmUp(row.c, row.k, row.a))
		h := 0.2 / (row.a + float64(row.c))
		for range int(warm / h) {
			next := append([]float64(nil), p...)
			for n, v := range p {
				if n < len(p)-1 {
					next[n] -= v * row.a * h
					next[n+1] += v * row.a * h
				}
				if n > 0 {
					mu := float64(min(n, row.c)) * h
					next[n] -= v * mu
					next[n-1] += v * mu
				}
			}
			p = next
		}
		limit := mmcK(row.c, row.k, row.a).rejected
		if got := p[len(p)-1]; math.Abs(got/limit-1) > 0.05 {
			t.Errorf("%v: after %v, %v are rejected, in the end %v", row, warm, got, limit)
		}
	}
}
