package theory

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// brunGarcia is the rejected share and the mean wait of M/D/1/K by the closed form
// of Brun and Garcia, Journal of Applied Probability 37, 2000, whose terms
// alternate, with 300 digits.
func brunGarcia(k int, a float64) (rejected, wait float64) {
	const bits = 1000
	n := k + 1 // in the system
	b := func(n int) *big.Float {
		sum := new(big.Float).SetPrec(bits)
		for i := 0; i <= n; i++ {
			u := product(a, float64(n-i), bits)
			term := bigExp(u)
			u.Neg(u)
			for j := 1; j <= i; j++ {
				term.Mul(term, u)
				term.Quo(term, big.NewFloat(float64(j)))
			}
			sum.Add(sum, term)
		}
		return sum
	}
	all := new(big.Float).SetPrec(bits)
	for i := range n {
		all.Add(all, b(i))
	}
	last, _ := b(n - 1).Float64()
	full := 1 - last/(1+a*last)
	sum, _ := all.Float64()
	return full, float64(n-1) - (sum-float64(n))/(a*last)
}

func TestMD1KAgainstBrunAndGarcia(t *testing.T) {
	for _, row := range []struct {
		k int
		a float64
	}{{1, 0.5}, {2, 1.3}, {5, 0.9}, {10, 1}, {20, 1.5}, {30, 0.95}} {
		q := md1K(row.k, row.a)
		rejected, wait := brunGarcia(row.k, row.a)
		// The closed form loses digits of a small share in 1-x at the very end.
		if math.Abs(q.rejected-rejected) > 1e-13 || !close(q.waitMean, wait, 1e-11) {
			t.Errorf("%v: %v and %v, want %v and %v", row, q.rejected, q.waitMean, rejected, wait)
		}
		lawHolds(t, "M/D/1/K", q, 1e-4)
	}
}

// By the recursion from book to book, where that still works.
func TestMD1KAgainstTheRecursion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 12).Draw(t, "k")
		a := rapid.Float64Range(0.2, 2).Draw(t, "a")
		exactly, _ := poissonLaw(a)
		at := func(n int) float64 {
			if n < len(exactly) {
				return exactly[n]
			}
			return 0
		}
		p := []float64{1}
		sum := 1.0
		for j := range k {
			v := p[j] - p[0]*at(j)
			for i := 1; i <= j; i++ {
				v -= p[i] * at(j-i+1)
			}
			p = append(p, v/at(0))
			sum += p[j+1]
		}
		if got, want := md1K(k, a).rejected, 1-1/(p[0]/sum+a); math.Abs(got-want) > 1e-6*want+1e-13 {
			t.Errorf("rejected %v, want %v", got, want)
		}
	})
}

func TestMD1KLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(0, 60).Draw(t, "k")
		a := rapid.OneOf(rapid.Float64Range(0.001, 3), rapid.Float64Range(3, 1_000)).Draw(t, "a")
		q := md1K(k, a)
		sane(t, q)
		bounds(t, 1, k, a, q.rejected)
		if more := md1K(k+1, a); more.rejected > q.rejected*(1+1e-12) {
			t.Errorf("a place more rejects more: %v, %v", more.rejected, q.rejected)
		}
		if q.waitMean > float64(k) {
			t.Errorf("mean wait %v", q.waitMean)
		}
	})
	wantClose(t, "no places", md1K(0, 0.7).rejected, 0.7/1.7, 1e-14)
	bounded, unbounded := md1K(2_000, 0.95), mdc(1, 0.95)
	wantClose(t, "mean of many places", bounded.waitMean, unbounded.waitMean, 1e-9)
	wantClose(t, "tail of many places", bounded.waitTail(12.3), unbounded.waitTail(12.3), 1e-9)
	for _, a := range []float64{1e-9, 0.9, 1.1, 299, 301, 1e7} {
		sane(t, md1K(50_000, a))
	}
}

