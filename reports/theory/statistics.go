package theory

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/a628bb15/onhold/reports/field"
)

// Estimate is a mean, and an interval that contains the truth with the confidence
// that was asked for. Low and High are infinite where they are not known.
type Estimate struct{ Mean, Low, High float64 }

// BatchMeans is the mean of values that are each from a batch of a run, or from a
// run, and its interval at a two-sided confidence such as 0.95: Student's, which is
// exact for values that are independent and normal. So batches must be long, ten
// warm-ups ([WarmUp]) or more, and at least 20; separate runs are better still, as
// the phases of constant services are not forgotten within one. With one value the
// interval is infinite. values must not be empty, and be finite.
func BatchMeans(values []float64, confidence float64) (Estimate, error) {
	if err := field.First(
		field.Check(len(values) > 0, "values", "none", "one or more"),
		field.Check(confidence > 0 && confidence < 1, "confidence", confidence, "above 0 and below 1"),
	); err != nil {
		return Estimate{}, err
	}
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Estimate{}, field.Check(false, "values", v, "finite")
		}
	}
	if len(values) == 1 {
		return Estimate{values[0], math.Inf(-1), math.Inf(1)}, nil
	}
	mean, sd := stat.MeanStdDev(values, nil)
	half := Student(confidence, len(values)-1) * sd / math.Sqrt(float64(len(values)))
	return Estimate{mean, mean - half, mean + half}, nil
}

// Student is how many standard errors a two-sided interval reaches to each side.
func Student(confidence float64, degrees int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(degrees)}.Quantile(0.5 + confidence/2)
}

// WarmUp is how long, in mean service times, an empty server with c workers and a
// queue of k must run under a load of a erlangs before its rejected share is within
// 5 % of the limit: what to discard. It is a rule, not a theorem: 5+2·min(k/|a-c|,
// k²/2c), which covered all cases tried, with constant and with exponential
// service. With k [Unbounded], a is below c, and k counts as three times what the
// queue of M/M/c would hold on average.
func WarmUp(c, k int, a float64) (float64, error) {
	n, room := float64(c), float64(k)
	if err := field.First(
		field.Check(c >= 1 && c <= MaxWorkers, "Workers", c, fmt.Sprintf("1 to %d", MaxWorkers)),
		field.Check(k >= Unbounded && k <= MaxQueue, "Queue", k, fmt.Sprintf("0 to %d, or inf", MaxQueue)),
		field.Check(a >= 0 && a <= MaxLoad, "load", a, fmt.Sprintf("0 to %g erlangs", MaxLoad)),
		field.Check(k != Unbounded || a <= n*(1-1e-9), "load", a, "below the number of workers, for the queue is unbounded"),
	); err != nil {
		return 0, err
	}
	if k == Unbounded {
		room = 3 * a / (n - a)
	}
	if room == 0 {
		return 5, nil
	}
	return 5 + 2*min(room/math.Abs(a-n), room*room/(2*n)), nil
}

// Answer is what a measurement says about what was expected.
type Answer string

// Answers of [Judge].
const (
	Inconclusive Answer = "inconclusive" // the interval is too wide
	Confirmed    Answer = "confirmed"    // all of the interval is within the bounds
	Contradicted Answer = "contradicted" // none of it is
)

// Judge reports whether an interval confirms that the truth is within delta of
// what is expected: not that no difference was seen, which too short a run never
// sees, but that none is as large. Where several are judged the confidence of each
// interval must be accordingly higher. An interval with NaN is inconclusive.
func Judge(interval Estimate, expected, delta float64) Answer {
	low, high := expected-delta, expected+delta
	switch {
	case !(interval.Low <= interval.High) || !(low <= high):
		return Inconclusive
	case interval.Low >= low && interval.High <= high:
		return Confirmed
	case interval.High < low || interval.Low > high:
		return Contradicted
	}
	return Inconclusive
}
