package theory

import (
	"math"
	"math/big"
	"math/cmplx"
	"testing"

	"pgregory.net/rapid"
)

// crommelin is the share that need not wait in M/D/c and the mean wait, by the
// roots of z^c = exp(a(z-1)) within the unit circle (Crommelin, 1932; Janssen and
// van Leeuwaarden, 2008): each by iteration from 0, and polished by Newton.
func crommelin(c int, a float64) (none, wait float64) {
	n := float64(c)
	product, sum := complex(1, 0), complex(0, 0)
	for k := 1; k < c; k++ {
		w := cmplx.Exp(complex(0, 2*math.Pi*float64(k)/n))
		z := complex(0, 0)
		for range 200 {
			z = w * cmplx.Exp(complex(a/n, 0)*(z-1))
		}
		for range 5 {
			e := w * cmplx.Exp(complex(a/n, 0)*(z-1))
			z -= (z - e) / (1 - complex(a/n, 0)*e)
		}
		product *= 1 - z
		sum += 1 / (1 - z)
	}
	queue := real(sum) + (a*a-n*(n-1))/(2*(n-a))
	return (n - a) / real(product), queue / a
}

func TestMDcAgainstRoots(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 150).Draw(t, "c")
		load := rapid.OneOf(rapid.Float64Range(0.3, 0.99), rapid.Just(0.9999)).Draw(t, "load")
		a := load * float64(c)
		q := mdc(c, a)
		none, wait := crommelin(c, a)
		if math.Abs(1-q.waitProbability-none) > 1e-9 {
			t.Errorf("%v wait, by roots %v", q.waitProbability, 1-none)
		}
		// The roots' sum cancels at low loads.
		if math.Abs(q.waitMean-wait) > 1e-9*q.waitMean+1e-10 {
			t.Errorf("mean wait %v, by roots %v", q.waitMean, wait)
		}
	})
	q := mdc(10, 9)
	p99, _ := q.waitQuantile(0.99)
	for about, v := range map[string][2]float64{"wait probability": {q.waitProbability, 0.647}, "mean": {q.waitMean, 0.345}, "p99": {p99, 2.07}} {
		if math.Abs(v[0]-v[1]) > 0.5e-3*math.Ceil(v[1])+1e-9 && about != "p99" || math.Abs(v[0]-v[1]) > 0.005 {
			t.Errorf("10 workers at 0.9: %s is %v, want %v", about, v[0], v[1])
		}
	}
}

// The number in the system, looked at once in a service time, is a Markov chain:
// N' = max(N-c, 0) + Poisson(a). By its powers.
func TestMDcAgainstTheChain(t *testing.T) {
	for _, row := range []struct {
		c int
		a float64
	}{{1, 0.6}, {3, 2.4}, {10, 8}, {40, 34}} {
		const states = 400
		exactly, _ := poissonLaw(row.a)
		p := make([]float64, states)
		p[0] = 1
		for range 600 {
			next := make([]float64, states)
			for n, v := range p {
				for m, e := range exactly {
					if to := max(n-row.c, 0) + m; to < states {
						next[to] += v * e
					}
				}
			}
			p = next
		}
		q := mdc(row.c, row.a)
		var busy, queue float64
		for n, v := range p {
			if n >= row.c {
				busy += v
				queue += v * float64(n-row.c)
			}
		}
		if math.Abs(q.waitProbability-busy) > 1e-9 || math.Abs(q.waitMean-queue/row.a) > 1e-9*max(1, q.waitMean) {
			t.Errorf("%v: %v wait for %v, by the chain %v for %v", row, q.waitProbability, q.waitMean, busy, queue/row.a)
		}
		for n, got := range mdcStates(row.c, row.a, row.c+60) {
			if math.Abs(got-p[n]) > 1e-9 {
				t.Errorf("%v: %d in the system with %v, by the chain %v", row, n, got, p[n])
			}
		}
	}
}

// Erlang's formula of 1909 for one worker, whose terms alternate, with 400 digits.
func erlang1909(a, t float64) float64 {
	const bits = 1400
	sum := new(big.Float).SetPrec(bits)
	for j := 0; float64(j) <= t; j++ {
		u := product(a, t-float64(j), bits)
		term := bigExp(u)
		u.Neg(u)
		for i := 1; i <= j; i++ {
			term.Mul(term, u)
			term.Quo(term, big.NewFloat(float64(i)))
		}
		sum.Add(sum, term)
	}
	sum.Mul(sum, big.NewFloat(1-a))
	out, _ := sum.Float64()
	return 1 - out
}