// bounds hold for M/D/c/K at any load.
func bounds(t errorer, c, k int, a, rejected float64) {
	t.Helper()
	least := max(0, 1-float64(c)/a)
	most := min(erlangB(c, a), mmcK(c, k, a).rejected)
	if rejected < least-1e-9 || rejected > most+1e-9 {
		t.Errorf("%d workers, %d places, a = %v: %v is not from %v to %v", c, k, a, rejected, least, most)
	}
}

func TestMD2KLimits(t *testing.T) {
	for _, a := range []float64{1e-7, 0.01, 0.5, 1.7, 2, 3.5, 9.5, 20} {
		var last float64
		for i, k := range []int{0, 1, 2, 7, 20} {
			q := md2K(k, a)
			sane(t, q)
			bounds(t, 2, k, a, q.rejected)
			if i > 0 && q.rejected > last+1e-11 {
				t.Errorf("%d places, a = %v: rejected %v, with fewer %v", k, a, q.rejected, last)
			}
			if q.waitMean > math.Ceil(float64(k)/2) {
				t.Errorf("%d places, a = %v: mean wait %v", k, a, q.waitMean)
			}
			last = q.rejected
		}
	}
	wantClose(t, "no places", md2K(0, 1.7).rejected, erlangB(2, 1.7), 1e-14)
	bounded, unbounded := md2K(200, 1.8), mdc(2, 1.8)
	wantClose(t, "mean of many places", bounded.waitMean, unbounded.waitMean, 1e-8)
	wantClose(t, "waits, of many places", bounded.waitProbability, unbounded.waitProbability, 1e-8)
	for _, at := range []float64{0, 0.3, 1, 1.7, 4.25} {
		wantClose(t, "tail of many places", bounded.waitTail(at), unbounded.waitTail(at), 1e-8)
	}
	for _, row := range []struct {
		k int
		a float64
	}{{1, 0.5}, {7, 1.8}} {
		lawHolds(t, "M/D/2/K", md2K(row.k, row.a), 1e-4)
	}
}

// By a chain on a grid of time, of what is left of both services and whether one
// waits, with the error of the grid, and what is left of it, taken out by three of
// them.
func TestMD2KAgainstAGrid(t *testing.T) {
	const a = 1.6
	coarse, fine, finest := gridMD21(16, a), gridMD21(32, a), gridMD21(64, a)
	want := (4*(2*finest-fine) - (2*fine - coarse)) / 3
	if got := md2K(1, a).rejected; math.Abs(got-want) > 3e-5 {
		t.Errorf("rejected %v, by a grid %v", got, want)
	}
}

// gridMD21 is the rejected share of M/D/2/1 in slots of 1/n of a service, in each
// of which one arrives or none. The state is what is left of both services, the
// larger first, and whether one waits.
func gridMD21(n int, a float64) float64 {
	size := n + 1
	p := make([]float64, size*size*2)
	at := func(x, y, w int) int { return (x*size+y)*2 + w }
	p[at(0, 0, 0)] = 1
	come := 1 - math.Exp(-a/float64(n))
	var lost float64
	for range 30 * n {
		next := make([]float64, len(p))
		lost = 0
		for x := range size {
			for y := 0; y <= x; y++ {
				for w := range 2 {
					v := p[at(x, y, w)]
					if v == 0 {
						continue
					}
					// A slot goes by, and who waits takes a worker that is free.
					left := [2]int{max(x-1, 0), max(y-1, 0)}
					waits := w
					if waits == 1 && left[1] == 0 {
						left[1], waits = n, 0
					}
					put := func(left [2]int, waits int, v float64) {
						next[at(max(left[0], left[1]), min(left[0], left[1]), waits)] += v
					}
					put(left, waits, v*(1-come))
					low := 0
					if left[1] < left[0] {
						low = 1
					}
					switch {
					case left[low] == 0:
						left[low] = n
						put(left, waits, v*come)
					case waits == 0:
						put(left, 1, v*come)
					default:
						lost += v
						put(left, waits, v*come)
					}
				}
			}
		}
		p = next
	}
	return lost
}
