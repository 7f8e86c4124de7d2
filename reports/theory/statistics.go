package theory

import (
	"math"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is a mean, and an interval that holds what is estimated with the
// confidence it was asked for. Low and High are infinite where there is no
// knowing.
type Estimate struct{ Mean, Low, High float64 }

// BatchMeans is the mean of values that are each from a batch of a run, or a run
// of its own, and its interval at a two-sided confidence such as 0.95: Student's,
// which is exact for values that are independent and normal. So batches must be
// long, ten warm-ups ([WarmUp]) or more, and at least 20; runs that were started
// afresh are better still, as the phases of constant services are not forgotten
// within one. With one value the interval is infinite. values must not be empty,
// and be finite.
func BatchMeans(values []float64, confidence float64) (Estimate, error) {
	if err := firstOf(bad(len(values) > 0, "values", "none", "one or more"), badShare("confidence", confidence)); err != nil {
		return Estimate{}, err
	}
	for _, v := range values {
		if err := bad(!math.IsNaN(v) && !math.IsInf(v, 0), "values", v, "finite"); err != nil {
			return Estimate{}, err
		}
	}
	if len(values) == 1 {
		return Estimate{values[0], math.Inf(-1), math.Inf(1)}, nil
	}
	mean, sd := stat.MeanStdDev(values, nil)
	half := student(confidence, len(values)-1) * sd / math.Sqrt(float64(len(values)))
	return Estimate{mean, mean - half, mean + half}, nil
}

// student is how many standard errors a two-sided interval reaches to each side.
func student(confidence float64, degrees int) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(degrees)}.Quantile(0.5 + confidence/2)
}

// WarmUp is for how long, in mean service times, an empty server with c workers
// and k places must run under load a before its rejected share is within 5 % of
// the limit: what to discard. It is a rule, not a theorem: 5+2·min(k/|a-c|,
// k²/2c), which covered all cases tried, with constant and with exponential
// service. With k [Unbounded], k counts as what the queue of M/M/c would hold on
// average, times three; a is below c then.
func WarmUp(c, k int, a float64) (float64, error) {
	if err := firstOf(badWorkers(c), badPlaces(k), badLoad(a)); err != nil {
		return 0, err
	}
	n, places := float64(c), float64(k)
	if k == Unbounded {
		if err := badStable(c, a); err != nil {
			return 0, err
		}
		places = 3 * a / (n - a)
	}
	if places == 0 {
		return 5, nil
	}
	return 5 + 2*min(places/math.Abs(a-n), places*places/(2*n)), nil
}

// Answer is what a measurement says of what was expected.
type Answer int

// Answers of [Judge].
const (
	CannotTell   Answer = iota // too wide to say
	Confirmed                  // all of the interval is within the bounds
	Contradicted               // none of it is
)

func (a Answer) String() string {
	switch a {
	case Confirmed:
		return "confirmed"
	case Contradicted:
		return "contradicted"
	}
	return "cannot tell"
}

// Judge says whether an interval confirms that the truth is within delta of what
// is expected: not that no difference was seen, which too short a run never sees,
// but that there is none as large. Where many are judged the confidence of each
// interval must be as much higher. An interval that is not one cannot tell.
func Judge(interval Estimate, expected, delta float64) Answer {
	low, high := expected-delta, expected+delta
	switch {
	case !(interval.Low <= interval.High) || !(low <= high):
		return CannotTell
	case interval.Low >= low && interval.High <= high:
		return Confirmed
	case interval.High < low || interval.Low > high:
		return Contradicted
	}
	return CannotTell
}