// product is that of two numbers with all its digits.
func product(x, y float64, bits uint) *big.Float {
	return new(big.Float).SetPrec(bits).Mul(big.NewFloat(x), big.NewFloat(y))
}

// bigExp is exp(x), for x from 0, with the digits of x.
func bigExp(x *big.Float) *big.Float {
	sum, term := new(big.Float).SetPrec(x.Prec()).SetInt64(1), new(big.Float).SetPrec(x.Prec()).SetInt64(1)
	for i := int64(1); term.Sign() > 0 && term.MantExp(nil) > -int(x.Prec()); i++ {
		term.Mul(term, x)
		term.Quo(term, new(big.Float).SetInt64(i))
		sum.Add(sum, term)
	}
	return sum
}

func TestMD1AgainstErlang1909(t *testing.T) {
	for _, a := range []float64{0.3, 0.9, 0.97} {
		q := mdc(1, a)
		for _, at := range []float64{0, 0.5, 1, 2.75, 10, 40.25} {
			want := erlang1909(a, at)
			if got := q.waitTail(at); math.Abs(got-want) > 1e-11 {
				t.Errorf("load %v: P(W > %v) = %v, want %v", a, at, got, want)
			}
		}
		wantClose(t, "Pollaczek and Khinchin", q.waitMean, mg1Wait(a, 0), 1e-10)
	}
}

func TestMDcLaw(t *testing.T) {
	for _, row := range []struct {
		c int
		a float64
	}{{1, 0.7}, {2, 1.9}, {10, 9}, {100, 95}} {
		lawHolds(t, "M/D/c", mdc(row.c, row.a), 1e-4)
	}
}

func TestMDcProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.IntRange(1, 2_000).Draw(t, "c")
		a := rapid.Float64Range(1e-6, 1-1e-9).Draw(t, "load") * float64(c)
		q, m := mdc(c, a), mmcK(c, Unbounded, a)
		sane(t, q)
		// From half of what M/M/c waits, near a = c, to all but 1/(c+1) of it.
		if q.waitMean > m.waitMean*(1+1e-9)+1e-300 || q.waitMean < m.waitMean*(0.5-1e-8)-1e-300 {
			t.Errorf("mean wait %v, with exponential service %v", q.waitMean, m.waitMean)
		}
		if more := mdc(c+1, a); more.waitMean > q.waitMean+1e-12 {
			t.Errorf("one worker more, and the wait is %v after %v", more.waitMean, q.waitMean)
		}
	})
	wantClose(t, "near a = c", mdc(10, 10*(1-1e-8)).waitMean, 0.5*mmcK(10, Unbounded, 10*(1-1e-8)).waitMean, 1e-6)
	for _, row := range []struct {
		c int
		a float64
	}{{100_000, 99_900}, {100_000, 99_999.9}, {100_000, 1}, {MaxWorkers, 999_000}, {1, 0}, {1, 5e-324}, {5, 1e-9}} {
		sane(t, mdc(row.c, row.a))
	}
}

// Where few wait, digits are left even so.
func TestMDcAtLowLoads(t *testing.T) {
	// Those who wait find 5 others: three arrivals or more in a service time before
	// it, to first order in the load.
	a := 1e-3
	q := mdc(2, a)
	wantClose(t, "waits", q.waitProbability, a*a/2, 2e-3)
	// And then for what is left of the first of two: a third of a service.
	wantClose(t, "mean", q.waitMean, a*a/2/3, 2e-3)
}

// mdcStates are the chances that 0, 1, and so on up to last are in M/D/c: those
// that came within a service time, and those that waited before it.
func mdcStates(c int, a float64, last int) []float64 {
	p, law := make([]float64, last+1), newWaitingLaw(c, a)
	for n := range p {
		p[n] = poissonSum(a, n, func(m int) float64 {
			if n == m {
				return 1 - law.more(0)
			}
			return law.more(n-m-1) - law.more(n-m)
		})
	}
	return p
}
