package theory

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestDDc(t *testing.T) {
	wantClose(t, "12.5 on 10", ddc(10, 0, 12.5).rejected, 1-10.0/13, 1e-14)
	wantClose(t, "with a queue", ddc(10, 1, 12.5).rejected, 0.2, 1e-14)
	wantClose(t, "below", ddc(10, 0, 10).rejected, 0, 0)
	// By a line that is reported the arrivals.
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 20).Draw(t, "c")
		k := rapid.IntRange(0, 3).Draw(t, "k")
		a := rapid.Float64Range(0.5, 60).Draw(t, "a")
		if a-math.Floor(a) < 1e-6 || math.Ceil(a)-a < 1e-6 {
			return
		}
		l := newLine[float64](c, k)
		lost, offered := 0, 0
		for i := range 40_000 {
			at := float64(i) / a
			l.advance(at)
			full := l.full(at)
			if !full {
				l.enter(at, 1)
			}
			if i >= 4_000 {
				offered++
				if full {
					lost++
				}
			}
		}
		q := ddc(c, k, a)
		if got := float64(lost) / float64(offered); math.Abs(got-q.rejected) > 0.004 {
			t.Errorf("rejected %v, want %v", got, q.rejected)
		}
	})
}

func TestDMc(t *testing.T) {
	wantClose(t, "10 on 10", dmc(10, 10), 0.15510898, 1e-7)
	wantClose(t, "kinder than Poisson", erlangB(10, 10), 0.2146, 1e-3)
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 300).Draw(t, "c")
		a := rapid.Float64Range(0.01, 500).Draw(t, "a")
		b := dmc(c, a)
		if b > erlangB(c, a)*(1+1e-9) || b < 1-float64(c)/a-1e-9 || math.IsNaN(b) {
			t.Errorf("%v is out of bounds", b)
		}
		// By the states that arrivals find: from n each of them is busy still at the
		// next with the same chance.
		if c > 12 {
			return
		}
		stays := math.Exp(-1 / a)
		p := make([]float64, c+1)
		p[0] = 1
		for range 4_000 {
			next := make([]float64, c+1)
			for n, v := range p {
				m := min(n+1, c)
				for j := 0; j <= m; j++ {
					next[j] += v * choose(m, j) * math.Pow(stays, float64(j)) * math.Pow(1-stays, float64(m-j))
				}
			}
			change := 0.0
			for i := range p {
				change += math.Abs(next[i] - p[i])
			}
			p = next
			if change < 1e-15 {
				break
			}
		}
		if math.Abs(b-p[c]) > 1e-8*b+1e-16 {
			t.Errorf("%v, by the chain %v", b, p[c])
		}
	})
	for _, a := range []float64{1e-300, 1e-3, 1e5, 1e7} {
		if b := dmc(100_000, a); !(b >= 0 && b <= 1) {
			t.Errorf("100,000 workers, a = %v: %v", a, b)
		}
	}
}

func choose(n, k int) float64 {
	out := 1.0
	for i := range k {
		out *= float64(n-i) / float64(i+1)
	}
	return out
}
