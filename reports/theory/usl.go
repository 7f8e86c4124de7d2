package theory

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// USLPoint is a measured throughput X, in any unit, at a load or a size of N, such
// as clients or processors.
type USLPoint struct{ N, X float64 }

// USLMethod says which squares a fit makes least. It must be stated beside a fit:
// the same points give a kappa of another size, or another sign, by the other.
type USLMethod string

// Methods of [FitUSL].
const (
	// USLOfThroughput takes the squares of the errors of X: right where the noise
	// of X is as large at any N.
	USLOfThroughput USLMethod = "least squares of X"
	// USLOfTime takes those of N/X, the time that a request takes, in which the law
	// is linear: right where the noise of that is as large at any N.
	USLOfTime USLMethod = "least squares of N/X"
)

// USL is the Universal Scalability Law with the parameters that fit some points:
// X(N) = Gamma·N / (1 + Sigma·(N-1) + Kappa·N·(N-1)). It is empirical, and exact of
// nothing. A pool of c workers under closed clients is a kinked line, min(N,c)/S,
// which a fit mistakes for contention: fit what is bound by a processor or a lock.
// The intervals are Student's, of the law made linear where it fits best, and hold
// as far as the law does. Nothing is forced to be positive: a Kappa or a Sigma
// below 0 says that the law does not fit, or that the noise is larger than it.
//
// Source: Gunther, Guerrilla Capacity Planning, 2007.
type USL struct {
	Method              USLMethod
	Gamma, Sigma, Kappa Estimate
	Confidence          float64
	Residual            float64 // standard deviation of the errors, of X or of N/X
}

// FitUSL fits the law to points, at least four, of at least three N, all above 0.
// An error where they do not determine it.
func FitUSL(points []USLPoint, method USLMethod, confidence float64) (USL, error) {
	if err := firstOf(bad(len(points) >= 4, "points", len(points), "four or more"), badShare("confidence", confidence),
		bad(method == USLOfThroughput || method == USLOfTime, "method", method, "one of the USLMethods")); err != nil {
		return USL{}, err
	}
	distinct := map[float64]bool{}
	for _, p := range points {
		ok := p.N > 0 && p.X > 0 && p.N < 1e9 && p.X < 1e100 && p.X > 1e-100
		if err := bad(ok, "points", p, "of finite N and X above 0"); err != nil {
			return USL{}, err
		}
		distinct[p.N] = true
	}
	if err := bad(len(distinct) >= 3, "points", len(distinct), "of three N or more"); err != nil {
		return USL{}, err
	}
	// As the law of N/X: linear in b0 = 1/Gamma, b1 = Sigma/Gamma, b2 = Kappa/Gamma.
	b, cov, residual, err := fitTimes(points)
	if err == nil && method == USLOfThroughput {
		b, cov, residual, err = fitThroughput(points, b)
	}
	if err != nil {
		return USL{}, err
	}
	if !(b[0] > 0) {
		return USL{}, bad(false, "points", points[0], "such that a single one has a throughput above 0 by the law")
	}
	u := USL{Method: method, Confidence: confidence, Residual: residual}
	t := student(confidence, len(points)-3)
	g := 1 / b[0]
	u.Gamma = around(g, []float64{-g * g, 0, 0}, cov, t)
	u.Sigma = around(b[1]*g, []float64{-b[1] * g * g, g, 0}, cov, t)
	u.Kappa = around(b[2]*g, []float64{-b[2] * g * g, 0, g}, cov, t)
	for _, e := range []Estimate{u.Gamma, u.Sigma, u.Kappa} {
		if math.IsNaN(e.Low) || math.IsNaN(e.High) || math.IsInf(e.Mean, 0) {
			return USL{}, errUndetermined(points)
		}
	}
	return u, nil
}

// At is the throughput at n by the law.
func (u USL) At(n float64) float64 {
	return u.Gamma.Mean * n / (1 + u.Sigma.Mean*(n-1) + u.Kappa.Mean*n*(n-1))
}

// Peak is the N of the largest throughput; ok is false where the law has none,
// because Kappa is not above 0 or Sigma is above 1.
func (u USL) Peak() (n float64, ok bool) {
	s, k := u.Sigma.Mean, u.Kappa.Mean
	if !(k > 0) || s >= 1 {
		return 0, false
	}
	return math.Sqrt((1 - s) / k), true
}

func errUndetermined(points []USLPoint) error {
	return bad(false, "points", fmt.Sprintf("%d of them", len(points)), "such that they determine the law")
}

