package theory

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// Erlang tables as published.
func TestErlangBTables(t *testing.T) {
	// Offered load of 15 lines with 1 % blocked: the example in the manual of the
	// calculator of erlang.com.
	wantClose(t, "15 lines, 1 %", math.Round(erlangBLoad(15, 0.01)*1000)/1000, 8.108, 1e-12)
	// Carrier Grade Voice over IP, 2nd edition (Collins, 2003), appendix A, which
	// has one decimal.
	columns := []float64{0.0001, 0.0005, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.007, 0.008, 0.009, 0.01, 0.02, 0.03, 0.04, 0.05}
	table := map[int][]float64{
		5: {0.5, 0.6, 0.8, 0.9, 1.0, 1.1, 1.1, 1.2, 1.2, 1.3, 1.3, 1.4, 1.7, 1.9, 2.1, 2.2},
		8: {1.4, 1.8, 2.1, 2.3, 2.5, 2.6, 2.7, 2.8, 2.9, 3.0, 3.1, 3.1, 3.6, 4.0, 4.3, 4.5},
		9: {1.8, 2.3, 2.6, 2.9, 3.1, 3.2, 3.3, 3.4, 3.5, 3.6, 3.7, 3.8, 4.3, 4.7, 5.1, 5.4},
	}
	for c, loads := range table {
		for i, want := range loads {
			if got := erlangBLoad(c, columns[i]); math.Abs(got-want) > 0.0501 {
				t.Errorf("%d channels, %v blocked: %v erlangs, want %v", c, columns[i], got, want)
			}
		}
	}
}

// exactErlangB is the sum of a^k/k!, with 200 digits.
func exacterlangB(c int, a float64) float64 {
	term, sum := big.NewFloat(1).SetPrec(700), big.NewFloat(1).SetPrec(700)
	for k := 1; k <= c; k++ {
		term.Mul(term, big.NewFloat(a))
		term.Quo(term, big.NewFloat(float64(k)))
		sum.Add(sum, term)
	}
	out, _ := new(big.Float).Quo(term, sum).Float64()
	return out
}

func TestErlangBAgainstSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(0, 400).Draw(t, "c")
		a := rapid.Float64Range(0.001, 800).Draw(t, "a")
		wantClose(t, "B", erlangB(c, a), exacterlangB(c, a), 1e-12)
	})
	wantClose(t, "a tiny B", erlangB(20, 0.5), 2.4e-25, 0.01)
}

func TestErlangBProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 5_000).Draw(t, "c")
		a := rapid.Float64Range(0.01, 10_000).Draw(t, "a")
		b := erlangB(c, a)
		if !(b >= max(0, 1-float64(c)/a)-1e-12 && b <= 1) {
			t.Errorf("B = %v is not from 1-c/a to 1", b)
		}
		if more := erlangB(c+1, a); more > b {
			t.Errorf("one worker more rejects more: %v, %v", more, b)
		}
		if more := erlangB(c, a*1.01); more < b {
			t.Errorf("a higher load is rejected less: %v, %v", more, b)
		}
		if b < 1e-200 || b > 0.999 {
			return
		}
		// The inverses.
		wantClose(t, "load", erlangBLoad(c, b), a, 1e-9)
		if got := must(erlangBWorkers(a, b*(1+1e-9))); got != c {
			t.Errorf("%d workers, want %d", got, c)
		}
	})
}

func TestErlangAtTheEdges(t *testing.T) {
	wantClose(t, "no workers", erlangB(0, 3), 1, 0)
	wantClose(t, "no load", erlangB(3, 0), 0, 0)
	// About a = c, B is near 1/sqrt(pi·c/2) for many workers (Erlang, 1924).
	wantClose(t, "100,000 workers", erlangB(100_000, 100_000), 1/math.Sqrt(math.Pi/2*100_000), 0.005)
	wantClose(t, "100,000 workers, twice the load", erlangB(100_000, 200_000), 0.5, 1e-4)
	if n := must(erlangBWorkers(0, 0.5)); n != 1 {
		t.Errorf("no load, of which none would be served without a worker, needs %d workers", n)
	}
}

// By the chain of clients that think or are served, seen by a client that sends.
func TestEngset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "n")
		c := rapid.IntRange(1, 60).Draw(t, "c")
		ratio := rapid.Float64Range(0.01, 10).Draw(t, "ratio")
		p, sent, lost := 1.0, 0.0, 0.0
		for j := 0; j <= min(n, c); j++ {
			if j > 0 {
				p *= float64(n-j+1) * ratio / float64(j)
			}
			sent += float64(n-j) * p
			if j == c {
				lost = float64(n-j) * p
			}
		}
		wantClose(t, "share", engset(n, c, ratio), lost/sent, 1e-10)
	})
	// Many clients that think long are a Poisson load.
	wantClose(t, "many clients", engset(10_000_000, 10, 1e-6), erlangB(10, 10), 1e-5)
	wantClose(t, "as many workers as clients", engset(10, 10, 3), 0, 0)
	wantClose(t, "no workers", engset(10, 0, 3), 1, 0)
}

// erlangBLoad is the load at which c workers without a queue reject a share of b,
// to 14 digits.
func erlangBLoad(c int, b float64) float64 {
	// Workers carry at most c: a(1-B) < c. In logarithms, for a small share has a tiny
	// load.
	lowest, highest := math.Log(math.SmallestNonzeroFloat64), math.Log(float64(c)/(1-b))
	return math.Exp(bisect(lowest, highest, func(l float64) bool { return erlangB(c, math.Exp(l)) >= b }))
}
