package theory

import (
	"math"

	"gonum.org/v1/gonum/mat"
)

// Limits of [md2K]; beyond them servers are simulated.
const (
	maxMD2KQueue = 1_000
	maxMD2KLoad  = 20
)

// md2K is the server with two workers and a queue of k, Poisson arrivals of load a,
// and constant service, first come first served: M/D/2/K. It is exact to ten digits.
// k is from 0 to [maxMD2KQueue] and a to [maxMD2KLoad]. It takes a time of k, 0.1 s
// for 1000 places at load 2. nil: no solution was found.
//
// The chain at multiples of the service time, which solves M/D/c, is not exact here:
// how many arrivals are accepted depends on when in that time places become free.
// But while both workers are busy they finish in turn, after x, 1-x, x and so on,
// and only a time in which one was idle draws a new x. Given x, the number waiting
// after departures is a Markov chain that goes down by one at most: it is solved
// level by level. How often each x is drawn solves one integral equation, whose
// kernel is smooth on either side of its edge: it is solved at Gauss points.
func md2K(k int, a float64) *queue {
	q := &queue{workers: 2, load: a, longest: math.Ceil(float64(k) / 2)}
	if k == 0 || a < 1e-6 {
		// Below, fewer than one in 10^18 is rejected where there is a queue, or waits.
		q.rejected = erlangB(2, a) * boolTo(k == 0)
		q.tail = never
		return q
	}
	n := 24 + 8*int(a/4) // never 26, see gauss
	x, w := gauss(n, 0, 1)
	spells := make([]*spell, n)
	for i := range spells {
		spells[i] = newSpell(x[i], k, a)
	}
	density, ok := phases(x, w, spells, a)
	if !ok {
		return nil
	}
	// Means of a cycle: from the start of one spell of two busy workers to the next.
	var rejected, area, duration, waited float64
	for i, s := range spells {
		p := w[i] * density[i]
		rejected += p * s.rejected
		area += p * s.waiting
		duration += p * (s.duration + s.ends[0]*alone(1-x[i], a) + s.ends[1]*alone(x[i], a))
		waited += p * (s.upTo[0][0] + s.upTo[1][0])
	}
	accepted := a*duration - rejected
	q.rejected = share(rejected / (a * duration))
	q.waitMean = area / accepted
	q.waitProbability = share(waited / accepted)
	curve := newInterpolation(x)
	q.tail = func(t float64) float64 {
		// Over x there are edges where a request that is served by t is not at the next
		// x: the integrals are over the parts between, interpolated from the points.
		edge := t - math.Floor(t)
		cuts := [...]float64{0, min(edge, 1-edge), max(edge, 1-edge), 1}
		var sum float64
		for i := range 3 {
			if cuts[i+1]-cuts[i] < 1e-12 {
				continue
			}
			at, weight := gauss(n, cuts[i], cuts[i+1])
			for g, x := range at {
				share := curve.at(x)
				for i := range share {
					share[i] *= density[i]
				}
				sum += weight[g] * (longer(spells, share, 0, x, a, t) + longer(spells, share, 1, 1-x, a, t))
			}
		}
		return sum / accepted
	}
	return q
}

// alone is the mean time from when one worker becomes idle, and the other has y
// left, to when both are busy again.
func alone(y, a float64) float64 {
	// The worker is idle until a request comes. If none does in y, both are, until one
	// comes, and then it is as with y = 1.
	none := math.Exp(-a * y)
	again := none / -math.Expm1(-a) // services begun with nobody there
	return (1-none)/a + again*(1/a-math.Expm1(-a)/a)
}

// spell is the means of a time in which both workers are busy. It starts with
// nobody waiting, x left of one service and all of the other.
type spell struct {
	length   [2]float64   // between departures, in turn
	visits   [][2]float64 // visits[n][p]: with n waiting, and length[p] to the next
	ends     [2]float64   // share that ends after a length[p]
	rejected float64
	waiting  float64 // summed over time
	duration float64
	found    [2][]float64 // found[p][j]: accepted in a length[p] to j before them
	upTo     [2][]float64 // found of j or more
}

func newSpell(x float64, k int, a float64) *spell {
	s := &spell{length: [2]float64{x, 1 - x}}
	var exactly, above [2][]float64
	for p, l := range s.length {
		exactly[p], above[p] = poissonLaw(a * l)
	}
	s.visits = visits(k, exactly, above)
	for p, l := range s.length {
		more := fromEnd(above[p])
		s.ends[p] = s.visits[0][p] * exactly[p][0]
		s.found[p] = make([]float64, k)
		for n, v := range s.visits {
			v := v[p]
			s.duration += v * l
			if k-n < len(more) {
				s.rejected += v * more[k-n]
			}
			s.waiting += v * float64(n) * l
			for m := range min(len(above[p]), k-n) {
				s.waiting += v * more[m+1] / a
				s.found[p][n+m] += v * above[p][m]
			}
		}
		s.upTo[p] = fromEnd(s.found[p])
	}
	return s
}

