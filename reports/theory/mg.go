package theory

import (
	"fmt"
	"math"
)

// MGInf is how many requests are in flight at a server without a limit, under
// Poisson arrivals of load a: the model M/G/∞. Their number is of Poisson's law
// with mean a, for any law of the service time with that mean; each takes its
// service time, and none is rejected. It is exact.
type MGInf struct{ Load float64 }

// NewMGInf is the model for a load.
func NewMGInf(a float64) (MGInf, error) { return MGInf{a}, badLoad(a) }

// InFlightQuantile is the smallest number that is not exceeded for a share p of
// the time, for p from 0 and below 1; ok is false where p is not.
func (m MGInf) InFlightQuantile(p float64) (n int, ok bool) {
	if !(p >= 0 && p < 1) || badLoad(m.Load) != nil {
		return 0, false
	}
	low, high := -1, int(m.Load)+1
	for poissonAbove(high, m.Load) > 1-p {
		low, high = high, high*2
	}
	for high-low > 1 {
		if mid := low + (high-low)/2; poissonAbove(mid, m.Load) > 1-p {
			low = mid
		} else {
			high = mid
		}
	}
	return high, true
}

// MG1Wait is the mean wait, in mean service times, at one worker with a queue
// without a bound, under Poisson arrivals of load a, below 1, where cv is the
// standard deviation of the service time over its mean: the model M/G/1, such as
// an event loop, with what it does for a request between two waits as service. It
// is exact (Pollaczek and Khinchin), whatever the law of service. cv is from 0 to
// 100.
func MG1Wait(a, cv float64) (float64, error) {
	if err := firstOf(badLoad(a), badStable(1, a), bad(cv >= 0 && cv <= maxCV, "cv", cv, fmt.Sprintf("from 0 to %d", maxCV))); err != nil {
		return 0, err
	}
	return a * (1 + cv*cv) / (2 * (1 - a)), nil
}

// MGcWait is an approximation of the mean wait, in mean service times, at c
// workers with a queue without a bound, under Poisson arrivals of load a, below
// c, where cv is the standard deviation of the service time over its mean, from 0
// to 1: by interpolation over the square of cv between M/D/c and M/M/c, of which
// it is exact at both ends (Cosmetatos; Tijms, A First Course in Stochastic
// Models, section 9.6). Above 1 nothing simple can be trusted to within 5 %:
// [Simulate].
func MGcWait(c int, a, cv float64) (float64, error) {
	if err := bad(cv >= 0 && cv <= 1, "cv", cv, "from 0 to 1"); err != nil {
		return 0, err
	}
	d, err := MDc(c, a)
	if err != nil {
		return 0, err
	}
	m, err := mmc(c, a)
	if err != nil {
		return 0, err
	}
	s := cv * cv
	return (1-s)*d.WaitMean + s*m.WaitMean, nil
}

// EventLoop is what an asynchronous server does whose requests each need cpu
// seconds of one loop, in one go, at a rate a second: the share of time that the
// loop is busy, and the mean wait for it in seconds, with cv as in [MG1Wait]. The
// rate at which it is busy all the time, 1/cpu, is its limit. It is exact for
// Poisson arrivals.
func EventLoop(rate, cpu, cv float64) (busy, wait float64, err error) {
	if err := firstOf(badTime("rate", rate), badPositive("cpu", cpu)); err != nil {
		return 0, 0, err
	}
	w, err := MG1Wait(rate*cpu, cv)
	if err != nil {
		return 0, 0, err
	}
	if math.IsInf(w*cpu, 0) {
		return 0, 0, bad(false, "cpu", cpu, "smaller")
	}
	return rate * cpu, w * cpu, nil
}