// around is a function of the parameters with its gradient, and its interval.
func around(v float64, gradient []float64, cov *mat.SymDense, t float64) Estimate {
	g := mat.NewVecDense(3, gradient)
	half := t * math.Sqrt(max(0, mat.Inner(g, cov, g)))
	return Estimate{v, v - half, v + half}
}

func row(n float64) [3]float64 { return [3]float64{1, n - 1, n * (n - 1)} }

// fitTimes is the linear fit.
func fitTimes(points []USLPoint) (b [3]float64, cov *mat.SymDense, residual float64, err error) {
	return linear(points, func(p USLPoint) ([3]float64, float64) { return row(p.N), p.N / p.X })
}

// fitThroughput goes on from the linear fit b by Gauss's and Newton's steps, each
// halved until it makes the squares less.
func fitThroughput(points []USLPoint, b [3]float64) ([3]float64, *mat.SymDense, float64, error) {
	value := func(b [3]float64, n float64) float64 {
		r := row(n)
		return n / (b[0]*r[0] + b[1]*r[1] + b[2]*r[2])
	}
	squares := func(b [3]float64) (sum float64) {
		for _, p := range points {
			v := value(b, p.N)
			if !(v > 0) { // beyond a pole
				return math.Inf(1)
			}
			sum += (p.X - v) * (p.X - v)
		}
		return sum
	}
	best := squares(b)
	if math.IsInf(best, 1) {
		// The linear fit has a pole among the points: start from one without.
		var sum float64
		for _, p := range points {
			sum += p.X / p.N
		}
		b = [3]float64{float64(len(points)) / sum, 0, 0}
		best = squares(b)
	}
	for range 200 {
		step, cov, residual, err := linear(points, func(p USLPoint) ([3]float64, float64) {
			v := value(b, p.N)
			r := row(p.N)
			for i := range r {
				r[i] *= -v * v / p.N // the slope of v
			}
			return r, p.X - v
		})
		if err != nil {
			return b, nil, 0, err
		}
		next, scale := b, 1.0
		improved := false
		for range 60 {
			for i := range b {
				next[i] = b[i] + scale*step[i]
			}
			if s := squares(next); s < best {
				improved = best-s > 1e-14*best
				b, best = next, s
				break
			}
			scale /= 2
		}
		if !improved {
			// Of the errors as they are, not of what is left of them by one more step.
			was := residual
			residual = math.Sqrt(best / float64(len(points)-3))
			if was > 0 {
				cov.ScaleSym(residual*residual/(was*was), cov)
			}
			return b, cov, residual, nil
		}
	}
	return b, nil, 0, errUndetermined(points)
}

// linear is the least-squares fit of three parameters: row and value of a point
// are told by of.
func linear(points []USLPoint, of func(USLPoint) ([3]float64, float64)) (b [3]float64, cov *mat.SymDense, residual float64, err error) {
	n := len(points)
	a, y := mat.NewDense(n, 3, nil), mat.NewVecDense(n, nil)
	for i, p := range points {
		r, v := of(p)
		a.SetRow(i, r[:])
		y.SetVec(i, v)
	}
	// Columns of one size, or the fit looks undetermined where units differ.
	var size [3]float64
	for j := range size {
		size[j] = mat.Norm(a.ColView(j), 2)
		if !(size[j] > 0) || math.IsInf(size[j], 0) {
			return b, nil, 0, errUndetermined(points)
		}
		for i := range n {
			a.Set(i, j, a.At(i, j)/size[j])
		}
	}
	var qr mat.QR
	qr.Factorize(a)
	var x, fitted mat.VecDense
	if err := qr.SolveVecTo(&x, false, y); err != nil {
		return b, nil, 0, errUndetermined(points)
	}
	fitted.MulVec(a, &x)
	fitted.SubVec(y, &fitted)
	residual = mat.Norm(&fitted, 2) / math.Sqrt(float64(n-3))
	var normal, inverse mat.Dense
	normal.Mul(a.T(), a)
	if err := inverse.Inverse(&normal); err != nil {
		return b, nil, 0, errUndetermined(points)
	}
	cov = mat.NewSymDense(3, nil)
	for i := range b {
		b[i] = x.AtVec(i) / size[i]
		for j := i; j < 3; j++ {
			cov.SetSym(i, j, residual*residual*inverse.At(i, j)/size[i]/size[j])
		}
	}
	return b, cov, residual, nil
}