// longer is how many arrive in a length l, the p-th in turn, and wait longer than t,
// in a spell interpolated by shares of those at the points.
func longer(spells []*spell, share []float64, p int, l, a, t float64) float64 {
	// With j before it a request waits for the end of this length, and for j more in
	// turn: two are one service.
	after := func(j int) float64 { return float64(j/2) + float64(j%2)*(1-l) }
	k := len(spells[0].found[p])
	j := max(0, 2*(int(t)-1))
	var sum float64
	for ; j < k && after(j) < t; j++ {
		by := min(l+after(j)-t, l) // those that arrive by then
		if by <= 0 {
			continue
		}
		for n := j; n >= 0; n-- {
			come := poissonAbove(j-n, a*by)
			if j-n > 20 && come < 1e-20 {
				break
			}
			for i, s := range spells {
				sum += share[i] * s.visits[n][p] * come
			}
		}
	}
	for i, s := range spells {
		sum += share[i] * s.upTo[p][min(j, k)]
	}
	return sum
}

type square [2][2]float64

func (a square) times(b square) (c square) {
	for i := range 2 {
		for j := range 2 {
			c[i][j] = a[i][0]*b[0][j] + a[i][1]*b[1][j]
		}
	}
	return c
}

// flipped goes from each phase to the other with the probabilities a.
func flipped(a [2]float64) square { return square{{0, a[0]}, {a[1], 0}} }

// visits is how often a spell is in each state right after a departure.
func visits(k int, exactly, above [2][]float64) [][2]float64 {
	last := k - 1 // most that wait after a departure
	// step has the probabilities of going from n to n-1+j, in either phase.
	step := func(n, j int) (a [2]float64) {
		for p := range a {
			switch {
			case n-1+j == last && j-1 < len(above[p]):
				a[p] = above[p][j-1]
			case n-1+j < last && j < len(exactly[p]):
				a[p] = exactly[p][j]
			}
		}
		return a
	}
	reach := 1 // how far up a step goes
	for reach < k && (above[0][min(reach, len(above[0])-1)] > 1e-18 || above[1][min(reach, len(above[1])-1)] > 1e-18) {
		reach++
	}
	down := make([]square, k) // down[n]: the phase in which n-1 is first reached from n
	stay := make([]square, k) // stay[n]: visits of n before n-1, by phase
	for n := last; n >= 0; n-- {
		u := square{}
		path := square{{1, 0}, {0, 1}} // from m down to n
		for m := n; m <= min(last, n-1+reach); m++ {
			if m > n {
				path = down[m].times(path)
			}
			u = plus(u, flipped(step(n, m-n+1)).times(path))
		}
		stay[n] = inverseOfRest(u)
		down[n] = stay[n].times(flipped([2]float64{exactly[0][0], exactly[1][0]}))
	}
	out := make([][2]float64, k)
	for n := range out {
		var into [2]float64
		if n == 0 {
			into[0] = 1
		}
		path := square{{1, 0}, {0, 1}}
		for m := n; m <= min(last, n-2+reach); m++ {
			if m > n {
				path = down[m].times(path)
			}
			for i := max(0, m+1-reach); i < n; i++ {
				a := step(i, m-i+1)
				from := [2]float64{out[i][1] * a[1], out[i][0] * a[0]}
				for p := range into {
					into[p] += from[0]*path[0][p] + from[1]*path[1][p]
				}
			}
		}
		for p := range into {
			out[n][p] = into[0]*stay[n][0][p] + into[1]*stay[n][1][p]
		}
	}
	return out
}

func plus(a, b square) square {
	for i := range 2 {
		for j := range 2 {
			a[i][j] += b[i][j]
		}
	}
	return a
}

// inverseOfRest is the inverse of 1-u.
func inverseOfRest(u square) square {
	a, b, c, d := 1-u[0][0], -u[0][1], -u[1][0], 1-u[1][1]
	det := a*d - b*c
	return square{{d / det, -b / det}, {-c / det, a / det}}
}

// phases is the density of the phases with which spells start, at the points x with
// weights w.
func phases(x, w []float64, spells []*spell, a float64) ([]float64, bool) {
	n := len(x)
	upper := integrals(x, a)
	// A spell that starts with x[i] leaves a worker with y left, x[i] or 1-x[i]. If a
	// request arrives in y, the next phase is what is left of y then, with density
	// a·exp(-a(y-x)) below y; if not, the same with y = 1, and so on.
	t := mat.NewDense(n, n, nil)
	for i := range n {
		for y := range n {
			chance := upper[i][y]
			chance += math.Exp(-a*x[y]) * w[y] * a * math.Exp(-a*(1-x[i])) / -math.Expm1(-a)
			// Spells that end with x[y] left: after the first length of 1-x[y], or the second.
			from := n - 1 - y
			t.Set(i, from, t.At(i, from)+chance*spells[from].ends[0])
			t.Set(i, y, t.At(i, y)+chance*spells[y].ends[1])
		}
	}
	for i := range n {
		t.Set(i, i, t.At(i, i)-1)
	}
	right := mat.NewVecDense(n, nil)
	for j := range n { // one equation follows from the others; the density must sum to 1
		t.Set(n-1, j, w[j])
	}
	right.SetVec(n-1, 1)
	var out mat.VecDense
	if err := out.SolveVec(t, right); err != nil {
		return nil, false
	}
	return out.RawVector().Data, true
}

// integrals has, in row i, the weights of the points for the integral over y from
// x[i] to 1 of a·exp(-a(y-x[i])) times a function known at the points.
func integrals(x []float64, a float64) [][]float64 {
	n := len(x)
	curve := newInterpolation(x)
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, n)
		s, w := gauss(n, x[i], 1)
		for g, at := range s {
			for j, share := range curve.at(at) {
				out[i][j] += w[g] * a * math.Exp(-a*(at-x[i])) * share
			}
		}
	}
	return out
}
