package theory

import (
	"testing"
)

func TestPoisson(t *testing.T) {
	// The last two by Stirling's series.
	rows := []struct {
		n    int
		x    float64
		want float64
	}{
		{0, 0, 1}, {1, 0, 0}, {-1, 1, 0}, {0, 2, 0.1353352832366127}, {3, 2, 0.18044704431548356}, {10, 10, 0.12511003572113372},
		{1_000, 1_000, 0.01261461134871819}, {1_000_000, 1_000_000, 0.000398942247156},
	}
	for _, row := range rows {
		wantClose(t, "poisson", poisson(row.n, row.x), row.want, 1e-12)
	}
	exactly, above := poissonLaw(7.5)
	for n := range exactly {
		if above[n] > 1e-200 {
			wantClose(t, "above", above[n], poissonAbove(n, 7.5), 1e-10)
		}
		wantClose(t, "at most", 1-above[n], poissonAtMost(n, 7.5), 1e-12)
	}
}
